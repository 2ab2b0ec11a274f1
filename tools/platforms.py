"""The platform's server and its REST API in this process, on a cluster of the tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seaway.client.client import Client
from seaway.platform.server import Server, run_server
from seaway.platform.server_settings import ServerSettings
from seaway.portal.app import create_app
from seaway.portal.certificates import LOOPBACK, ensure_certificate
from seaway.portal.serve import ServeSettings, bind, serve
from seaway.portal.tokens import TokenVerifier
from tools.clusters import TestCluster


@dataclass(frozen=True, slots=True)
class Platform:
    """A running server and its cluster."""

    server: Server
    cluster: TestCluster

    @property
    def client(self) -> Client:
        """An administrator's client of the cluster."""
        return self.cluster.admin

    @property
    def namespace(self) -> str:
        """Where its pods are."""
        return self.cluster.namespace


@asynccontextmanager
async def run_platform(
    cluster: TestCluster,
    home: Path,
    *,
    client: Client | None = None,
    tokens: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,
) -> AsyncIterator[Platform]:
    """Run a server until the block is left; pods that run then are left alone.

    Args:
        cluster: runs the pods.
        home: the server's folder; the same again goes on where it was.
        client: in place of the cluster's own, for example through a proxy.
        tokens: of administrators, and their names.
        settings: of `ServerSettings`, in place of the usual.
    """
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = (*LOOPBACK, cluster.gateway_host)
    certificate = ensure_certificate(home, datetime.now(UTC), tuple(dict.fromkeys(names)))
    local = cluster.gateway_host in LOOPBACK
    serving = ServeSettings(home / "port", certificate, host="127.0.0.1" if local else "0.0.0.0")
    listener = bind(serving)
    told = {
        "home": home,
        "gateway_url": f"https://{cluster.gateway_host}:{listener.getsockname()[1]}",
        "gateway_ca": certificate.ca.read_text(),
        "namespace": cluster.namespace,
        "create_namespace": False,
        "image": cluster.image,
    }
    if cluster.cache is not None:
        told["cache_volume"] = {"hostPath": {"path": str(cluster.cache), "type": "DirectoryOrCreate"}}
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        server = await stack.enter_async_context(
            run_server(ServerSettings(**told | settings), client or cluster.server)
        )
        await stack.enter_async_context(serve(create_app(server, TokenVerifier(tokens)), serving, listener))
        yield Platform(server, cluster)
