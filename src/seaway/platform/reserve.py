"""Room on the server's disk that is kept for the moment in which there is none: else nobody could stop or remove what takes it."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseFull
from seaway.platform.storage.files import create_private, write_all

T = TypeVar("T")
log = logging.getLogger(__name__)
SIZE = 4 << 20
"""Bytes: what stopping a run writes, here and in the embedded cluster, many times over."""
_SMALL = 32
"""A disk that has less than so many reserves free is left alone."""
_EVERY = 60.0
"""Seconds until it is looked whether what was let go of can be kept again."""


class Reserve:
    """A file that is let go of when the disk is full.

    Args:
        path: of the file; None where the database is not on a disk of the server's.
        clock: where time comes from.
        size: how many bytes are kept.
    """

    def __init__(self, path: Path | None, clock: Clock, size: int = SIZE) -> None:
        self._path, self._clock, self._size = path, clock, size

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep it, again where it was let go of and there is room, until cancelled."""
        ready()
        while True:
            await asyncio.to_thread(self.fill)
            await self._clock.sleep(_EVERY)

    async def spend(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do what makes room; where there is none for that itself, let go of the reserve and do it again.

        Raises:
            DatabaseFull: there is no room with the reserve either, or none was left.
        """
        try:
            return await act()
        except DatabaseFull:
            if not await asyncio.to_thread(self._let_go):
                raise
        return await act()

    def fill(self) -> None:
        """Keep the room where it is not kept yet and the disk has plenty."""
        if self._path is None:
            return
        unfinished = self._path.with_suffix(".new")
        try:
            if self._path.exists() or shutil.disk_usage(self._path.parent).free < _SMALL * self._size:
                return
            try:
                _allocate(unfinished, self._size)
                unfinished.rename(self._path)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            log.debug("no room is kept for a full disk: %s", error)

    def _let_go(self) -> bool:
        if self._path is None:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        log.warning("the disk is full: the room that was kept for that is let go of")
        return True


def _allocate(path: Path, size: int) -> None:
    """Make a file that has its blocks. Raises OSError."""
    with create_private(path) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            write_all(file, os.urandom(size))
