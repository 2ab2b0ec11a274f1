"""A small HTTP/1.1 client on asyncio streams: cheap enough that the server is what is measured."""

from __future__ import annotations

import asyncio
import ssl


class Wire:
    """One kept-alive TLS connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def open(cls, host: str, port: int, context: ssl.SSLContext) -> Wire:
        """Connect."""
        reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=1 << 26)
        return cls(reader, writer, host)

    async def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Write a request."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def receive(self) -> tuple[int, dict[str, str]]:
        """Read an answer's status line and headers."""
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if ": " in line)
        return int(first.split(" ")[1]), headers

    async def call(self, method: str, path: str, body: bytes = b"") -> bytes:
        """Send, and return the answer's whole body; an answer of 400 and above raises RuntimeError."""
        await self.send(method, path, body)
        status, headers = await self.receive()
        content = await self.body(headers)
        if status >= 400:
            raise RuntimeError(f"{method} {path}: {status} {content[:300]!r}")
        return content

    async def body(self, headers: dict[str, str]) -> bytes:
        """Read an answer's whole body."""
        if "content-length" in headers:
            return await self._reader.readexactly(int(headers["content-length"]))
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self):
        """Iterate over the chunks of an answer that is sent in chunks."""
        while size := int(await self._reader.readline(), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readline()

    async def some(self) -> bytes:
        """Read what has come of an answer, as it lies on the wire; nothing at the end."""
        return await self._reader.read(1 << 16)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()
