"""Stored logs: what every place that keeps them does alike, and what it has to offer.

A log is a sequence of bytes, read by position. One process writes it. What readers were shown once stays as it is, whatever
becomes of that process; all of it is durable when `LogStore.close` returns, before the pod may go.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

from seaway.platform.history import lines
from seaway.platform.history.signal import Signal

TAIL = 64 * 1024
"""Bytes looked at for the point to resume from and for the last lines."""
LONGEST_TAIL = 16 * TAIL
"""Bytes looked at for the last lines where they are very long."""
CHUNK = 64 * 1024
"""Most bytes that one read returns."""


class LogKey(NamedTuple):
    """Which attempt's log."""

    run_uid: str
    task: str
    attempt: int


class AttemptLog(ABC):
    """One attempt's log while it is written."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.size = 0
        """Bytes, once it is ready."""
        self._own: list[bytes] = []
        self._at_start = True
        self.truncated = False
        self.complete = False
        """Nothing more will come, and all of it can be read."""
        self.collected = False
        """All of the container's log is in it."""
        self.changed = Signal()
        """Notified when there is more to read."""

    @abstractmethod
    async def ready(self) -> None:
        """Return when it is known what is stored already. Await it before anything that depends on that."""

    @abstractmethod
    async def resume_point(self) -> lines.Point:
        """Return how far the container's log is stored."""

    @abstractmethod
    def _put(self, data: bytes) -> None:
        """Take bytes at the end; `changed` is notified when they can be read."""

    async def _room(self) -> None:
        """Return when more can be taken: who writes faster than the place that keeps it has to wait."""
        return

    async def append(self, data: bytes) -> None:
        """Append bytes of the container's log (with times), up to the limit."""
        await self.ready()
        if not data or self.truncated:
            return
        await self._room()
        if self.size + len(data) > self._limit:
            self.truncated = True
            data = data[: data.rfind(b"\n", 0, max(0, self._limit - self.size)) + 1]
        self._write(data)

    async def append_past_limit(self, data: bytes) -> None:
        """Append the last lines of a log that is over the limit."""
        await self.ready()
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
        if data:
            self._put(data)

    def finish(self) -> None:
        """Say that nothing more will be appended."""
        self._at_start = True
        self._write(b"")

    def seal(self) -> None:
        """Say that all of it can be read."""
        self.complete = True
        self.changed.notify()


class LogStore(Protocol):
    """All stored logs of a server."""

    def writer(self, key: LogKey, *, new: bool = False) -> AttemptLog:
        """Return an attempt's log for writing, opened where it is not; an unfinished last line of an earlier process is cut off.

        Args:
            key: whose.
            new: nothing can be stored of it yet; it need not be looked for.
        """
        ...

    def being_written(self, key: LogKey) -> AttemptLog | None:
        """Return an attempt's log if it is open for writing."""
        ...

    async def read(self, key: LogKey, position: int) -> bytes:
        """Return some bytes from a position on, at most `CHUNK`; b"" where nothing was appended after it."""
        ...

    async def tail(self, key: LogKey, count: int) -> lines.Tail:
        """Return the program's last lines in an attempt's log. Looks at a bounded part."""
        ...

    async def close(self, key: LogKey) -> None:
        """Say that nothing more will come; returns when the log is durable. May be called again where it raised."""
        ...

    async def forget_run(self, run_uid: str) -> None:
        """Remove what lies outside the database of all logs of a run that has ended; its rows are removed with the run."""
        ...

    async def size(self, key: LogKey) -> int:
        """Return how many bytes of a log are stored."""
        ...

    async def remove(self, key: LogKey) -> None:
        """Remove a log that is closed; harmless where there is none."""
        ...

    async def close_all(self) -> None:
        """Close what is open, at the server's end: more of it may come after the next start."""
        ...
