"""Removing what commits that never came to their end have left in the artifact store, beside the server's other work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from seaway.base.sqlite import DatabaseError
from seaway.platform.database import outputs
from seaway.platform.database.database import Database
from seaway.platform.errors import PlatformError
from seaway.platform.storage.outputs import OutputStore

log = logging.getLogger(__name__)
_AT_ONCE = 50
"""Files that are removed while commits wait."""


async def forget_uncommitted(store: OutputStore, database: Database, ready: Callable[[], None]) -> None:
    """Remove the files of outputs that no run refers to, once, and wait then."""
    ready()
    try:
        forgotten = await _forget(store, database)
    except (PlatformError, DatabaseError, OSError) as error:
        log.warning("files of outputs that were never committed are not removed at this start: %s", error)
    else:
        if forgotten:
            log.info("%d files of outputs that were never committed are removed", forgotten)
    await asyncio.Event().wait()


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
