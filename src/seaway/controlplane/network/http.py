"""One HTTP/1.1 request after the other, led to whoever is to answer. Bodies and upgraded connections pass as they are.

Each connection carries one request: both sides are told so, which leaves no room for taking the end of one message for the
beginning of another (RFC 9112, section 11.2). Source: RFC 9110, RFC 9112; the X-Forwarded headers as proxies set them.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from seaway.controlplane.network.balance import Endpoint

MOST_HEAD = 64 << 10
HEAD_SECONDS, CONNECT_SECONDS = 30.0, 5.0
_CHUNK = 1 << 16
_DROPPED = ("connection", "keep-alive", "proxy-connection", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
            "x-real-ip")  # fmt: skip
_REASONS = {
    400: "Bad Request", 404: "Not Found", 431: "Request Header Fields Too Large", 502: "Bad Gateway",
    503: "Service Unavailable",
}  # fmt: skip


class BadHead(Exception):
    """The request cannot be read."""


class Head(NamedTuple):
    """The beginning of a request."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...]
    host: str
    """Lower case, without a port."""

    @property
    def path(self) -> str:
        """The path, without a query."""
        return self.target.partition("?")[0]

    @property
    def upgrade(self) -> str:
        """The protocol that it wants to go on with, empty for none."""
        values = {name.lower(): value for name, value in self.headers}
        wanted = "upgrade" in values.get("connection", "").lower()
        return values.get("upgrade", "") if wanted else ""


def parse_head(data: bytes) -> Head:
    """Return the beginning of a request. Raises BadHead."""
    first, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
        raise BadHead("the request line cannot be read")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or any(sign in value for sign in "\r\n\0"):
            raise BadHead("a header cannot be read")
        headers.append((name, value.strip()))
    names = [name.lower() for name, _ in headers]
    if (
        names.count("host") > 1
        or names.count("content-length") > 1
        or {"content-length", "transfer-encoding"} <= {*names}
    ):
        raise BadHead("Host or the body's length is given twice")
    host = next((value for name, value in headers if name.lower() == "host"), "")
    return Head(parts[0], parts[1], parts[2], tuple(headers), _host_name(host))


def _host_name(text: str) -> str:
    name, colon, port = text.rpartition(":")
    return (name if colon and port.isdigit() else text).lower().rstrip(".")


def forwarded(head: Head, client: str, scheme: str) -> bytes:
    """Return the beginning of the request as it is sent on: who asked is said, the connection is used once."""
    host = next((value for name, value in head.headers if name.lower() == "host"), "")
    kept = [(name, value) for name, value in head.headers if name.lower() not in _DROPPED]
    kept += [
        ("X-Forwarded-For", client),
        ("X-Forwarded-Host", host),
        ("X-Forwarded-Proto", scheme),
        ("X-Real-IP", client),
    ]
    kept.append(("Connection", "Upgrade" if head.upgrade else "close"))
    lines = [f"{head.method} {head.target} HTTP/1.1", *(f"{name}: {value}" for name, value in kept)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def refusal(code: int, sentence: str) -> bytes:
    """Return an answer that is a plain sentence."""
    body = f"{sentence}\n".encode()
    head = (
        f"HTTP/1.1 {code} {_REASONS[code]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def once(answer: bytes) -> bytes:
    """Return the beginning of an answer, which says that the connection ends with it."""
    first, *lines = answer.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = [line for line in lines if line.split(b":")[0].lower() not in (b"connection", b"keep-alive")]
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """Read the beginning of a message. Raises asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError."""
    async with asyncio.timeout(HEAD_SECONDS):
        return await reader.readuntil(b"\r\n\r\n")


async def lead(
    head: Head, client: tuple[asyncio.StreamReader, asyncio.StreamWriter], endpoint: Endpoint, scheme: str
) -> None:
    """Send a request on and its answer back, until either side ends.

    Raises:
        OSError: nothing answers there; nothing was sent to the client yet.
    """
    reader, writer = client
    address = (writer.get_extra_info("peername") or ("",))[0]
    async with asyncio.timeout(CONNECT_SECONDS):
        from_there, to_there = await asyncio.open_connection(*endpoint, limit=MOST_HEAD)
    try:
        to_there.write(forwarded(head, address, scheme))
        sending = asyncio.create_task(_copy(reader, to_there))
        try:
            await _answer(from_there, writer, upgraded=bool(head.upgrade))
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    finally:
        to_there.close()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, upgraded: bool) -> None:
    try:
        while True:
            beginning = await reader.readuntil(b"\r\n\r\n")
            status = beginning.split(b" ", 2)[1:2]
            final = not status or not status[0].startswith(b"1") or status[0] == b"101"
            writer.write(once(beginning) if final and not (upgraded and status == [b"101"]) else beginning)
            if final:
                break
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        writer.write(refusal(502, "the program behind this address answered with something that is not HTTP"))
        return
    await _copy(reader, writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
