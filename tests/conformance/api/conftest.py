"""The same API server over TLS and in process: what holds for one holds for the other."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass

import pytest

from seaway.client.client import Client
from seaway.client.config import Connection
from seaway.client.http import HttpTransport
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.pki import ensure_pki
from seaway.controlplane.apiserver.serve import TlsFiles, serve
from seaway.controlplane.apiserver.users import ADMIN, authenticated
from seaway.objects.builtin import SERVICE_ACCOUNTS


@dataclass
class Served:
    """An API server over TLS."""

    url: str
    ca: bytes
    connections: object

    def connection(self, **given) -> Connection:
        return Connection(self.url, ca=self.ca, **given)


@pytest.fixture(scope="module")
def loop():
    """An event loop for what generates calls: hypothesis runs examples in plain functions."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """The keys and certificates of all servers of these tests: making them takes longer than most tests."""
    return ensure_pki(tmp_path_factory.mktemp("authority") / "pki", ["127.0.0.1", "localhost"], time.time())


@pytest.fixture
async def served(api_server, authority):
    pki = authority
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    files = TlsFiles(pki.server.certificate, pki.server.key, pki.ca.certificate)

    def certificate(user, groups):
        pair = pki.client_pair(user.replace(":", "-"), user, groups, time.time())
        return {"client_certificate": pair.certificate.read_bytes(), "client_key": pair.key.read_bytes()}

    async with serve(api_server, listener, files, stop_seconds=1.0):
        yield Served(url, pki.ca.certificate.read_bytes(), certificate)


@pytest.fixture(params=["in process", "over TLS"])
async def transport_as(request, api_server, served):
    """A function from a user to a transport; both ways in."""
    if request.param == "in process":
        yield lambda user, groups: InProcessTransport(api_server, authenticated(user, groups))
        return
    opened = []

    def connect(user, groups):
        transport = HttpTransport(served.connection(**served.connections(user, groups)))
        opened.append(transport)
        return transport

    yield connect
    for transport in opened:
        await transport.close()


@pytest.fixture
async def client_as(transport_as, api_server):
    """A function from a user to a client; the namespace default has its service account."""
    admin = Client(InProcessTransport(api_server, ADMIN))
    await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "default")
    return lambda user, *groups: Client(transport_as(user, tuple(groups)), field_manager="tester")


@pytest.fixture
def client(client_as):
    return client_as("admin", "system:masters")
