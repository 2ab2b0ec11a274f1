"""What the pods of one node share, so that each thing is fetched and built once."""

# ruff: noqa: PTH108, PTH116, PTH118
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
        self._held: list[Lock] = []

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

    def use(self, kind: str, name: str) -> Lock:
        """Return the lock under which one thing is used: others may use it too, and nobody removes or makes it meanwhile."""
        return Lock(os.path.join(make_folder(os.path.join(self.root, kind)), f".{name}.lock"), shared=True)

    def keep(self, lock: Lock) -> None:
        """Use something, whose lock is held, until this process ends."""
        self._held.append(lock)


class Lock:
    """A lock between processes, held inside a `with` block or until it is let go.

    The node, which empties the cache of what nobody uses, removes a thing's lock with it: so who got one looks whether it is
    still there. The lock's time of change tells the node when the thing was used last.
    """

    def __init__(self, path: str, *, shared: bool = False) -> None:
        self._path, self._shared = path, shared
        self._descriptor = -1

    def take(self) -> None:
        """Wait until it is held."""
        import fcntl

        while True:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_SH if self._shared else fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(self._descriptor), os.stat(self._path)):
                    os.utime(self._descriptor)
                    return
            except FileNotFoundError:  # the node removed it, and what it is about
                pass
            except BaseException:
                self.let_go()
                raise
            self.let_go()

    def let_go(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)
        self._descriptor = -1

    def __enter__(self) -> None:
        self.take()

    def __exit__(self, *_: object) -> None:
        self.let_go()


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
