"""A cluster and a server that run for a year: their certificates are renewed, and nobody has to do or trust anything anew."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from seaway.base.clock import SystemClock
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.objects.builtin import NAMESPACES
from seaway.portal.certificates import ensure_certificate
from seaway.portal.serve import ServeSettings, bind, serve
from tests.waiting import until

DAY = 86400.0


class OtherDay(SystemClock):
    """The machine's clock, and some days more: certificates of then are looked at by TLS of today."""

    def __init__(self, days: float) -> None:
        self.days = days

    def now(self) -> float:
        return time.time() + self.days * DAY


async def shown(url: str) -> x509.Certificate:
    place = urlsplit(url)
    text = await asyncio.to_thread(ssl.get_server_certificate, (place.hostname or "", place.port or 0))
    return x509.load_pem_x509_certificate(text.encode())


async def may_ask(kubeconfig: Path) -> bool:
    client = Client(HttpTransport(load_kubeconfig(kubeconfig)))
    try:
        return bool((await client.list(NAMESPACES))["items"])
    finally:
        await client.close()


async def test_a_clusters_certificates_are_renewed_while_it_runs(tmp_path: Path) -> None:
    clock = OtherDay(-300)
    settings = ClusterSettings(
        home=tmp_path, nodes=0, in_memory=True, run_network=False, certificates_seconds=0.05
    )
    async with run_cluster(settings, clock) as cluster:
        first, before = await shown(cluster.url), tmp_path / "before"
        before.write_bytes(cluster.kubeconfig.read_bytes())
        assert await may_ask(before)
        clock.days = 0  # 65 days are left
        new = await until(lambda: shown(cluster.url), "another one is shown", check=lambda one: one != first)
        assert (new.not_valid_after_utc.timestamp() - time.time()) > 364 * DAY
        await until(
            lambda: cluster.kubeconfig.read_bytes(),
            "the kubeconfig too",
            check=lambda text: text != before.read_bytes(),
        )
        assert await may_ask(before), "whoever has the old kubeconfig goes on"
        assert await may_ask(cluster.kubeconfig)
        assert await may_ask(cluster.user_kubeconfig)


async def test_a_servers_certificate_is_renewed_while_it_runs(tmp_path: Path) -> None:
    async def app(_scope, _receive, send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body", "body": b""})

    clock = OtherDay(-700)

    def today() -> datetime:
        return datetime.fromtimestamp(clock.now(), UTC)

    files = ensure_certificate(tmp_path, today())
    serving = ServeSettings(
        tmp_path / "port", files, certificate_seconds=0.05, renew=lambda: ensure_certificate(tmp_path, today(), starting=False)
    )  # fmt: skip
    listener = bind(serving)
    host, port = listener.getsockname()
    trusts = ssl.create_default_context(cadata=files.ca.read_text())
    async with serve(app, serving, listener):
        url = f"https://{host}:{port}"
        first = await shown(url)
        clock.days = 0  # 30 days are left
        await until(lambda: shown(url), "another one is shown", check=lambda one: one != first)
        reader, writer = await asyncio.open_connection(host, port, ssl=trusts)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        writer.close()
