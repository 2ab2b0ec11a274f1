"""Read containers' logs: from the tail, since a time, across rotation, and on while the container runs.

Source: `PodLogOptions` of core/v1; the kubelet's `kuberuntime/logs`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from seaway.base.clock import parse_rfc3339, rfc3339_nano
from seaway.client.logs import LogOptions
from seaway.controlplane.node.state import ContainerState
from seaway.objects.errors import BadRequest

_BLOCK = 1 << 16
_SHORTEST_WAIT, _LONGEST_WAIT = 0.01, 0.25
_GONE = -1


class Entry(NamedTuple):
    """One entry of a log file."""

    time: bytes
    stream: bytes
    complete: bool
    """The line ends here."""
    text: bytes


def parse_entry(line: bytes) -> Entry | None:
    """Return what a line of a log file says, None where it is none (a torn write)."""
    parts = line.split(b" ", 3)
    if len(parts) != 4 or parts[2] not in {b"F", b"P"}:
        return None
    return Entry(parts[0], parts[1], parts[2] == b"F", parts[3])


@dataclass(slots=True)
class Rendering:
    """Turns entries into what the reader gets; joins pieces of one line."""

    timestamps: bool = False
    since: bytes = b""
    """Earlier entries are left out."""
    left: int | None = None
    """Bytes that may still be given."""
    stream: bytes = b""
    """Entries of another stream are left out; empty for none."""
    _inside: bool = False

    def render(self, block: bytes) -> bytes:
        """Return the text of whole entries."""
        out: list[bytes] = []
        for line in block.split(b"\n"):
            entry = parse_entry(line)
            if entry is None or (self.since and entry.time < self.since):
                continue
            if self.stream and entry.stream != self.stream:
                continue
            if self.timestamps and not self._inside:
                out.append(entry.time + b" ")
            out.append(entry.text + b"\n" if entry.complete else entry.text)
            self._inside = not entry.complete
        text = b"".join(out)
        if self.left is not None:
            text = text[: self.left]
            self.left -= len(text)
        return text


def log_files(path: Path) -> list[Path]:
    """Return a log's files, oldest first, the current one last."""
    older = sorted(path.parent.glob(path.name + ".*"))
    return [*older, path] if path.exists() else older


def tail_start(files: list[Path], lines: int) -> tuple[int, int]:
    """Return (index of the file, offset) where the last lines begin."""
    if lines == 0 and files:
        return len(files) - 1, files[-1].stat().st_size
    needed = lines
    for index in range(len(files) - 1, -1, -1):
        with files[index].open("rb") as file:
            offset, needed = _scan_back(file, needed, last=index == len(files) - 1)
        if offset is not None:
            return index, offset
    return 0, 0


def _scan_back(file: BinaryIO, needed: int, *, last: bool) -> tuple[int | None, int]:
    """Look for the entry after which the last `needed` lines follow; return its end, or None and how many are missing."""
    position = file.seek(0, os.SEEK_END)
    rest = b""
    first = last
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        file.seek(position)
        block = file.read(size) + rest
        lines = block.split(b"\n")
        rest = lines[0]
        offset = position + len(block)
        for line in reversed(lines[1:]):
            offset -= len(line)
            entry = parse_entry(line)
            if entry is not None and (entry.complete or first):
                if needed == 0 and entry.complete:
                    return offset + len(line) + 1, 0
                needed -= 1
            first = first and entry is None
            offset -= 1
    entry = parse_entry(rest)
    if entry is not None and entry.complete:
        if needed == 0:
            return len(rest) + 1, 0
        needed -= 1
    return None, max(needed, 0)


def read_tail(path: Path, lines: int, limit: int) -> bytes:
    """Return the last lines of a log, at most `limit` bytes of them."""
    files = log_files(path)
    index, offset = tail_start(files, lines)
    text = b""
    for number in range(index, len(files)):
        with files[number].open("rb") as file:
            file.seek(offset if number == index else 0)
            text = (text + Rendering().render(file.read()))[-limit:]
    return text


