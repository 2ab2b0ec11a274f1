"""Empty a machine's cache of what nobody uses: after a while, on a disk that fills up, and before any pod has to go."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seaway.base.clock import Clock
from seaway.controlplane.node.cacheplan import CacheSettings, Kept, plan, told
from seaway.controlplane.node.volumes import remove_folder

log = logging.getLogger(__name__)
_UNFINISHED = ".unfinished-"
"""What begins so is no thing: it is being made, or removed. Those who make things clear old ones away."""


class CacheCollector:
    """The cache of the machine that a node is on.

    Args:
        settings: where it is.
        clock: where time comes from.
        tell: is told what went.
    """

    def __init__(self, settings: CacheSettings, clock: Clock, tell: Callable[[str], None]) -> None:
        self._settings, self._clock, self._tell = settings, clock, tell
        self._next = clock.monotonic()

    async def collect_if_due(self) -> None:
        """Look at it where the last look is long enough ago."""
        if self._clock.monotonic() >= self._next:
            self._next = self._clock.monotonic() + self._settings.every
            await self.collect(pressed=False)

    async def collect(self, *, pressed: bool) -> bool:
        """Remove what may go; tell whether anything went.

        Args:
            pressed: the node is short of disk, and pods go next.
        """
        try:
            gone, freed = await asyncio.to_thread(collect, self._settings, self._clock.now(), pressed=pressed)
        except OSError as error:
            log.warning("the cache in %s cannot be emptied: %s", self._settings.folder, error)
            return False
        if gone:
            text = told(gone, freed, "its node is short of disk" if pressed else "not used")
            log.info(text)
            self._tell(text)
        return bool(gone)


def collect(settings: CacheSettings, now: float, *, pressed: bool) -> tuple[list[Kept], int]:
    """Remove what may go and nobody uses; return it, and how many bytes are free again. Raises OSError."""
    if not settings.folder.is_dir():
        return [], 0
    before = shutil.disk_usage(settings.folder)
    due = plan(look(settings), now, _taken(settings.folder), settings, pressed=pressed)
    gone = [one for one in due.expired if remove(settings.folder, one)]
    for one in due.spare:
        if _taken(settings.folder) <= due.until:
            break
        if remove(settings.folder, one):
            gone.append(one)
    if not gone:
        return [], 0  # what became free meanwhile is somebody else's
    return gone, max(0, shutil.disk_usage(settings.folder).free - before.free)


def look(settings: CacheSettings) -> list[Kept]:
    """Return what there is, and when each was used last. What is a link, or lies behind one, is not looked at."""
    found = [
        Kept(kind, name, _used(settings.folder / kind, name))
        for kind in settings.kinds
        for name in _names(settings.folder / kind)
    ]
    names = [name for name in settings.whole if _is_folder(settings.folder / name)]
    return found + [Kept("", name, _used(settings.folder, name)) for name in names]


def remove(folder: Path, one: Kept) -> bool:
    """Remove one thing unless somebody uses it, or did since; tell whether it went."""
    parent = folder / one.kind
    lock = parent / f".{one.name}.lock"
    try:
        was_locked_before = lock.exists()
        with _alone(lock) as held:
            if not held or (was_locked_before and _used(parent, one.name) > one.used):
                return False
            leaving = parent / f"{_UNFINISHED}{os.urandom(8).hex()}"
            with suppress(FileNotFoundError):
                (parent / one.name).rename(leaving)  # at once: who comes next makes it anew
            remove_folder(leaving)
            lock.unlink(missing_ok=True)
    except OSError as error:  # of one thing; others may go all the same
        log.warning("%s cannot be removed from the cache: %s", parent / one.name, error)
        return False
    return True


@contextmanager
def _alone(lock: Path) -> Iterator[bool]:
    """Hold a lock for the block; False where somebody else holds it, or removed it meanwhile."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield _is_taken(descriptor, lock)
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int, lock: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), lock.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _names(folder: Path) -> list[str]:
    """Return the names of the things in a folder: also of those of which only the lock is left."""
    if not _is_folder(folder):
        return []
    found = set()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(".lock"):
                found.add(entry.name.removeprefix(".").removesuffix(".lock"))
            elif not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                found.add(entry.name)
    return sorted(found)


def _used(parent: Path, name: str) -> float:
    """Return when a thing was used last: as its lock says, or when it was made where there is none."""
    for path in (parent / f".{name}.lock", parent / name):
        with suppress(FileNotFoundError):
            return path.lstat().st_mtime
    return 0.0


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _taken(folder: Path) -> float:
    """Return which part of the disk is taken, of what anybody may take."""
    disk = shutil.disk_usage(folder)
    return disk.used / max(1, disk.used + disk.free)
