"""Private files on the server's own disk, and what the operating system says of them as errors with a remedy."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seaway.platform.errors import StorageFull, Unavailable

CHUNK = 1 << 18
"""Bytes that are read, hashed and handed on at once."""


def create_private(path: Path) -> IO[bytes]:
    """Create a new file that only its owner can read, open for writing without a buffer."""
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0
    )


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write everything to an unbuffered file, which may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def synchronise(path: Path) -> None:
    """Return when a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(place: str) -> Iterator[None]:
    """Raise StorageFull or Unavailable in place of what the operating system says inside the block."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"there is no room left in {place}", remedy="Free space on the server's disk, then try again."
            ) from error
        raise Unavailable(
            f"files cannot be kept in {place} ({error.strerror or error})",
            remedy="Check that the folder exists and that the server may write to it.",
        ) from error
