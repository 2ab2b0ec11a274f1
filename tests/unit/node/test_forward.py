"""A forwarded connection ends with its caller."""

from __future__ import annotations

import asyncio
import struct
from typing import cast

import pytest

from seaway.controlplane.node.streaming.forward import forward_channels
from seaway.controlplane.node.streaming.websocket import WebSocket


class Caller:
    """A WebSocket whose caller sends one message, takes one answer and leaves, or stays."""

    def __init__(self, *, leaves: bool) -> None:
        self.sent: list[bytes] = []
        self.answered = asyncio.Event()
        self._messages = [b"\0hello"]
        self._leaves = leaves

    async def send(self, message: bytes) -> None:
        self.sent.append(message)
        if message == b"\0hello":
            self.answered.set()

    async def receive(self) -> bytes | None:
        if self._messages:
            return self._messages.pop()
        await (self.answered if self._leaves else asyncio.Event()).wait()
        return None

    async def close(self) -> None:
        self.sent.append(b"closed")


@pytest.mark.parametrize("ports", [[], [1], [1, 2]])
@pytest.mark.parametrize("cancelled", [0, 1, 2, 3])
async def test_the_pods_side_is_closed_when_the_caller_leaves(ports: list[int], cancelled: int) -> None:
    """However often it is cancelled while it ends: the server goes, and the caller left already."""
    writers: list[asyncio.StreamWriter] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)

    async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writers.append(writer)
        return reader, writer

    caller = Caller(leaves=not cancelled)
    async with server, asyncio.timeout(30):
        serving = asyncio.create_task(forward_channels(cast("WebSocket", caller), ports, connect))
        if ports:
            await caller.answered.wait()
        for _ in range(cancelled):
            serving.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(serving, return_exceptions=True)
        closing = [writer.is_closing() for writer in writers]
    assert bool(closing) == bool(ports)
    assert all(closing)
    numbers = [m for m in caller.sent if m[1:] == struct.pack("<H", 1)]
    assert numbers == ([b"\0\1\0", b"\1\1\0"] if ports else [])
