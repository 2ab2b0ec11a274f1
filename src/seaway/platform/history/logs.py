"""Stored logs: one append-only file an attempt.

Appending is a plain write (it is on the disk when `LogStore.close` returns, before the pod may go); readers never look at
anything but these files.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from seaway.platform.history import lines
from seaway.platform.history.signal import Signal

_TAIL = 64 * 1024
"""Bytes looked at for the point to resume from; a single longer line is found by reading more."""


class LogKey(NamedTuple):
    """Which attempt's log."""

    run_uid: str
    task: str
    attempt: int


class AttemptLog:
    """One attempt's log while it is written."""

    def __init__(self, path: Path, limit: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path
        self._limit = limit
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = os.fstat(self._file).st_size
        self._own: list[bytes] = []
        self._at_start = True
        self.truncated = False
        self.complete = False
        self.collected = False
        """All of the container's log is in it."""
        self.changed = Signal()
        self._drop_torn_tail()

    def _drop_torn_tail(self) -> None:
        """Cut off an unfinished line that an earlier process left: it will come again."""
        if self.size and (keep := self._tail().rfind(b"\n") + 1) != (tail := len(self._tail())):
            self.size += keep - tail
            os.ftruncate(self._file, self.size)
        self.truncated = self.size >= self._limit

    def _tail(self) -> bytes:
        length = _TAIL
        while True:
            start = max(0, self.size - length)
            data = os.pread(self._file, self.size - start, start)
            if start == 0 or data.count(b"\n") > 1:
                return data
            length *= 4

    def resume_point(self) -> lines.Point:
        """Return how far the container's log is stored."""
        return lines.resume_point(self._tail())

    def append(self, data: bytes) -> None:
        """Append bytes of the container's log (with times), up to the limit."""
        if not data or self.truncated:
            return
        if self.size + len(data) > self._limit:
            self.truncated = True
            data = data[: data.rfind(b"\n", 0, max(0, self._limit - self.size)) + 1]
        self._write(data)

    def append_past_limit(self, data: bytes) -> None:
        """Append the last lines of a log that is over the limit."""
        self._write(data)

    def say(self, text: str, nanoseconds: int) -> None:
        """Append one of Seaway's own lines; waits for the end of a line that is being written."""
        self._own.append(lines.own_line(text, nanoseconds))
        if self._at_start:
            self._write(b"")

    def finish_line(self) -> None:
        """End a last line that the program left unfinished, so that what follows begins on a new one."""
        if not self._at_start:
            self._write(b"\n")

    def _write(self, data: bytes) -> None:
        if data:
            self._at_start = data.endswith(b"\n")
        if self._at_start and self._own:
            data += b"".join(self._own)
            self._own.clear()
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]
        self.size += len(data)
        self.changed.notify()

    def finish(self) -> None:
        """Say that nothing more will come."""
        self._at_start = True
        self._write(b"")
        self.complete = True
        self.changed.notify()

    def close(self) -> None:
        """Make it durable and close the file. Blocks."""
        try:
            os.fsync(self._file)
        finally:
            os.close(self._file)


class LogStore:
    """All stored logs of a server."""

    def __init__(self, folder: Path, *, limit: int = 256 * 1024 * 1024) -> None:
        self._folder = folder
        self._limit = limit
        self._open: dict[LogKey, AttemptLog] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, key: LogKey) -> Path:
        """Return the file of an attempt's log, which may not exist."""
        return self._folder / key.run_uid / key.task / f"{key.attempt}.log"

    def writer(self, key: LogKey) -> AttemptLog:
        """Return an attempt's log for writing, opened where it is not."""
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = AttemptLog(self.path(key), self._limit)
        return found

    def being_written(self, key: LogKey) -> AttemptLog | None:
        """Return an attempt's log if it is open for writing."""
        return self._open.get(key)

    def tail(self, key: LogKey, count: int) -> lines.Tail:
        """Return the program's last lines in an attempt's log. Reads a bounded part: may be called in the event loop."""
        try:
            with self.path(key).open("rb") as file:
                start = max(0, file.seek(0, os.SEEK_END) - _TAIL)
                file.seek(start)
                data = file.read()
        except FileNotFoundError:
            data = b""
            start = 0
        return lines.tail(data.partition(b"\n")[2] if start else data, count)

    async def close(self, key: LogKey) -> None:
        """Say that nothing more will come; returns when the log is durable."""
        log = self._open.pop(key, None)
        if log is not None:
            log.finish()
            await asyncio.to_thread(log.close)

    def close_all(self) -> None:
        """Close what is open, at the server's end: more of it may come after the next start. Blocks."""
        for log in self._open.values():
            log.close()
        self._open.clear()
