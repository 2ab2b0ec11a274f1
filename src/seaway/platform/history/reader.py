"""Reading stored logs, also while they are written; any number of readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from seaway.platform.history.lines import Stripper
from seaway.platform.history.logs import LogKey, LogStore


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
        # Before it is read: between an empty read and a look afterwards its last lines may come.
        complete = written is None or written.complete
        while chunk := await logs.read(key, position):
            position += len(chunk)
            if shown := stripper.feed(chunk):
                yield shown
        if complete or change is None:
            return
        await asyncio.wait([change])
