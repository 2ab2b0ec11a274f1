"""Attach to a container's program: what it writes from now on, and what it reads where it has an input or a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from seaway.client.logs import LogOptions
from seaway.controlplane.node.forks import address_of
from seaway.controlplane.node.logs import LogReader
from seaway.controlplane.node.processes import log_path
from seaway.controlplane.node.sessions import STDERR, STDOUT
from seaway.controlplane.node.shim import attached, files
from seaway.controlplane.node.state import ContainerState
from seaway.controlplane.node.streaming.command import Command

_CHUNK = 1 << 16
_STREAMS = {attached.STDOUT: STDOUT, attached.STDERR: STDERR}


async def attach(folder: Path, state: ContainerState, now: float, *, stdin: bool) -> Command:
    """Attach to the program of a container that runs.

    Args:
        folder: of the container's running attempt.
        state: of the container; tells when it ended.
        now: seconds since the epoch.
        stdin: the caller gives input; it is dropped where the program has none.

    Raises:
        OSError: the program has just ended.
    """
    spec: dict[str, Any] = files.read_json(str(folder / files.SPEC))
    if not spec.get("stdin") and not spec.get("terminal"):
        return AttachedProgram(folder, state, now)
    async with address_of(folder / attached.SOCKET) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    program = InteractiveProgram(reader, writer, terminal=bool(spec.get("terminal")))
    try:
        if stdin:
            await program.tell(attached.WANTS_INPUT)
    except BaseException:
        program.close()
        raise
    return program


class InteractiveProgram:
    """A running program that has an input or a terminal, over the socket of its container."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, terminal: bool) -> None:
        self._reader, self._writer = reader, writer
        self.outputs: tuple[str, ...] = (STDOUT,) if terminal else (STDOUT, STDERR)
        self._queues: dict[str, asyncio.Queue[bytes]] = {name: asyncio.Queue(64) for name in self.outputs}
        self._over = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def tell(self, kind: int, data: bytes = b"") -> None:
        """Send a message. Raises ConnectionError."""
        self._writer.write(attached.message(kind, data))
        await self._writer.drain()

    async def read(self, stream: str) -> bytes:
        """Return what comes next; nothing when the program ended."""
        return await self._queues[stream].get()

    async def write(self, data: bytes) -> None:
        """Give it input. Raises ConnectionError."""
        await self.tell(attached.DATA, data)

    def end_input(self) -> None:
        """Say that no more input comes from here."""
        self._writer.write(attached.message(attached.END))

    def resize(self, width: int, height: int) -> None:
        """Its terminal has this size, in characters."""
        self._writer.write(attached.message(attached.RESIZE, f"{width} {height}".encode()))

    async def wait(self) -> int:
        """Return 0 when the program ended: its own exit code stands in the container's status."""
        await self._over.wait()
        return 0

    def close(self) -> None:
        """Let go of it; the program runs on."""
        self._reading.cancel()
        self._writer.close()

    async def _read(self) -> None:
        rest = b""
        try:
            while data := await self._reader.read(_CHUNK):
                messages, rest = attached.parse(rest + data)
                for kind, content in messages:
                    await self._queues[_STREAMS[kind]].put(content)
        finally:
            self._over.set()
            for queue in self._queues.values():
                await queue.put(b"")


class AttachedProgram:
    """A running container's outputs, as if its program were a command of the caller's.

    Args:
        folder: of the container's running attempt.
        state: of the container; tells when it ended.
        now: seconds since the epoch.
    """

    outputs = (STDOUT, STDERR)

    def __init__(self, folder: Path, state: ContainerState, now: float) -> None:
        attempt = state.attempt
        self._chunks: dict[str, AsyncGenerator[bytes, None]] = {}
        self._readers: list[LogReader] = []
        self._open = set(self.outputs)
        self._over = asyncio.Event()
        for stream in self.outputs:
            options = LogOptions(follow=True, tail_lines=0, stream=stream)
            reader = LogReader(
                log_path(folder), options, now, lambda: state.attempt != attempt or not state.running
            )
            reader.begin()
            self._readers.append(reader)
            self._chunks[stream] = reader.chunks()

    async def read(self, stream: str) -> bytes:
        """Return what comes next; nothing when the program ended."""
        async for chunk in self._chunks[stream]:
            if chunk:
                return chunk
        self._open.discard(stream)
        if not self._open:
            self._over.set()
        return b""

    async def write(self, data: bytes) -> None:
        """Drop it: the program has no input."""

    def end_input(self) -> None:
        """Do nothing: the program has no input."""

    def resize(self, width: int, height: int) -> None:
        """Do nothing: the program has no terminal."""

    async def wait(self) -> int:
        """Return 0 when the program ended: its own exit code stands in the container's status."""
        await self._over.wait()
        return 0

    def close(self) -> None:
        """Let go of the log; the program runs on."""
        self._chunks.clear()
        for reader in self._readers:
            reader.close()