def read_last_time(path: Path) -> int:
    """Return when the last entry of a log file was written, in nanoseconds since the epoch; 0 where there is none."""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _BLOCK))
        entries = [entry for line in file.read().split(b"\n") if (entry := parse_entry(line))]
    if not entries:
        return 0
    second, _, rest = entries[-1].time.decode().removesuffix("Z").partition(".")
    return round(parse_rfc3339(f"{second}Z")) * 1_000_000_000 + int(rest.ljust(9, "0"))


class LogReader:
    """Reads one container's log.

    Args:
        path: the current file.
        options: what is asked for.
        now: seconds since the epoch, for `since_seconds`.
        ended: tells whether the container has ended, and with it its log.
    """

    def __init__(self, path: Path, options: LogOptions, now: float, ended: Callable[[], bool]) -> None:
        self._path, self._options, self._ended = path, options, ended
        since = b""
        if options.since_time:
            since = rfc3339_nano(int(parse_rfc3339(options.since_time) * 1e9)).encode()
        elif options.since_seconds is not None:
            since = rfc3339_nano(int((now - options.since_seconds) * 1e9)).encode()
        self._rendering = Rendering(options.timestamps, since, options.limit_bytes, options.stream.encode())
        self._file: BinaryIO | None = None
        self._rest = b""

    def begin(self) -> None:
        """Settle now where reading begins: what is written from now on is not missed, however late it is read."""
        self._open_start()
        if self._file is None:
            self._options = replace(self._options, tail_lines=None)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield text as it comes; end where the log ends (or, not following, where it ends now)."""
        try:
            if self._file is None:
                self._open_start()
            wait = _SHORTEST_WAIT
            while self._rendering.left != 0:
                ended = self._ended()
                text = self._read()
                if text is not None:
                    wait = _SHORTEST_WAIT
                    if text:
                        yield text
                elif ended or not self._options.follow:
                    return
                else:
                    await asyncio.sleep(wait)
                    wait = min(wait * 1.5, _LONGEST_WAIT)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._file:
            self._file.close()

    def _open_start(self) -> None:
        files = log_files(self._path)
        if not files:
            return
        index, offset = (
            tail_start(files, self._options.tail_lines) if self._options.tail_lines is not None else (0, 0)
        )
        self._file = files[index].open("rb")
        self._file.seek(offset)

    def _read(self) -> bytes | None:
        """Return the text of the next block, None at the end of what is there."""
        if self._file is None:
            self._open_start()
        if self._file is None:
            return None
        data = self._file.read(_BLOCK)
        if not data:
            return b"" if self._next_file() else None
        block = self._rest + data
        cut = block.rfind(b"\n") + 1
        self._rest = block[cut:]
        return self._rendering.render(block[:cut])

    def _next_file(self) -> bool:
        """Go on with the file after this one, where the log was rotated."""
        assert self._file is not None
        mine = os.fstat(self._file.fileno()).st_ino
        files = log_files(self._path)
        inodes = [_inode(path) for path in files]
        if not files or inodes[-1] in {mine, _GONE}:
            return False
        following = inodes.index(mine) + 1 if mine in inodes else 0
        # What was written between the last read and the rotation comes first.
        data = self._file.read()
        if data:
            self._file.seek(-len(data), os.SEEK_CUR)
            return True
        try:
            opened = files[following].open("rb")
        except FileNotFoundError:  # the pod's folder is being removed
            return False
        self._file.close()
        self._rest = b""
        self._file = opened
        return True


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return _GONE


def attempt_asked(pod: str, state: ContainerState, *, previous: bool) -> int:
    """Return the attempt of a container whose log is asked for.

    Args:
        pod: its name.
        state: of the container.
        previous: the log of the attempt before the latest is meant.

    Raises:
        BadRequest: there is no such attempt.
    """
    number = state.attempt - 1 if previous else state.attempt
    if previous and state.waiting and state.waiting[0] == "CrashLoopBackOff":
        number = state.attempt
    if number >= 0:
        return number
    if previous:
        raise BadRequest(f'previous terminated container "{state.name}" in pod "{pod}" not found')
    reason = state.waiting[0] if state.waiting else "ContainerCreating"
    raise BadRequest(f'container "{state.name}" in pod "{pod}" is waiting to start: {reason}')
