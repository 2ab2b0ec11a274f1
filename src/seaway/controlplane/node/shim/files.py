"""Small files written whole or not at all, relative to an open folder (paths may be hidden by mounts later)."""

from __future__ import annotations

import fcntl
import json
import os
from typing import Any

STARTED = "started"
"""Made with O_EXCL before anything runs, and locked (flock) as long as the shim lives."""
SPEC = "spec.json"
STATE = "state.json"
EXIT = "exit.json"
_RESERVED = 4096
"""Bytes that are enough for how a container ended."""


def read_json(name: str, folder: int | None = None) -> Any:
    """Return the value in a file. Raises FileNotFoundError."""
    descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return json.load(file)


def write_json(name: str, value: Any, folder: int) -> int:
    """Write a value to a file, whole or not at all; return an open descriptor, so that the caller may fsync it later."""
    temporary = f".{name}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder)
    text = json.dumps(value).encode()
    _write(descriptor, text)
    os.ftruncate(descriptor, len(text))
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    return descriptor


def write_plain(name: str, data: bytes, folder: int) -> None:
    """Write a file that nobody reads yet, and that every user in the container may read."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644, dir_fd=folder)
    try:
        os.fchmod(descriptor, 0o644)  # whatever the process masks
        _write(descriptor, data)
    finally:
        os.close(descriptor)


def reserve(name: str, folder: int) -> None:
    """Take the room for a value that is to be written later, also on a disk that is full then."""
    descriptor = os.open(f".{name}.new", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        _write(descriptor, bytes(_RESERVED))
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def claim(folder: int) -> int | None:
    """Make and lock the `started` marker of a container folder.

    Returns:
        The locked descriptor: the lock lasts until every copy of it is closed. None where the marker exists already.
    """
    try:
        descriptor = os.open(STARTED, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except FileExistsError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_locked(path: str) -> bool:
    """Tell whether another process holds the lock of a file. Raises FileNotFoundError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def start_time(pid: int | str) -> str:
    """Return when a process started, in the kernel's ticks since boot: with the number it names a process for good."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return ""
