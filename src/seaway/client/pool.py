"""Connections to one server for one identity: some for calls, others for what goes on for long."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

from seaway.client.connection import Connection
from seaway.client.credentials import Identity
from seaway.client.errors import ConfigError

if TYPE_CHECKING:
    import httpx

Key = tuple[bytes | None, bytes | None, bytes | None]
_IDLE = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
"""Linux's word and macOS'."""


class Handshake:
    """Closes a connection whose TLS handshake is broken off: httpcore forgets it when its caller is cancelled there."""

    def __init__(self) -> None:
        self._stream: Any = None

    async def follow(self, event: str, info: dict[str, Any]) -> None:
        """Take note of what becomes of a connection (httpcore's "trace" extension)."""
        if event.endswith("connect_tcp.complete"):
            self._stream = info["return_value"]
        elif event.endswith(("start_tls.complete", "send_request_headers.started")):
            self._stream = None

    async def close(self) -> None:
        """Close the connection, where its handshake did not end."""
        if self._stream is not None:
            await self._stream.aclose()


class Pool:
    """The connections of one identity."""

    def __init__(self, key: Key, calls: httpx.AsyncClient, streams: httpx.AsyncClient) -> None:
        self.key = key
        self.calls, self.streams = calls, streams
        self._users = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None

    @contextmanager
    def used(self) -> Iterator[None]:
        """Keep the connections open at least until the block is left."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._close_unused()

    def retire(self) -> None:
        """Close the connections when nobody uses them any more."""
        self._retired = True
        self._close_unused()

    async def close(self) -> None:
        """Close the connections now."""
        async with aclosing(self.streams), aclosing(self.calls):
            pass

    def _close_unused(self) -> None:
        if self._retired and not self._users and self._closing is None:
            self._closing = asyncio.create_task(self.close(), name="close connections")


def open_pool(connection: Connection, shown: Identity, *, at_once: int, kept: int) -> Pool:
    """Return a pool; nothing is connected yet.

    Args:
        connection: where to.
        shown: by whom.
        at_once: calls at once; streams are not limited, so that those under way never keep a call waiting.
        kept: idle connections kept.

    Raises:
        ConfigError: a certificate or key is not valid PEM.
    """
    import httpx  # here, so that the embedded daemon, which calls in-process, need not load it

    verify = ssl_context(connection, shown) if connection.server.startswith("https") else False

    def client(limits: httpx.Limits) -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(
            verify=verify, limits=limits, socket_options=_socket_options(),
            proxy=httpx.Proxy(connection.proxy) if connection.proxy else None,
        )  # fmt: skip
        return httpx.AsyncClient(transport=transport, trust_env=False, follow_redirects=False)

    calls = client(httpx.Limits(max_connections=at_once, max_keepalive_connections=kept))
    streams = client(httpx.Limits(max_connections=None, max_keepalive_connections=kept))
    return Pool((shown.ca, shown.certificate, shown.key), calls, streams)


def _socket_options() -> list[tuple[int, int, int]]:
    """Have the kernel find out within a minute that nobody is at the other end of a quiet stream."""
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    if _IDLE is not None:
        options.append((socket.IPPROTO_TCP, _IDLE, 30))
    for name, value in (("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


def ssl_context(connection: Connection, shown: Identity) -> ssl.SSLContext:
    """Return the TLS settings of a connection.

    Raises:
        ConfigError: a certificate or key is not valid PEM.
    """
    try:
        authorities = shown.ca.decode() if shown.ca else None
        context = ssl.create_default_context(cadata=authorities)
        if shown.certificate and shown.key:
            _load_identity(context, shown.certificate, shown.key)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"a certificate or key for {connection.server} is not valid PEM: {error}"
        ) from error
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_identity(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load certificate and key, which the ssl module takes from files only; the file is 0600 and gone at once."""
    with tempfile.NamedTemporaryFile(prefix="seaway-") as file:
        file.write(certificate.rstrip() + b"\n" + key.rstrip() + b"\n")
        file.flush()
        context.load_cert_chain(file.name)
