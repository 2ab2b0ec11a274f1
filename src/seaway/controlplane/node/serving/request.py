"""Read the head of an HTTP/1.1 request and write an answer: the little that a node needs, with room for an upgrade.

Source: RFC 9112. Each connection carries one request: the callers keep none open, and an upgrade takes it over anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, unquote

from seaway.objects.errors import BadRequest, RequestEntityTooLarge

HEAD_LIMIT = 64 * 1024
"""Bytes; commands of an exec travel in the request line."""
_BODY_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """The head of a request."""

    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, list[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; repeated ones joined by commas."""
    head: bytes = b""
    """All of it as it came, for who parses it again."""

    def first(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        return self.query.get(name, [default])[0]


async def read_request(reader: asyncio.StreamReader) -> HttpRequest | None:
    """Return the next request, its body left out; None where the caller is gone.

    Raises:
        BadRequest, RequestEntityTooLarge: it cannot be understood.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise RequestEntityTooLarge(f"the head of the request is longer than {HEAD_LIMIT} bytes") from None
    request = parse_head(head)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _BODY_LIMIT:
        raise RequestEntityTooLarge(f"the body of the request must be at most {_BODY_LIMIT} bytes")
    try:
        await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return request


def parse_head(head: bytes) -> HttpRequest:
    """Return the request whose head this is, with the empty line at its end. Raises BadRequest."""
    lines = head[:-4].decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
        raise BadRequest("this is no HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(f"a header of the request has no name: {line[:80]!r}")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path, _, query = parts[1].partition("?")
    try:
        values = parse_qs(query, keep_blank_values=True, max_num_fields=10_000)
    except ValueError as error:
        raise BadRequest(f"the query cannot be read: {error}") from error
    return HttpRequest(parts[0], unquote(path), values, headers, head)


def answer(status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> bytes:
    """Return a whole answer, after which the connection closes."""
    lines = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return lines.encode() + body


async def send_chunks(writer: asyncio.StreamWriter, chunks: AsyncIterator[bytes]) -> None:
    """Answer with text that comes bit by bit. Raises ConnectionError where the caller leaves."""
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    writer.write(head.encode())
    await writer.drain()
    async for chunk in chunks:
        if chunk:
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
