"""Attach to a container's program: what it writes from now on. Its input is not ours to give: see `unserved`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from seaway.client.logs import LogOptions
from seaway.controlplane.node.logs import LogReader
from seaway.controlplane.node.processes import log_path
from seaway.controlplane.node.sessions import STDERR, STDOUT
from seaway.controlplane.node.state import ContainerState


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
        self._open = set(self.outputs)
        self._over = asyncio.Event()
        for stream in self.outputs:
            options = LogOptions(follow=True, tail_lines=0, stream=stream)
            reader = LogReader(
                log_path(folder), options, now, lambda: state.attempt != attempt or not state.running
            )
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
