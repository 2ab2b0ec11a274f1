"""One connection to a server: through a proxy where there is one, trusting what was agreed on and nothing else."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seaway.sdk.errors import ServerUnreachable, Untrusted

if TYPE_CHECKING:
    from seaway.sdk.proxies import Proxy  # for the type alone: a home's own server needs none

KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence, seconds between two questions, questions: then a network that has gone is noticed."""

_TIMES = {9: "is not good yet, by this machine's clock", 10: "has expired"}
"""By OpenSSL's code of what was found wrong: certificates whose time it is not."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is, and what it takes to speak to it."""

    url: str
    """For example "https://127.0.0.1:7443"."""
    token: str = field(repr=False)
    ca: str | None = None
    """PEM text of the certificates that are trusted: the CA that signed the server's, or its own. None for the system's."""
    context: str = ""
    """The context that names this server; "" for the one of a home."""
    proxy: Proxy | None = None
    """On the way to it."""


def connect(endpoint: Endpoint, timeout: float) -> HTTPConnection:
    """Return an open connection.

    Raises:
        ServerUnreachable: no server answers.
        Untrusted: another one does.
    """
    parts = urlsplit(endpoint.url)
    connection = _connection(endpoint, parts.scheme, parts.hostname or "", parts.port, timeout)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError as error:
        connection.close()
        raise _untrusted(endpoint, error) from error
    except OSError as error:
        connection.close()
        raise _unreachable(endpoint, error) from error
    _keep_alive(connection.sock)
    return connection


def trust(ca: str | None) -> ssl.SSLContext:
    """Return what a server must prove: that it is the one of its name, by a certificate of these or of the system's."""
    if ca is None:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a server's own certificate may be trusted as such
    context.load_verify_locations(cadata=ca)
    return context


def is_stale(connection: HTTPConnection) -> bool:
    """Return whether an idle connection was closed by the server: it has something to read then."""
    if connection.sock is None:
        return True
    try:
        readable, _, _ = select.select([connection.sock], [], [], 0)
    except (OSError, ValueError):
        return True
    return bool(readable)


def reason(error: Exception) -> str:
    """Say in a few words why a connection does not work."""
    if isinstance(error, socket.timeout | TimeoutError):
        return "it took too long"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__


def tunnel(
    host: str, port: int, proxy: Proxy | None, timeout: float, context: ssl.SSLContext
) -> HTTPSConnection:
    """Return a connection over TLS, not open yet; through a proxy where one is on the way."""
    if proxy is None:
        return HTTPSConnection(host, port, timeout=timeout, context=context)
    connection = HTTPSConnection(proxy.host, proxy.port, timeout=timeout, context=context)
    headers = {} if proxy.authorization is None else {"Proxy-Authorization": proxy.authorization}
    connection.set_tunnel(host, port, headers)
    return connection


def _connection(
    endpoint: Endpoint, scheme: str, host: str, port: int | None, timeout: float
) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=timeout)
    return tunnel(host, port or 443, endpoint.proxy, timeout, trust(endpoint.ca))


def _untrusted(endpoint: Endpoint, error: ssl.SSLCertVerificationError) -> ServerUnreachable | Untrusted:
    if not endpoint.context:
        return ServerUnreachable(
            f"the server at {endpoint.url} is not the one that this home belongs to: {error.verify_message}",
            remedy="Another program may have taken its port: seaway down, then seaway up",
        )
    if error.verify_code in _TIMES:
        return Untrusted(
            f"the certificate of the server at {endpoint.url} {_TIMES[error.verify_code]}",
            remedy="If this machine's clock is right (date -u), have whoever runs the server renew its certificate or set its clock",
        )
    return Untrusted(
        f"the certificate of the server at {endpoint.url} is not one that the context {endpoint.context!r} trusts: "
        f"{error.verify_message}",
        remedy=f"Ask an administrator whether it was replaced; if so: seaway login {endpoint.url}",
    )


def _unreachable(endpoint: Endpoint, error: OSError) -> ServerUnreachable:
    through = f" through the proxy {endpoint.proxy.host}:{endpoint.proxy.port}" if endpoint.proxy else ""
    if not endpoint.context:
        return ServerUnreachable(f"no server answers at {endpoint.url}{through}: {reason(error)}")
    return ServerUnreachable(
        f"the server of the context {endpoint.context!r} does not answer at {endpoint.url}{through}: {reason(error)}",
        remedy="Check the network (VPN, proxy); to work on this machine meanwhile: seaway context use local",
    )


def _keep_alive(sock: socket.socket) -> None:
    """Let a followed log notice that its network has gone, however quiet the program is."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # macOS has another name for the first
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
