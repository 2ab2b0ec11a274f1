"""A SPDY/3.1 connection, as the server: the streams that the other side opens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from seaway.controlplane.node.streaming import frames
from seaway.controlplane.node.streaming.link import Link

log = logging.getLogger(__name__)
_WAITING = 256
"""Frames that a stream holds for its reader; then the whole connection waits for it."""
_MOST_STREAMS = 4096


class SpdyStream:
    """One stream: bytes both ways, each way ended by itself."""

    def __init__(self, connection: SpdyConnection, number: int, headers: Mapping[str, str]) -> None:
        self._connection = connection
        self.number = number
        self.headers = headers
        """Names in lower case."""
        self._incoming: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        self._over = False
        self._ended = False
        self._cut = False
        self._dropped = False

    async def read(self) -> bytes:
        """Return what came next; nothing at the end."""
        if self._over or (self._cut and self._incoming.empty()):
            return b""
        data = await self._incoming.get()
        self._over = not data
        return data

    async def write(self, data: bytes) -> None:
        """Send. Raises ConnectionError."""
        for at in range(0, len(data), frames.PIECE):
            await self._connection.send(frames.data_frame(self.number, data[at : at + frames.PIECE]))

    async def end(self) -> None:
        """Say that nothing more is sent. Raises ConnectionError."""
        if not self._ended:
            self._ended = True
            await self._connection.send(frames.data_frame(self.number, b"", last=True))

    async def reset(self) -> None:
        """End both ways at once. Raises ConnectionError."""
        self._ended = True
        await self._connection.send(frames.reset(self.number, frames.CANCEL))

    async def take(self, data: bytes) -> None:
        """Hand in what came; nothing for its end."""
        if not self._dropped:
            await self._incoming.put(data)

    def finish(self) -> None:
        """Let its reader find the end after what came already."""
        try:
            self._incoming.put_nowait(b"")
        except asyncio.QueueFull:
            self._cut = True

    def drop(self) -> None:
        """Read no more: whoever hands in what came must not wait."""
        self._dropped = True
        while not self._incoming.empty():
            self._incoming.get_nowait()


class SpdyConnection:
    """The streams of one connection. `run` reads it; streams come from `accept`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._reader, self._writer = frames.Reader(), frames.Writer()
        self._streams: dict[int, SpdyStream] = {}
        self._new: asyncio.Queue[SpdyStream | None] = asyncio.Queue()
        self._gone = asyncio.Event()

    async def run(self) -> None:
        """Read until the other side is gone; then every stream is at its end."""
        try:
            while data := await self._link.read():
                for frame in self._reader.feed(data):
                    if not await self._take(frame):
                        return
        except (frames.BrokenFrame, ConnectionError) as error:
            log.info("a SPDY connection broke: %s", error)
        finally:
            self._gone.set()
            self._new.put_nowait(None)
            for stream in self._streams.values():
                stream.finish()

    async def accept(self) -> SpdyStream | None:
        """Return the next stream that the other side opened, accepted; None when it is gone."""
        return await self._new.get()

    def forget(self, stream: SpdyStream) -> None:
        """Let go of a stream: what still comes for it is dropped."""
        self._streams.pop(stream.number, None)
        stream.drop()

    async def send(self, data: bytes) -> None:
        """Send a frame. Raises ConnectionError."""
        if self._gone.is_set():
            raise ConnectionResetError("the SPDY connection is closed")
        await self._link.write(data)

    async def until_gone(self, seconds: float) -> None:
        """Return when the other side is gone, or after so long; what it sends until then is dropped."""
        for stream in self._streams.values():
            stream.drop()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._gone.wait()

    async def close(self) -> None:
        """End the connection."""
        await self._link.close()

    async def _take(self, frame: frames.Frame) -> bool:
        """Do what a frame says; tell whether more is to be read."""
        stream = self._streams.get(frame.stream)
        if frame.kind == frames.SYN_STREAM:
            await self._open(frame)
        elif frame.kind == 0 and stream is not None:
            if frame.data:
                await stream.take(frame.data)
            if frame.flags & frames.FIN:
                await stream.take(b"")
        elif frame.kind == frames.RST_STREAM and stream is not None:
            del self._streams[frame.stream]
            stream.finish()
        elif frame.kind == frames.PING and frame.stream % 2 == 1:
            await self._link.write(frames.control(frames.PING, frame.stream.to_bytes(4, "big")))
        elif frame.kind == frames.GOAWAY:
            return bool(self._streams)
        return True

    async def _open(self, frame: frames.Frame) -> None:
        if frame.stream in self._streams or len(self._streams) >= _MOST_STREAMS:
            await self._link.write(frames.reset(frame.stream, frames.REFUSED_STREAM))
            return
        stream = SpdyStream(self, frame.stream, frame.headers or {})
        self._streams[frame.stream] = stream
        await self._link.write(self._writer.reply(frame.stream))
        if frame.flags & frames.FIN:
            await stream.take(b"")
        self._new.put_nowait(stream)
