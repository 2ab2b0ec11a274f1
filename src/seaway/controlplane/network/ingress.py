"""Serve Ingresses: one port for HTTP, one for TLS, on this machine alone; opened when there is an Ingress.

What an Ingress controller is on real Kubernetes.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import ssl
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seaway.base.clock import Clock
from seaway.base.tasks import cancel_all
from seaway.client.client import Client
from seaway.controlplane.network import http, routes
from seaway.controlplane.network.balance import Endpoint, endpoints_of
from seaway.controlplane.network.proxy import BY_SERVICE, service_of
from seaway.controlplane.network.settings import NetworkSettings
from seaway.objects.builtin import ENDPOINT_SLICES, INGRESS_CLASSES, INGRESSES, SECRETS, SERVICES
from seaway.objects.errors import NotFound
from seaway.objects.meta import key, split_key
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter
from seaway.reconcile.informer import Informers
from seaway.reconcile.recorder import EventRecorder
from seaway.reconcile.sources import Source, always

log = logging.getLogger(__name__)
Object = dict[str, Any]
_ALL = "all"
_SECRET_SECONDS = 10.0
"""How often certificates are read again: Secrets are not watched."""


class Unusable(Exception):
    """A Secret holds no certificate that can be shown; the message says why."""


class IngressProxy:
    """Holds the two ports and the rules."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        clock: Clock,
        settings: NetworkSettings,
    ) -> None:
        self.name = "ingress proxy"
        self._client, self._recorder, self._settings = client, recorder, settings
        self._ingresses = informers.informer(INGRESSES)
        self._classes = informers.informer(INGRESS_CLASSES)
        self._services = informers.informer(SERVICES)
        self._slices = informers.informer(ENDPOINT_SLICES, indices={BY_SERVICE: service_of})
        self._rules: list[routes.Rule] = []
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._read: dict[str, tuple[str, ssl.SSLContext]] = {}
        self._told: dict[tuple[str, str], str] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._turn = 0
        self._open: set[asyncio.Task[None]] = set()
        sources = (Source(self._ingresses, always(_ALL)), Source(self._classes, always(_ALL)))
        self._controller = Controller(self.name, sources, self._reconcile, clock=clock)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled."""
        try:
            await self._controller.run(ready)
        finally:
            for server in self._servers.values():
                server.close()
            await cancel_all(self._open)

    def port(self, scheme: str) -> int:
        """Return the port that is open for "http" or "https", 0 for none."""
        server = self._servers.get(scheme)
        return int(server.sockets[0].getsockname()[1]) if server is not None and server.sockets else 0

    async def _reconcile(self, _: str) -> Outcome:
        classes = self._classes.list()
        ours = [one for one in self._ingresses.list() if routes.is_ours(one, classes)]
        here = {key(one) for one in ours}
        self._told = {at: text for at, text in self._told.items() if at[0] in here}
        self._rules = routes.rules_of(ours)
        await self._load(ours)
        problem = await self._level({"http" for _ in ours} | {"https" for _ in self._contexts})
        for ingress in ours:
            if problem:
                self._tell(ingress, "NotServed", problem)
            await self._publish(ingress)
        return RequeueAfter(self._settings.retry_seconds if problem else _SECRET_SECONDS) if ours else DONE

    async def _level(self, wanted: set[str]) -> str:
        """Open and close the ports; return why one cannot be opened."""
        for scheme in self._servers.keys() - wanted:
            self._servers.pop(scheme).close()
        ports = {"http": self._settings.ingress_port, "https": self._settings.ingress_tls_port}
        for scheme in sorted(wanted - self._servers.keys()):
            try:
                self._servers[scheme] = await asyncio.start_server(
                    self._serve_tls if scheme == "https" else self._serve, self._settings.node_port_address,
                    ports[scheme], limit=http.MOST_HEAD, ssl=self._outer() if scheme == "https" else None,
                )  # fmt: skip
            except OSError as error:
                where = f"{self._settings.node_port_address}:{ports[scheme]}"
                return (
                    f"{where} cannot be opened for Ingresses: {error.strerror or error}; choose another port"
                )
        return ""

    def _outer(self) -> ssl.SSLContext:
        """Return TLS settings that show each host its own certificate."""
        outer = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        outer.minimum_version = ssl.TLSVersion.TLSv1_2

        def choose(connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> int | None:
            found = routes.certificate_for(self._contexts, (host or "").lower())
            if found is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            connection.context = found
            return None

        outer.sni_callback = choose
        return outer

    async def _load(self, ours: list[Object]) -> None:
        """Read the certificates that the Ingresses name."""
        wanted = routes.certificates_of(ours)
        read: dict[str, tuple[str, ssl.SSLContext]] = {}
        for secret in set(wanted.values()):
            try:
                read[secret] = await self._certificate(secret)
            except Unusable as problem:
                for ingress in ours:
                    if secret in routes.certificates_of([ingress]).values():
                        self._tell(ingress, "CertificateNotUsable", str(problem))
        self._read = read
        self._contexts = {host: read[secret][1] for host, secret in wanted.items() if secret in read}

    async def _certificate(self, secret: str) -> tuple[str, ssl.SSLContext]:
        place, own_name = split_key(secret)
        try:
            found = await self._client.get(SECRETS, own_name, place)
        except NotFound:
            raise Unusable(f'secret "{own_name}" not found: create it (kubectl create secret tls)') from None
        version = found["metadata"]["resourceVersion"]
        known = self._read.get(secret)
        if known is not None and known[0] == version:
            return known
        data = found.get("data") or {}
        if not data.get("tls.crt") or not data.get("tls.key"):
            raise Unusable(
                f'secret "{own_name}" has no tls.crt and tls.key: create it with kubectl create secret tls'
            )
        pair = base64.b64decode(data["tls.crt"]) + b"\n" + base64.b64decode(data["tls.key"])
        return version, await asyncio.to_thread(_context, own_name, pair)

    def _tell(self, ingress: Object, reason: str, text: str) -> None:
        at = (key(ingress), reason)
        if self._told.get(at) != text:
            self._told[at] = text
            self._recorder.event(ingress, "Warning", reason, text)

    async def _publish(self, ingress: Object) -> None:
        """Say in an Ingress's status where it is served."""
        listed = [self.port("http"), *([self.port("https")] if ingress["spec"].get("tls") else [])]
        ports = [{"port": port, "protocol": "TCP"} for port in listed if port]
        points = [{"ip": self._settings.node_port_address, "ports": ports}] if ports else []
        balancer = {"ingress": points} if points else {}
        if (ingress.get("status") or {}).get("loadBalancer", {}) != balancer:
            await self._client.replace(INGRESSES, {**ingress, "status": {"loadBalancer": balancer}}, "status")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer(reader, writer, "http")

    async def _serve_tls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._answer(reader, writer, "https")

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, scheme: str) -> None:
        """Answer one request; the connection ends with it."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            try:
                head = http.parse_head(await http.read_head(reader))
            except http.BadHead as problem:
                writer.write(http.refusal(400, str(problem)))
            except asyncio.LimitOverrunError:
                writer.write(
                    http.refusal(431, f"the head of the request is larger than {http.MOST_HEAD} bytes")
                )
            else:
                if sentence := await self._lead(head, (reader, writer), scheme):
                    writer.write(http.refusal(*sentence))
            await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            log.debug("a caller of an Ingress left: %s", error)
        finally:
            self._open.discard(task)
            writer.close()

    async def _lead(
        self, head: http.Head, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], scheme: str
    ) -> tuple[int, str] | None:
        """Lead a request to its service; return code and sentence where that cannot be."""
        backend = routes.find(self._rules, head.host, head.path)
        if backend is None:
            return 404, f'no Ingress has a rule for host "{head.host}" and path "{head.path}"'
        if not backend.service:
            return (
                503,
                f'Ingress "{backend.ingress}" leads to a resource that is no service, which is not served here',
            )
        endpoints = self._endpoints(backend)
        if endpoints is None:
            return (
                503,
                f'service "{backend.service}" of Ingress "{backend.ingress}" has no port {backend.port}, or is not there',
            )
        for endpoint in endpoints:
            try:
                await http.lead(head, client, endpoint, scheme)
            except ConnectionRefusedError:
                continue
            return None
        return 503, f'service "{backend.service}" has no pod that is ready'

    def _endpoints(self, backend: routes.Backend) -> list[Endpoint] | None:
        """Return who may answer, in turn; None where there is no such service or port."""
        service = self._services.get(backend.service)
        ports = [] if service is None else service["spec"].get("ports") or ()
        port = next((p for p in ports if backend.port in (p["port"], p.get("name"))), None)
        if port is None:
            return None
        found = endpoints_of(self._slices.by_index(BY_SERVICE, backend.service), port)
        self._turn += 1
        start = self._turn % len(found) if found else 0
        return [*found[start:], *found[:start]]


def _context(secret: str, pair: bytes) -> ssl.SSLContext:
    """Return TLS settings that show a certificate. Raises Unusable."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    descriptor, path = tempfile.mkstemp()  # of mode 0600; the standard library reads keys from files alone
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair)
        context.load_cert_chain(path)
    except ssl.SSLError as error:
        raise Unusable(f'secret "{secret}" holds no certificate with its key: {error.reason}') from None
    finally:
        Path(path).unlink()
    return context
