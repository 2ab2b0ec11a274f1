"""All of a server's files, opened together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.platform.storage.archives import ArchiveLimits
from seaway.platform.storage.artifacts import ArtifactStore
from seaway.platform.storage.checkpoints import CheckpointStore
from seaway.platform.storage.code import CodeStore
from seaway.platform.storage.environments import EnvironmentStore
from seaway.platform.storage.object_store_options import object_store_options
from seaway.platform.storage.outputs import OutputStore


@dataclass(frozen=True, slots=True)
class Storage:
    """The stores of one server, over the same artifacts."""

    artifacts: ArtifactStore
    code: CodeStore
    environments: EnvironmentStore
    outputs: OutputStore
    checkpoints: CheckpointStore

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
