"""Serve the REST API over TLS, on a port that stays the home's own or on the address that was asked for."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seaway.base.clock import Clock, SystemClock
from seaway.base.tls import ShownCertificate
from seaway.portal.certificates import CertificateFiles

if TYPE_CHECKING:
    from starlette.types import ASGIApp

HOST = "127.0.0.1"
EVERYWHERE = "*"
KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than resolving requirements mostly takes between two requests."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the REST API is served."""

    port_file: Path
    """Keeps the port between starts; it is chosen anew only where another program has taken it."""
    certificate: CertificateFiles
    port: int | None = None
    """None for the kept one, else a free one."""
    host: str = HOST
    """The address to listen on; "0.0.0.0" and "::" are all of this machine's of one kind, "*" are all."""
    renew: Callable[[], object] | None = None
    """Makes the certificate's files anew where that is due; None where others do it."""
    certificate_seconds: float = 60.0
    """Seconds between two looks at whether there is another certificate to show."""
    clock: Clock = field(default_factory=SystemClock)
    drain_seconds: float = 2.0
    """How long open requests, such as followed logs, may take to end when the server stops."""


class PortInUse(OSError):
    """The port that was asked for belongs to another program."""


class NoSuchAddress(OSError):
    """The address to listen on is none of this machine's."""


def bind(settings: ServeSettings) -> socket.socket:
    """Return a listening socket on the asked, the kept or a free port.

    Raises:
        PortInUse: the asked port is taken.
        NoSuchAddress: this machine does not have the address.
    """
    if settings.port is not None:
        return _listen_there(settings.host, settings.port)
    kept = settings.port_file.read_text().strip() if settings.port_file.is_file() else ""
    if kept.isdigit():
        with contextlib.suppress(OSError):
            return _listen(settings.host, int(kept))
    listener = _listen(settings.host, 0)
    settings.port_file.write_text(f"{listener.getsockname()[1]}\n")
    return listener


def _listen_there(host: str, port: int) -> socket.socket:
    try:
        return _listen(host, port)
    except PermissionError:
        raise
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
            raise NoSuchAddress(f"this machine has no address {host}: listen on one of its own") from error
        raise PortInUse(f"port {port} is in use by another program: choose another one") from error


def _listen(host: str, port: int) -> socket.socket:
    if host == EVERYWHERE:
        with contextlib.suppress(OSError):  # a kernel without IPv6, or a port that IPv4's error will name
            return _listen("::", port)
        host = "0.0.0.0"  # noqa: S104 - asked for
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        if ":" in host:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # "::" takes IPv4's callers too
        listener.bind((host, port))
        listener.listen(1024)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted connections inherit it
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


@asynccontextmanager
async def serve(app: ASGIApp, settings: ServeSettings, listener: socket.socket) -> AsyncIterator[None]:
    """Serve an application on a listening socket until the block is left."""
    import uvicorn

    class Embedded(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
            yield  # the daemon handles signals itself

    config = uvicorn.Config(
        app,
        ssl_certfile=str(settings.certificate.certificate),
        ssl_keyfile=str(settings.certificate.key),
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, int(settings.drain_seconds)),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever calls may write anything into them, and refusals are counted by address
        lifespan="off",
        ws="none",
        http="httptools",
    )
    config.load()
    assert config.ssl is not None, "it has a certificate"
    shown = ShownCertificate(config.ssl, settings.certificate.certificate, settings.certificate.key)
    keep = shown.keep(lambda: None, settings.clock, settings.certificate_seconds, settings.renew)
    keeping = asyncio.create_task(keep, name="portal's certificate")
    server = Embedded(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="portal")
    try:
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the portal stopped before it was ready")
            await asyncio.sleep(0.005)
        yield
    finally:
        keeping.cancel()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await task
        for connection in list(server.server_state.connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()  # a client that does not say goodbye would hold the socket for half a minute
        await asyncio.sleep(0.01)  # lets the loop close them
