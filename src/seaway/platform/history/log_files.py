"""Stored logs as files: one append-only file an attempt. Appending is a plain write."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seaway.platform.history import lines
from seaway.platform.history.logs import CHUNK, LONGEST_TAIL, TAIL, AttemptLog, LogKey

_CLOSED = -1
"""No file's descriptor: a closed one's number is soon another file's, into which nothing of a log may be written."""


_FULL = (errno.ENOSPC, errno.EDQUOT)


class FileLog(AttemptLog):
    """One attempt's log while it is written.

    What finds no room on the disk waits in memory, in its order; whoever brings more of the container's log waits with it
    (`ready` raises OSError), so that this is a few of Seaway's own lines at most.
    """

    def __init__(self, path: Path, limit: int) -> None:
        super().__init__(limit)
        self.path = path
        self._file = _CLOSED
        self._opened = False
        self._waiting = bytearray()
        with suppress_full():
            self._open()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._opened = True
        self.size = os.fstat(self._file).st_size
        self._drop_torn_tail()

    def _drop_torn_tail(self) -> None:
        """Cut off an unfinished line that an earlier process left: it will come again."""
        if self.size and (keep := self._tail().rfind(b"\n") + 1) != (tail := len(self._tail())):
            self.size += keep - tail
            os.ftruncate(self._file, self.size)
        self.truncated = self.size >= self._limit

    def _tail(self) -> bytes:
        length = TAIL
        while True:
            start = max(0, self.size - length)
            data = os.pread(self._file, self.size - start, start)
            if start == 0 or data.count(b"\n") > 1:
                return data
            length *= 4

    async def ready(self) -> None:
        """Return at once. Raises OSError while the disk is full."""
        self._flush()

    async def resume_point(self) -> lines.Point:
        """Return how far the container's log is stored. Raises OSError while the disk is full."""
        self._flush()
        return lines.resume_point(self._tail())

    def _put(self, data: bytes) -> None:
        self._waiting += data
        with suppress_full():
            self._flush()

    def _flush(self) -> None:
        if not self._opened:
            self._open()
        written = bool(self._waiting)
        while self._waiting:
            count = os.write(self._file, self._waiting)
            del self._waiting[:count]
            self.size += count
        if written:
            self.changed.notify()

    def close(self) -> None:
        """Make it durable and close the file. Blocks."""
        if not self._opened:
            return
        descriptor, self._file = self._file, _CLOSED
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def suppress_full() -> Iterator[None]:
    """Go on where a disk is full; whatever else goes wrong is raised."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise


class FileLogStore:
    """Logs in a folder, each readable by its owner only."""

    def __init__(self, folder: Path, *, limit: int = 256 * 1024 * 1024) -> None:
        self._folder = folder
        self._limit = limit
        self._open: dict[LogKey, FileLog] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, key: LogKey) -> Path:
        """Return the file of an attempt's log, which may not exist."""
        return self._folder / key.run_uid / key.task / f"{key.attempt}.log"

    def writer(self, key: LogKey, *, new: bool = False) -> FileLog:  # noqa: ARG002 - the store's interface
        """Return an attempt's log for writing, opened where it is not."""
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = FileLog(self.path(key), self._limit)
        return found

    def being_written(self, key: LogKey) -> FileLog | None:
        """Return an attempt's log if it is open for writing."""
        return self._open.get(key)

    async def read(self, key: LogKey, position: int) -> bytes:
        """Return some bytes from a position on."""
        return await asyncio.to_thread(_read, self.path(key), position)

    async def tail(self, key: LogKey, count: int) -> lines.Tail:
        """Return the program's last lines in an attempt's log."""
        length = TAIL
        while True:
            data, whole = await asyncio.to_thread(_read_end, self.path(key), length)
            found = lines.tail(data if whole else data.partition(b"\n")[2], count)
            if whole or len(found.times) >= min(count, lines.FEW) or length >= LONGEST_TAIL:
                return found
            length *= 4

    async def close(self, key: LogKey) -> None:
        """Say that nothing more will come; returns when the log is durable."""
        log = self._open.get(key)
        if log is not None:
            log.finish()
            await log.ready()
            del self._open[key]
            log.seal()
            await asyncio.to_thread(log.close)

    async def forget_run(self, run_uid: str) -> None:
        """Remove all logs of a run that has ended."""
        for key in [key for key in self._open if key.run_uid == run_uid]:
            await self.close(key)
        await asyncio.to_thread(_remove, self._folder / run_uid)

    async def size(self, key: LogKey) -> int:
        """Return how many bytes of a log are stored."""
        return await asyncio.to_thread(_size, self.path(key))

    async def remove(self, key: LogKey) -> None:
        """Remove a log that is closed."""
        await asyncio.to_thread(_remove_log, self.path(key))

    async def close_all(self) -> None:
        """Close what is open."""
        logs = list(self._open.values())
        self._open.clear()
        await asyncio.to_thread(_close_all, logs)


def _close_all(logs: list[FileLog]) -> None:
    for log in logs:
        log.close()


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _read(path: Path, position: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read(CHUNK)
    except FileNotFoundError:
        return b""


def _read_end(path: Path, length: int) -> tuple[bytes, bool]:
    """Return a file's last part, and whether that is all of it."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - length)
            file.seek(start)
            return file.read(), start == 0
    except FileNotFoundError:
        return b"", True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _remove_log(path: Path) -> None:
    """Remove a file, and the folders above it that are empty then."""
    path.unlink(missing_ok=True)
    for folder in (path.parent, path.parent.parent):
        try:
            folder.rmdir()
        except OSError:
            return  # another log lies in it
