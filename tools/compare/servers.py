"""Both servers, running: ours in a thread, in memory; Kubernetes' own without controllers and scheduler.

Nothing but the test writes to either, so what one reads back is what the API server made of it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seaway.base.clock import SystemClock
from seaway.controlplane.apiserver.pki import Pki, ensure_pki
from seaway.controlplane.apiserver.serve import TlsFiles, serve
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.store.memory import MemoryStore
from tools.compare.connection import Endpoint
from tools.real_kubernetes.control_plane import ControlPlane

_HOST = "127.0.0.1"
_SERVICE_NETWORK = "10.96.0.0/16"
_READY_SECONDS = 60.0


@contextmanager
def run_ours(folder: Path, kinds: Sequence[Kind] = BUILTIN_KINDS) -> Iterator[Endpoint]:
    """Run our API server alone, over TLS, until the block is left."""
    pki = ensure_pki(folder / "pki", (_HOST, "localhost"), time.time())
    listener = socket.create_server((_HOST, 0))
    listener.setblocking(False)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(_serve(listener, pki, ready, stop, kinds)),
        name="our API server",
    )
    thread.start()
    try:
        if not ready.wait(_READY_SECONDS):
            raise TimeoutError("our API server is not ready")
        yield endpoint(pki, f"https://{_HOST}:{listener.getsockname()[1]}")
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def theirs(plane: ControlPlane) -> Endpoint:
    """Return where a control plane of Kubernetes listens, called as a member of system:masters."""
    return endpoint(plane.pki, plane.url)


def endpoint(pki: Pki, url: str) -> Endpoint:
    """Return an endpoint called with a certificate of system:masters."""
    pair = pki.client_pair("comparison", "seaway-comparison", ("system:masters",), time.time())
    return Endpoint(url, pki.ca.certificate, pair.certificate, pair.key)


async def _serve(
    listener: socket.socket, pki: Pki, ready: threading.Event, stop: asyncio.Event, kinds: Sequence[Kind]
) -> None:
    settings = ApiServerSettings(service_network=_SERVICE_NETWORK)
    server = ApiServer(MemoryStore(), kinds, settings, SystemClock())
    await server.start()
    files = TlsFiles(pki.server.certificate, pki.server.key, pki.ca.certificate)
    try:
        async with serve(server, listener, files, stop_seconds=1.0):
            ready.set()
            await stop.wait()
    finally:
        await server.stop()
        await server.store.close()
