"""Reading stored logs, also while they are written; any number of readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from seaway.platform.history.lines import Stripper
from seaway.platform.history.logs import LogKey, LogStore

CHUNK = 64 * 1024


async def read_log(
    logs: LogStore, key: LogKey, *, follow: bool = False, timestamps: bool = False
) -> AsyncIterator[bytes]:
    """Yield one attempt's log as a reader sees it.

    Args:
        logs: where it is stored.
        key: which attempt's.
        follow: go on until nothing more will come; otherwise end at what is stored now.
        timestamps: begin each line with its time.
    """
    stripper = Stripper(timestamps=timestamps)
    position = 0
    while True:
        written = logs.being_written(key) if follow else None
        change = written.changed.next() if written is not None else None
        async for chunk in _rest(logs.path(key), position):
            position += len(chunk)
            if shown := stripper.feed(chunk):
                yield shown
        if written is None or change is None or written.complete:
            return
        await asyncio.wait([change])


async def _rest(path: Path, position: int) -> AsyncIterator[bytes]:
    """Yield a file's bytes from a position on; nothing where it does not exist."""
    while chunk := await asyncio.to_thread(_read, path, position):
        position += len(chunk)
        yield chunk


def _read(path: Path, position: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(CHUNK)
    except FileNotFoundError:
        return b""
