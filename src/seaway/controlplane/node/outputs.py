"""What a program wrote and its shim had not read yet: kept while the shim lives, and put into the log where it was killed.

The program writes into pipes, for it may open its own streams again and must wait where nobody reads. What is in a pipe is
gone as soon as nobody holds its reading end; so the node holds it too, and never reads it while the shim does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from seaway.controlplane.node.descriptors import read_some
from seaway.controlplane.node.logs import read_last_time
from seaway.controlplane.node.shim import files
from seaway.controlplane.node.shim.container import LOG
from seaway.controlplane.node.shim.logfile import LogFile

log = logging.getLogger(__name__)
_SECONDS = 2.0
"""How long the last writer may take to be gone; the kernel ends all of them with the shim."""


class Outputs:
    """The reading ends of one container's pipes.

    Args:
        folder: of the container.
        state: what its shim wrote of itself; None where it did not come so far.
    """

    def __init__(self, folder: Path, state: Mapping[str, Any] | None) -> None:
        self._folder = folder
        self._pipes: dict[str, int] = {}
        for stream, (number, inode) in ((state or {}).get("outputs") or {}).items():
            assert state is not None, "it has outputs"
            pipe = _open_pipe(state["shim"], number, inode)
            if pipe is not None:
                self._pipes[stream] = pipe

    async def save(self) -> None:
        """Put what is left into the log. The shim must be dead; returns when its programs are too, or after two seconds."""
        if self._pipes:
            try:
                await self._save()
            except OSError as error:  # the disk is full, or the folder is removed
                log.warning("the end of the log in %s cannot be saved: %s", self._folder, error)

    async def _save(self) -> None:
        spec = files.read_json(str(self._folder / files.SPEC))
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            path = self._folder / LOG
            after = read_last_time(path)
            _end_line(path)
            written = LogFile(descriptor, LOG, spec["log_max_bytes"], spec["log_max_files"], after=after)
            for stream, pipe in self._pipes.items():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SECONDS):
                        while data := await read_some(pipe):
                            written.feed(stream.encode(), data)
            written.close()
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let go of the pipes."""
        for pipe in self._pipes.values():
            os.close(pipe)
        self._pipes.clear()


def _open_pipe(process: int, number: int, inode: int) -> int | None:
    """Open a pipe that another process reads from; None where that one is gone, or there is no /proc."""
    try:
        descriptor = os.open(f"/proc/{process}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    found = os.fstat(descriptor)
    if stat.S_ISFIFO(found.st_mode) and found.st_ino == inode:
        return descriptor
    os.close(descriptor)
    return None


def _end_line(path: Path) -> None:
    """End a line that the shim was writing when it was killed, so that what follows begins on one of its own."""
    with path.open("r+b") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")
