"""What the pods of one node share, so that each thing is fetched and built once."""

# ruff: noqa: PTH108, PTH118
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import time

from seaway.runner.files import make_folder, remove_tree

_UNFINISHED = ".unfinished-"
_ABANDONED = 24 * 3600.0
"""Seconds after which nobody works on something unfinished any more: its pod was killed."""


class Cache:
    """A folder of things that are complete where they are there at all."""

    def __init__(self, root: str) -> None:
        self.root = root

    def place(self, kind: str, name: str) -> str:
        """Return where something of a kind belongs."""
        return os.path.join(self.root, kind, name)

    def unfinished(self, kind: str) -> str:
        """Return a new path beside the things of a kind, to be renamed once it is complete. Clears away old ones."""
        folder = make_folder(os.path.join(self.root, kind))
        for entry in os.scandir(folder):
            if entry.name.startswith(_UNFINISHED) and time.time() - entry.stat().st_mtime > _ABANDONED:
                remove_tree(entry.path) if entry.is_dir() else os.unlink(entry.path)
        return os.path.join(folder, _UNFINISHED + os.urandom(8).hex())

    def lock(self, kind: str, name: str) -> Lock:
        """Return the lock of one thing, so that only one pod makes it. It falls with the process that holds it."""
        return Lock(os.path.join(make_folder(os.path.join(self.root, kind)), f".{name}.lock"))


class Lock:
    """A lock between processes, held inside a `with` block."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> None:
        import fcntl

        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def open_cache(configured: str | None, own: str) -> Cache:
    """Return the node's cache where one can be written to, else a cache in the attempt's own folder.

    Args:
        configured: SEAWAY_SHARED_CACHE.
        own: a folder of this attempt alone.
    """
    if configured and _usable(configured):
        return Cache(configured)
    return Cache(make_folder(os.path.join(own, "cache")))


def _usable(folder: str) -> bool:
    """Return whether a folder is there, or can be made, and can be written to."""
    try:
        make_folder(folder)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)
