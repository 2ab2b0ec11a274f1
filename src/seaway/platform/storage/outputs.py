"""Outputs: what a task's attempt leaves, each file kept once by its content."""

from __future__ import annotations

import hashlib
import tarfile
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from seaway.platform.errors import Invalid
from seaway.platform.storage.archives import ArchiveLimits, open_archive, safe_members
from seaway.platform.storage.artifacts import ArtifactStore
from seaway.platform.storage.commits import Commits
from seaway.platform.storage.files import CHUNK, create_private, disk_errors, write_all

_KIND = "outputs"
_WHAT = "the outputs"
_MOST_BYTES = 50 * 1024**3
"""Of one archive, and of what may come out of it."""
_PUBLISHERS = 8
"""Files that are brought to the disk at a time: a disk does that for several at once, and an object store answers each late."""
_LIMITS = ArchiveLimits(unpacked=_MOST_BYTES)


class StoredFile(NamedTuple):
    """One file of a commit."""

    path: str
    """Relative, with "/"."""
    size: int
    """Bytes."""
    sha256: str


class OutputStore:
    """Files that runs left.

    Args:
        artifacts: where they are kept.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts
        self.commits = Commits()
        """Hold `one()` from `store` until the list is in the database."""

    async def store(self, body: AsyncIterable[bytes]) -> list[StoredFile]:
        """Store all files of a tar stream and return them, sorted by path.

        Nothing is committed yet: the caller writes the list into the database, in the transaction that checks the
        fencing number. Files of a commit that is refused there are left over until they are forgotten. Links inside the archive to
        files inside it become copies.

        Raises:
            Invalid: it is no whole archive, or a member is unsafe.
            TooLarge: it is over a limit.
            StorageFull: the disk is full.
        """
        async with self._artifacts.receive(body, limit=_MOST_BYTES, what=_WHAT) as spooled:
            return await self._artifacts.in_thread(self._store_members, spooled.path)

    async def open(self, sha256: str) -> AsyncIterator[bytes]:
        """Return a file's bytes, verified. Raises NotFound."""
        return await self._artifacts.read(_KIND, sha256)

    async def stored(self) -> set[str]:
        """Return the digests of all files that are there. May take long on an object store."""
        return await self._artifacts.digests(_KIND)

    async def forget(self, digests: Iterable[str]) -> None:
        """Remove files that nothing refers to; only inside `commits.none()`."""
        for digest in digests:
            await self._artifacts.delete(_KIND, digest)

    def _store_members(self, path: Path) -> list[StoredFile]:
        stored: dict[str, StoredFile] = {}
        with open_archive(path, what=_WHAT) as archive, ThreadPoolExecutor(_PUBLISHERS) as publishers:
            # checked whole before anything is kept
            members = [item for item in safe_members(archive, _LIMITS, what=_WHAT) if not item[1].isdir()]
            under_way: deque[Future[None]] = deque()
            for name, member in members:
                target = self._artifacts.spool_path()
                stored[name] = _unpack(archive, name, member, target)
                under_way.append(publishers.submit(self._publish, target, stored[name].sha256))
                if len(under_way) > _PUBLISHERS:
                    under_way.popleft().result()
            for publishing in under_way:
                publishing.result()
        return [stored[name] for name in sorted(stored)]

    def _publish(self, path: Path, sha256: str) -> None:
        try:
            self._artifacts.publish(_KIND, path, sha256)
        finally:
            path.unlink(missing_ok=True)


def _unpack(archive: tarfile.TarFile, name: str, member: tarfile.TarInfo, target: Path) -> StoredFile:
    try:
        source = archive.extractfile(member)
    except (KeyError, RecursionError):
        source = None
    if source is None:
        raise Invalid(
            f"the link {name!r} points at nothing in the archive", field="body", remedy="Remove the link."
        )
    digest, size = hashlib.sha256(), 0
    try:
        with create_private(target) as file:
            while data := source.read(CHUNK):
                digest.update(data)
                size += len(data)
                with disk_errors(str(target.parent)):
                    write_all(file, data)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return StoredFile(name, size, digest.hexdigest())
