"""Code snapshots: tar.gz archives whose bytes are made the same way everywhere, named by their SHA-256."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from pathlib import Path

from seaway.platform.storage.archives import ArchiveLimits, open_archive, safe_members
from seaway.platform.storage.artifacts import ArtifactStore, require_digest, require_same

_KIND = "code"
_WHAT = "the code snapshot"


class CodeStore:
    """Uploaded code.

    Args:
        artifacts: where the archives are kept.
        limit: most bytes of one archive.
        limits: what may come out of one.
    """

    def __init__(
        self, artifacts: ArtifactStore, *, limit: int = 100 * 1024 * 1024, limits: ArchiveLimits | None = None
    ) -> None:
        self._artifacts = artifacts
        self._limit = limit
        self._limits = limits or ArchiveLimits()

    async def has(self, digest: str) -> bool:
        """Return whether it was uploaded. Raises Invalid where that is no digest."""
        return await self._artifacts.has(_KIND, digest)

    async def put(self, digest: str, body: AsyncIterable[bytes]) -> int:
        """Store an archive under the SHA-256 of its bytes and return its size.

        Raises:
            Invalid: the bytes have another digest, or the archive is unsafe or none at all.
            TooLarge: it, or what comes out of it, is over a limit.
            StorageFull: the disk is full.
        """
        require_digest(digest)
        async with self._artifacts.receive(body, limit=self._limit, what=_WHAT) as spooled:
            require_same(spooled, digest, what=_WHAT)
            await self._artifacts.in_thread(self._check, spooled.path)
            await self._artifacts.in_thread(self._artifacts.publish, _KIND, spooled.path, digest)
            return spooled.size

    async def open(self, digest: str) -> AsyncIterator[bytes]:
        """Return the archive's bytes. Raises NotFound."""
        return await self._artifacts.read(_KIND, digest)

    def _check(self, path: Path) -> None:
        with open_archive(path, what=_WHAT) as archive:
            for _ in safe_members(archive, self._limits, what=_WHAT):
                continue
