"""A connection in bytes, whatever carries it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ssl import SSLError
from typing import Protocol

_CHUNK = 1 << 16
LEAVE_SECONDS = 10.0
"""How long a caller that was told all may take to close the connection.

Closed here first, it would be reset by whatever the caller still sends, and a proxy between both drops then what it has not
handed on yet: the caller finds an end without a word, which it takes for success.
"""


class Link(Protocol):
    """Bytes both ways."""

    async def read(self) -> bytes:
        """Return what came next; nothing when the other side is gone."""
        ...

    async def write(self, data: bytes) -> None:
        """Send; waits where the other side is slow. Raises ConnectionError."""
        ...

    async def close(self) -> None:
        """End it."""
        ...


Opener = Callable[[], tuple[asyncio.StreamReader, asyncio.StreamWriter]]


class StreamLink:
    """A TCP or TLS connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        """Return what came next; nothing when the other side is gone."""
        try:
            return await self._reader.read(_CHUNK)
        except (ConnectionError, SSLError):
            return b""

    async def write(self, data: bytes) -> None:
        """Send; waits where the other side is slow. Raises ConnectionError."""
        self._writer.write(data)
        try:
            await self._writer.drain()
        except SSLError as error:
            raise ConnectionResetError(str(error)) from error

    async def close(self) -> None:
        """End it."""
        self._writer.close()
        with suppress(ConnectionError, SSLError, TimeoutError):
            await self._writer.wait_closed()


class LateLink:
    """A connection that is taken over when the first byte is sent: until then its HTTP server may still answer."""

    def __init__(self, connect: Opener) -> None:
        self._connect = connect
        self._link: StreamLink | None = None

    async def read(self) -> bytes:
        """Return what came next; nothing when the other side is gone."""
        return await self._taken().read()

    async def write(self, data: bytes) -> None:
        """Send; waits where the other side is slow. Raises ConnectionError."""
        await self._taken().write(data)

    async def close(self) -> None:
        """End it."""
        if self._link is not None:
            await self._link.close()

    def _taken(self) -> StreamLink:
        if self._link is None:
            self._link = StreamLink(*self._connect())
        return self._link
