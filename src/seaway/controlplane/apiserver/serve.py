"""Serve an API server over TLS on a listening socket.

uvicorn's protocol is used without uvicorn's server: that one handles signals, polls ten times a second and waits for
watches to end by themselves; all of these are the daemon's business here.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.base.tls import ShownCertificate
from seaway.controlplane.apiserver.asgi import AsgiApplication, PeerProtocol
from seaway.controlplane.apiserver.server import ApiServer

logger = logging.getLogger(__name__)
_TURNS = 100


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What the listener shows and whom it believes."""

    certificate: Path
    key: Path
    client_ca: Path
    """Client certificates of this authority name users; a client may also show none."""


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the TLS settings of the listener: TLS 1.2 and above, client certificates optional but verified."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(files.certificate, files.key)
    context.load_verify_locations(files.client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


@asynccontextmanager
async def serve(
    server: ApiServer, listener: socket.socket, files: TlsFiles, *, stop_seconds: float = 3.0
) -> AsyncIterator[ShownCertificate]:
    """Serve on a listening socket until the block is left; yields what may have its files read again.

    Args:
        server: answers.
        listener: bound and listening; closed at the end.
        files: for TLS.
        stop_seconds: how long requests may take to end when it stops; watches and log streams end at once.
    """
    from uvicorn import Config
    from uvicorn.server import ServerState

    application = AsgiApplication(server)
    config = Config(
        application, http=PeerProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
        proxy_headers=False, server_header=False, timeout_keep_alive=300, h11_max_incomplete_event_size=None,
    )  # fmt: skip
    config.load()
    state = ServerState()

    def protocol() -> asyncio.Protocol:
        made: Any = PeerProtocol(config=config, server_state=state, app_state={})
        return made  # type: ignore[no-any-return]

    # Accepted connections inherit it; asyncio itself sets it only where the socket names its protocol.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    loop = asyncio.get_running_loop()
    context = tls_context(files)
    listening = await loop.create_server(protocol, sock=listener, ssl=context, backlog=1024)
    try:
        yield ShownCertificate(context, files.certificate, files.key)
    finally:
        listening.close()
        application.close()
        await _drain(state, stop_seconds)


async def _drain(state: Any, seconds: float) -> None:
    """Let requests end, then close what is left; no connection is there afterwards."""
    for connection in tuple(state.connections):
        connection.shutdown()
    late: set[asyncio.Task[Any]] = set()
    if state.tasks:
        _, late = await asyncio.wait(tuple(state.tasks), timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            logger.warning("%d requests did not end within %g s", len(late), seconds)
    for connection in tuple(state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    if late:
        await asyncio.wait(late, timeout=seconds)
    for _ in range(_TURNS):  # each connection is told in a turn of the loop that it is lost
        if not state.connections:
            break
        await asyncio.sleep(0)
