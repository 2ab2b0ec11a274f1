"""Writes what a container prints, in the format of the container runtime interface, with rotation.

A line is `<RFC 3339 time with nanoseconds> <stdout|stderr> <F|P> <text>`: F ends a line, P is a piece of one. A piece without
a newline is written after a tenth of a second, so that progress bars are live.

Source: kubelet CRI log format (KEP-2411 and `kuberuntime/logs`).
"""

from __future__ import annotations

import errno
import os
import time

PARTIAL_AFTER = 0.1
"""Seconds that text without newline may wait."""
PIECE = 16 * 1024
"""Bytes of one line after which it is split into pieces, as container runtimes do."""
AGAIN = 0.5
"""Seconds after which a write is tried again on a disk that was full."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


class LogFile:
    """One container's log. Not thread-safe: the shim has one thread.

    On a disk that is full it keeps what it was fed, until there is room: its owner had better feed it no more.

    Args:
        folder: an open one.
        name: of the file in it.
        max_bytes: most that one file holds.
        max_files: how many are kept.
        after: nanoseconds since the epoch; every line's time is later.
    """

    def __init__(self, folder: int, name: str, max_bytes: int, max_files: int, after: int = 0) -> None:
        self._folder, self._name = folder, name
        self._max_bytes, self._max_files = max_bytes, max(max_files, 1)
        self._rotated: list[str] = []
        self._last = after
        self._second = -1
        self._prefix = b""
        self._pending: dict[bytes, bytearray] = {}
        self._since: dict[bytes, float] = {}
        self._unwritten = bytearray()
        self._again = 0.0
        self._descriptor = self._open()

    @property
    def full(self) -> bool:
        """Whether something waits for room on the disk."""
        return bool(self._unwritten)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._name, flags, 0o600, dir_fd=self._folder)
        self._size = os.fstat(descriptor).st_size
        return descriptor

    def _stamp(self) -> bytes:
        now = max(time.time_ns(), self._last + 1)
        self._last = now
        second, nanos = divmod(now, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second)).encode()
        return b"%b%09dZ " % (self._prefix, nanos)

    def _entry(self, stream: bytes, tag: bytes, text: bytes) -> bytes:
        return b"%b%b %b %b\n" % (self._stamp(), stream, tag, text)

    def feed(self, stream: bytes, data: bytes) -> None:
        """Take what was read from a stream (b"stdout" or b"stderr")."""
        buffer = self._pending.setdefault(stream, bytearray())
        buffer += data
        entries: list[bytes] = []
        *lines, rest = bytes(buffer).split(b"\n")
        for line in lines:
            while len(line) > PIECE:
                entries.append(self._entry(stream, b"P", line[:PIECE]))
                line = line[PIECE:]
            entries.append(self._entry(stream, b"F", line))
        while len(rest) >= PIECE:
            entries.append(self._entry(stream, b"P", rest[:PIECE]))
            rest = rest[PIECE:]
        if rest:
            if lines or stream not in self._since:
                self._since[stream] = time.monotonic()
        else:
            self._since.pop(stream, None)
        self._pending[stream] = bytearray(rest)
        self._write(entries)

    def wait(self) -> float | None:
        """Return the seconds until `flush_partial` has something to do, None for never."""
        due = [since + PARTIAL_AFTER for since in self._since.values()]
        if self._unwritten:
            due.append(self._again)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def flush_partial(self, *, everything: bool = False) -> None:
        """Write pieces of lines that waited long enough (or all of them), and what there was no room for."""
        now = time.monotonic()
        if self._unwritten and now >= self._again:
            self._put(b"")
        due = [s for s, since in self._since.items() if everything or now - since >= PARTIAL_AFTER]
        for stream in due:
            del self._since[stream]
            text = bytes(self._pending.pop(stream))
            self._write([self._entry(stream, b"P", text)])

    def close(self) -> None:
        """Write what is left and close. Raises OSError where there is no room for it."""
        self.flush_partial(everything=True)
        self._put(b"")
        os.close(self._descriptor)
        if self._unwritten:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._name)

    def _write(self, entries: list[bytes]) -> None:
        together: list[bytes] = []
        for entry in entries:
            if self._size and self._size + len(entry) > self._max_bytes:
                self._put(b"".join(together))
                together = []
                if not self._unwritten:  # else a line would begin in one file and end in another
                    self._rotate()
            together.append(entry)
            self._size += len(entry)
        self._put(b"".join(together))

    def _put(self, data: bytes) -> None:
        view = memoryview(bytes(self._unwritten) + data if self._unwritten else data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            if error.errno not in _FULL:
                raise
            self._again = time.monotonic() + AGAIN
        self._unwritten = bytearray(view)

    def _rotate(self) -> None:
        self._last = max(
            time.time_ns(), self._last + 1
        )  # its name comes after the others', though the clock was set back
        kept, before = f"{self._name}.{self._last:020d}", self._descriptor
        os.rename(self._name, kept, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        try:
            self._descriptor = self._open()
        except OSError as error:
            if error.errno not in _FULL:
                raise
            os.rename(
                kept, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder
            )  # it goes on in this one
            return
        os.close(before)
        self._rotated.append(kept)
        while len(self._rotated) > self._max_files - 1:
            os.unlink(self._rotated.pop(0), dir_fd=self._folder)
