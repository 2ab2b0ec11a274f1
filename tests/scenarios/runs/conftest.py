"""The embedded cluster with its real node, the platform's server and the portal, in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from seaway.client.client import Client
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.platform.server import Server, ServerSettings, run_server
from seaway.portal.app import create_app
from seaway.portal.certificates import ensure_certificate
from seaway.portal.serve import ServeSettings, bind, serve
from seaway.portal.tokens import TokenVerifier


@dataclass(frozen=True, slots=True)
class Platform:
    """A running server and an administrator's client of its cluster."""

    server: Server
    client: Client


@asynccontextmanager
async def run_platform(home: Path) -> AsyncIterator[Platform]:
    """Run everything in a home, as the daemon does."""
    (home / "server").mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate = ensure_certificate(home / "server", datetime.now(UTC))
    serving = ServeSettings(port_file=home / "server" / "port", certificate=certificate)
    listener = bind(serving)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        cluster = await stack.enter_async_context(run_cluster(ClusterSettings(home=home)))
        client = cluster.client("admin", ["system:masters"])
        settings = ServerSettings(
            home=home / "server",
            gateway_url="https://{}:{}".format(*listener.getsockname()),
            gateway_ca=certificate.ca.read_text(),
            cache_volume={"hostPath": {"path": str(home / "cache"), "type": "DirectoryOrCreate"}},
        )
        server = await stack.enter_async_context(run_server(settings, client))
        await stack.enter_async_context(serve(create_app(server, TokenVerifier({})), serving, listener))
        yield Platform(server, client)


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with run_platform(tmp_path / "home") as running:
        yield running
        await running.server.drain(timeout=20)
