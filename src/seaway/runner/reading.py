"""Whether a program has read what was restored for it: one that does not began anew, whatever lay there."""

# ruff: noqa: PTH108
# ruff: noqa: PTH118
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import stat

from seaway.runner.archive import scan

_MOST_FILES = 128
"""Files that are watched: each is kept open."""


class Reading:
    """Watches when restored files are read, by the time of the last access that their file system keeps.

    They are kept open, so that one that is replaced after it was read still tells of that. Where nothing can be told from
    their times (a file system that keeps none, more files than are watched, empty ones), nothing is said.

    Args:
        folder: where they lie; nobody has read them yet.
    """

    def __init__(self, folder: str) -> None:
        self._watched: list[tuple[int, int]] = []
        files = [entry for entry in scan(folder) if stat.S_ISREG(entry.status.st_mode)]
        if len(files) > _MOST_FILES or not all(entry.status.st_size for entry in files):
            return
        try:
            if _tells(folder):
                for entry in files:
                    descriptor = os.open(os.path.join(folder, entry.path), os.O_RDONLY | os.O_CLOEXEC)
                    self._watched.append((descriptor, entry.status.st_atime_ns))
        except (
            OSError
        ):  # no descriptor is left, or a mode allows no reading: what cannot be watched is not told of
            self.end()

    def end(self) -> bool:
        """Stop watching; return whether it is certain that none of them was read."""
        unread = bool(self._watched)
        for descriptor, before in self._watched:
            unread = unread and os.fstat(descriptor).st_atime_ns == before
            os.close(descriptor)
        self._watched = []
        return unread


def _tells(folder: str) -> bool:
    """Return whether a file system keeps when files were last read."""
    path = os.path.join(folder, f".seaway-{os.urandom(8).hex()}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.unlink(path)
        os.write(descriptor, b"x")
        os.utime(descriptor, (1, 1))
        os.pread(descriptor, 1, 0)
        return os.fstat(descriptor).st_atime_ns != 10**9
    finally:
        os.close(descriptor)
