"""All of a server's files, opened together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.platform.storage.archives import ArchiveLimits
from seaway.platform.storage.artifacts import ArtifactStore, require_digest
from seaway.platform.storage.checkpoints import CheckpointStore
from seaway.platform.storage.code import CodeStore
from seaway.platform.storage.commits import Commits
from seaway.platform.storage.environments import EnvironmentStore
from seaway.platform.storage.object_store_options import object_store_options
from seaway.platform.storage.outputs import OutputStore

COUNTED_ON = 900.0
"""Seconds within which a run is submitted after its code was asked for or uploaded."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores of one server, over the same artifacts."""

    artifacts: ArtifactStore
    code: CodeStore
    environments: EnvironmentStore
    outputs: OutputStore
    checkpoints: CheckpointStore
    uploads: Commits = field(default_factory=Commits)
    """Hold `one()` from the look at what was uploaded until a run that refers to it is in the database."""

    answers: dict[str, float] = field(default_factory=dict)
    """When somebody was told last that code or an environment is here: what was told is not removed soon after."""

    async def has_code(self, digest: str) -> bool:
        """Return whether code was uploaded; whoever is told so may count on it for a while. Raises Invalid."""
        return self._told(digest, found=await self.code.has(digest))

    async def has_environment(self, digest: str) -> bool:
        """Return whether a lock was uploaded; whoever is told so may count on it for a while. Raises Invalid."""
        return self._told(digest, found=await self.environments.has(digest))

    def told_lately(self, digest: str) -> bool:
        """Return whether somebody may be about to submit a run that refers to this."""
        now = time.monotonic()
        for known in [known for known, at in self.answers.items() if now - at > COUNTED_ON]:
            del self.answers[known]
        return digest in self.answers

    def expect(self, digest: str) -> None:
        """Take note that something is being uploaded that a run will refer to. Raises Invalid where that is no digest."""
        require_digest(digest)
        self._told(digest, found=True)

    async def stored_uploads(self, kind: str) -> set[str]:
        """Return the digests of all uploads of a kind. May take long on an object store."""
        return await self.artifacts.digests(kind)

    async def forget_upload(self, kind: str, digest: str) -> None:
        """Remove code or an environment that nothing refers to; only inside `uploads.none()`."""
        await self.artifacts.delete(kind, digest)

    def _told(self, digest: str, *, found: bool) -> bool:
        if found:
            self.answers[digest] = time.monotonic()
        return found

    async def claim(self, owner: str) -> None:
        """Write down whose artifacts these are. Raises Conflict where they are another server's, see `ArtifactStore.claim`."""
        await self.artifacts.in_thread(self.artifacts.claim, owner)

    async def aclose(self) -> None:
        """End what connections there are."""
        await asyncio.to_thread(self.artifacts.close)


def open_storage(
    url: str | Path,
    *,
    spool: Path | None = None,
    options: Mapping[str, Any] | None = None,
    code_limit: int = 100 * 1024 * 1024,
) -> Storage:
    """Open (or make) the storage in a folder or at an fsspec URL. Blocks for a few file operations or requests.

    Args:
        url: a folder, or an fsspec URL such as "s3://bucket/prefix".
        spool: local folder for what is on its way in; needed where `url` is no folder.
        options: how an object store is reached, see `ObjectStoreOptions`.
        code_limit: most bytes of one code snapshot; five times as much may come out of it.

    Raises:
        Invalid: the URL or an option is wrong.
        Unavailable: the place cannot be used; the message says why and what to do.
    """
    artifacts = ArtifactStore(url, spool=spool, options=object_store_options(options or {}))
    try:
        artifacts.prepare()
    except BaseException:
        artifacts.close()
        raise
    return Storage(
        artifacts,
        CodeStore(artifacts, limit=code_limit, limits=ArchiveLimits(unpacked=5 * code_limit)),
        EnvironmentStore(artifacts),
        OutputStore(artifacts),
        CheckpointStore(artifacts),
    )
