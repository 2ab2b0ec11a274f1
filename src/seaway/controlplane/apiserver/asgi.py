"""The way in over the network: an ASGI application around the core, served by uvicorn with TLS.

Starlette is not used: the URLs of Kubernetes have one fixed grammar (`requestinfo`) over kinds that come and go at run
time, which leaves a router nothing to do, and bodies go out as the store's bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seaway.controlplane.apiserver.messages import ApiRequest, ApiResponse, Connection, WatchItem
from seaway.controlplane.apiserver.negotiation import MAX_BODY
from seaway.controlplane.apiserver.pki import user_of_certificate
from seaway.controlplane.apiserver.server import ApiServer, error_response
from seaway.controlplane.apiserver.users import User, authenticated
from seaway.objects.errors import ApiError, BadRequest, RequestEntityTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_USER, _TAKE = "seaway.user", "seaway.take"
_UNREADABLE = re.compile(r";|%(?![0-9A-Fa-f]{2})")


class PeerProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which lets the application see who the verified peer's certificate names."""

    _peer: User | None = None

    def connection_made(self, transport: Any) -> None:
        """Read the peer's certificate once a connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        if certificate:
            name, groups = user_of_certificate(certificate)
            digest = f"X509SHA256={hashlib.sha256(certificate).hexdigest()}"
            extra = {"authentication.kubernetes.io/credential-id": (digest,)}
            self._peer = replace(authenticated(name, groups), extra=extra) if name else None

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: upgrades are served, by `take`."""

    def on_message_begin(self) -> None:
        """Hand the user to the application with each request."""
        super().on_message_begin()
        scope: Any = self.scope
        scope[_USER] = self._peer
        scope[_TAKE] = self.take

    def take(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Hand the connection over: this protocol has no more to do with it."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        transport: Any = self.transport
        cycle: Any = self.cycle
        self.connections.discard(self)
        protocol = _Taken(reader, loop, self.connections)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        transport.resume_reading()
        self._unset_keepalive_if_required()
        cycle.disconnected = True  # so that nobody misses the answer
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


class _Taken(asyncio.StreamReaderProtocol):
    """A connection that was handed over. The server knows it still, and ends it when it ends itself."""

    def __init__(
        self, reader: asyncio.StreamReader, loop: asyncio.AbstractEventLoop, connections: set[Any]
    ) -> None:
        super().__init__(reader, loop=loop)
        self._connections = connections
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be known to the server."""
        super().connection_made(transport)
        self.transport = transport
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Be forgotten by it."""
        super().connection_lost(exc)
        self._connections.discard(self)

    def shutdown(self) -> None:
        """Wait for who serves it, who is told otherwise."""


class AsgiApplication:
    """An API server as an ASGI application."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._streams: set[asyncio.Task[None]] = set()
        self._closing = False

    def close(self) -> None:
        """End all watches and streams: the server is going."""
        self._closing = True
        for task in self._streams:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        head = scope["method"] == "HEAD"
        try:
            request = await _request(scope, receive)
        except ApiError as error:
            await _send(error_response(error), send, head=head)
            return
        response = await self._server.handle(request)
        if response.events is not None:
            events = response.events
            await self._send_until_gone(_lines(events), events, response, receive, send)
        elif response.stream is not None:
            await self._send_stream(response, receive, send)
        elif response.upgrade is not None:
            await self._upgrade(response.upgrade, send)
        else:
            await _send(response, send, head=head)

    async def _send_stream(self, response: ApiResponse, receive: Receive, send: Send) -> None:
        assert response.stream is not None, "only called for streams"
        try:
            async with response.stream() as chunks:
                await self._send_until_gone(chunks, chunks, response, receive, send)
        except ApiError as error:
            await _send(error_response(error), send, head=False)

    async def _upgrade(self, serve: Callable[[], Awaitable[None]], send: Send) -> None:
        """Leave the connection to who serves it now, until it or the server ends."""
        work = asyncio.ensure_future(serve())
        self._streams.add(work)
        if self._closing:
            work.cancel()
        try:
            await asyncio.wait({work})
        finally:
            self._streams.discard(work)
            work.cancel()
        error = None if work.cancelled() else work.exception()
        if isinstance(error, ApiError):
            await _send(error_response(error), send, head=False)
        elif error is not None:
            raise error

    async def _send_until_gone(
        self, chunks: AsyncIterator[bytes], source: Any, response: ApiResponse, receive: Receive, send: Send
    ) -> None:
        """Send chunks as they come, until they end, the caller leaves or the server goes."""
        await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
        pumping = asyncio.ensure_future(_pump(chunks, send))
        leaving = asyncio.ensure_future(_disconnected(receive))
        self._streams.add(pumping)
        if self._closing:
            pumping.cancel()
        try:
            await asyncio.wait({pumping, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.discard(pumping)
            pumping.cancel()
            leaving.cancel()
            try:
                outcomes = await asyncio.gather(pumping, leaving, return_exceptions=True)
            finally:  # also where this is cancelled a second time: the server gives up waiting for it
                await _close(chunks)
                await _close(source)
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]
        await send({"type": "http.response.body", "body": b""})


async def _pump(chunks: AsyncIterator[bytes], send: Send) -> None:
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _close(source: Any) -> None:
    """Close an iterator that can be closed."""
    close = getattr(source, "aclose", None)
    if close is not None:
        await close()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _request(scope: Scope, receive: Receive) -> ApiRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    length = headers.get("content-length", "0")
    if length.isdigit() and int(length) > MAX_BODY:
        raise RequestEntityTooLarge(f"Request entity too large: limit is {MAX_BODY}")
    body = b""
    if scope["method"] not in {"GET", "HEAD"}:
        body = await _body(receive)
    raw_query = scope["query_string"]
    query = _query(raw_query) if raw_query else {}
    path = scope.get("raw_path", b"").decode("latin-1") or scope["path"]
    return ApiRequest(
        scope["method"], path, query, headers, body,
        content_type=headers.get("content-type", ""), user=scope.get(_USER),
        connection=_connection(scope) if "upgrade" in headers else None, raw_query=raw_query.decode("latin-1"),
    )  # fmt: skip


def _connection(scope: Scope) -> Connection | None:
    """Return the connection of a request that wants to change its protocol."""
    take = scope.get(_TAKE)
    if take is None:
        return None
    raw: bytes = scope["query_string"]
    target = scope.get("raw_path", b"") + (b"?" + raw if raw else b"")
    lines = [scope["method"].encode() + b" " + target + b" HTTP/1.1"]
    lines += [name + b": " + value for name, value in scope["headers"]]
    values = parse_qs(raw.decode("utf-8", "replace"), keep_blank_values=True)
    return Connection(b"\r\n".join([*lines, b"", b""]), values, take)


def _query(raw: bytes) -> dict[str, str]:
    text = raw.decode("utf-8", "replace")
    if ";" in text or "%" in text:  # what cannot be read is left out, as Kubernetes does
        text = "&".join(pair for pair in text.split("&") if not _UNREADABLE.search(pair))
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=200)
    except ValueError:
        raise BadRequest("the query has too many parameters") from None
    return dict(reversed(pairs))


async def _body(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise RequestEntityTooLarge(f"Request entity too large: limit is {MAX_BODY}")
    return b"".join(parts)


def _headers(response: ApiResponse, extra: Iterable[tuple[bytes, bytes]] = ()) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", response.content_type.encode("latin-1")), *extra]
    headers += [
        (name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in response.headers
    ]
    return headers


async def _send(response: ApiResponse, send: Send, *, head: bool) -> None:
    content = response.content
    if content is None or head:
        body = b"" if content is None else content.encoded()
        length = () if response.status == 304 else ((b"content-length", str(len(body)).encode()),)
        await send(
            {"type": "http.response.start", "status": response.status, "headers": _headers(response, length)}
        )
        await send({"type": "http.response.body", "body": b""})
        return
    pieces = content.chunks()
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        length = ((b"content-length", str(len(first)).encode()),)
        await send(
            {"type": "http.response.start", "status": response.status, "headers": _headers(response, length)}
        )
        await send({"type": "http.response.body", "body": first})
        return
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    await send({"type": "http.response.body", "body": second, "more_body": True})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": b""})


async def _lines(events: AsyncIterator[WatchItem]) -> AsyncIterator[bytes]:
    async for event in events:
        yield b'{"type":"' + event.type.encode() + b'","object":' + event.content.encoded() + b"}\n"
