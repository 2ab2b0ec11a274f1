"""Checkpoints: a task's own saved state as one archive; the database says which is the newest."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path
from typing import NamedTuple

from seaway.platform.storage.archives import ArchiveLimits, open_archive, safe_members
from seaway.platform.storage.artifacts import ArtifactStore

_KIND = "checkpoints"
_WHAT = "the checkpoint"
_MOST_BYTES = 50 * 1024**3
"""Of one archive, and of what may come out of it."""
_LIMITS = ArchiveLimits(unpacked=_MOST_BYTES)


class StoredCheckpoint(NamedTuple):
    """A checkpoint's archive."""

    sha256: str
    size: int
    """Bytes of the archive."""


class CheckpointStore:
    """Saved states.

    Args:
        artifacts: where the archives are kept.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def store(self, body: AsyncIterable[bytes]) -> StoredCheckpoint:
        """Store an archive (tar stream) whole and return what the database is to point at.

        The caller replaces the pointer in the transaction that checks the fencing number, and then calls `forget` for
        the one before, unless it has the same digest.

        Raises:
            Invalid: it is no whole archive, or a member is unsafe.
            TooLarge: it is over a limit.
            StorageFull: the disk is full.
        """
        async with self._artifacts.receive(body, limit=_MOST_BYTES, what=_WHAT) as spooled:
            await self._artifacts.in_thread(self._check, spooled.path)
            await self._artifacts.in_thread(self._artifacts.publish, _KIND, spooled.path, spooled.digest)
            return StoredCheckpoint(spooled.digest, spooled.size)

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        """Return the archive's bytes, verified. Raises NotFound."""
        return await self._artifacts.read(_KIND, sha256)

    async def forget(self, sha256: str) -> None:
        """Remove an archive that nothing points at any more; harmless where it is gone."""
        await self._artifacts.delete(_KIND, sha256)

    def _check(self, path: Path) -> None:
        with open_archive(path, what=_WHAT) as archive:
            for _ in safe_members(archive, _LIMITS, what=_WHAT):
                continue
