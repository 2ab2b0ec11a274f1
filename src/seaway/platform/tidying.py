"""What is done once at a start, beside the server's other work.

Files go that commits which never came to their end have left in the artifact store, and files of checkpoints are counted that
an earlier release saved without.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from seaway.base.sqlite import DatabaseError
from seaway.platform.database import outputs
from seaway.platform.database.database import Database
from seaway.platform.errors import Damaged, PlatformError
from seaway.platform.storage.checkpoints import CheckpointStore
from seaway.platform.storage.outputs import OutputStore
from seaway.platform.storage.storage import Storage

log = logging.getLogger(__name__)
_AT_ONCE = 50
"""Files that are removed while commits wait."""


async def tidy(storage: Storage, database: Database, ready: Callable[[], None]) -> None:
    """Count the files of checkpoints, and remove those of outputs that no run refers to, once, and wait then."""
    ready()
    await _count_checkpoints(storage.checkpoints, database)
    await _forget_uncommitted(storage.outputs, database)
    await asyncio.Event().wait()


async def _count_checkpoints(store: CheckpointStore, database: Database) -> None:
    try:
        for uid, task, digest in await database.read(outputs.uncounted_checkpoints):
            try:
                files = await store.count(uid, task, digest)
            except Damaged as error:
                log.warning("files of a checkpoint of the task %s cannot be counted: %s", task, error)
            else:
                await database.write(partial(outputs.count_checkpoint, sha256=digest, files=files))
    except (PlatformError, DatabaseError, OSError) as error:
        log.warning("files of checkpoints are not counted at this start: %s", error)


async def _forget_uncommitted(store: OutputStore, database: Database) -> None:
    try:
        forgotten = await _forget(store, database)
    except (PlatformError, DatabaseError, OSError) as error:
        log.warning("files of outputs that were never committed are not removed at this start: %s", error)
    else:
        if forgotten:
            log.info("%d files of outputs that were never committed are removed", forgotten)


async def _forget(store: OutputStore, database: Database) -> int:
    stored = await store.stored()
    suspects = sorted(stored - await database.read(outputs.all_digests))
    forgotten = 0
    for begin in range(0, len(suspects), _AT_ONCE):
        batch = suspects[begin : begin + _AT_ONCE]
        async with store.commits.none():  # a commit since then may refer to one of them
            gone = set(batch) - await database.read(partial(outputs.referenced, digests=batch))
            await store.forget(gone)
        forgotten += len(gone)
    return forgotten
