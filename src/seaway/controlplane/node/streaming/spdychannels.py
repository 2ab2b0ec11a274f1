"""A remote command's streams over SPDY: each is a stream of its own, which names itself.

Source: the remote command protocol v4 of Kubernetes.
"""

from __future__ import annotations

import asyncio

import orjson

from seaway.base.tasks import cancel_all
from seaway.controlplane.node.streaming.channels import ERROR, RESIZE, STDIN, Received, failure
from seaway.controlplane.node.streaming.link import LEAVE_SECONDS
from seaway.controlplane.node.streaming.spdy import SpdyConnection, SpdyStream

_OPEN_SECONDS = 30.0
TYPE = "streamtype"
"""The header that names a stream."""


async def gather_streams(connection: SpdyConnection, wanted: frozenset[str]) -> SpdyChannels | None:
    """Wait until the caller has opened every stream that it asked for; None where it does not, which it is told.

    Args:
        connection: read by another task.
        wanted: names, the error stream among them.
    """
    found: dict[str, SpdyStream] = {}
    try:
        async with asyncio.timeout(_OPEN_SECONDS):
            while found.keys() < wanted:
                stream = await connection.accept()
                if stream is None:
                    return None
                found[stream.headers.get(TYPE, "")] = stream
    except TimeoutError:
        if ERROR in found:
            missing = ", ".join(sorted(wanted - found.keys()))
            said = failure(
                f"streams that were asked for were not opened within {_OPEN_SECONDS:g} s: {missing}"
            )
            await found[ERROR].write(orjson.dumps(said))
            await found[ERROR].end()
        return None
    return SpdyChannels(connection, found)


class SpdyChannels:
    """The streams of one remote command."""

    def __init__(self, connection: SpdyConnection, streams: dict[str, SpdyStream]) -> None:
        self._connection, self._streams = connection, streams
        self._received: asyncio.Queue[Received | None] = asyncio.Queue(1)
        self._tasks = [
            asyncio.create_task(self._read(name, streams[name]))
            for name in (STDIN, RESIZE)
            if name in streams
        ]
        self._tasks.append(asyncio.create_task(self._until_gone()))

    async def receive(self) -> Received | None:
        """Return what the caller sent next; None when it is gone."""
        return await self._received.get()

    async def send(self, stream: str, data: bytes) -> None:
        """Send output, or the status. Raises ConnectionError."""
        if stream in self._streams:
            await self._streams[stream].write(data)

    async def close(self) -> None:
        """End all of it, the connection when the caller has left it."""
        try:
            await cancel_all(self._tasks)
            for stream in self._streams.values():
                await stream.end()
            await self._connection.until_gone(LEAVE_SECONDS)
        except ConnectionError:
            pass  # gone already: nobody to tell
        finally:
            await self._connection.close()

    async def _read(self, name: str, stream: SpdyStream) -> None:
        rest = b""
        while data := await stream.read():
            if name == STDIN:
                await self._received.put(Received(name, data))
                continue
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                await self._received.put(Received(name, line))
        if name == STDIN:
            await self._received.put(Received(name, b""))

    async def _until_gone(self) -> None:
        """Notice that the caller is gone: it opens no further streams until then."""
        while await self._connection.accept() is not None:
            continue
        await self._received.put(None)
