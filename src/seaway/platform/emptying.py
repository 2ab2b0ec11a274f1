"""Emptying the bin: what was removed long enough ago goes for good, beside the server's other work.

Each run is marked before anything of it goes; what the mark covers can be done again. Files go before the rows that name
them, in portions between which others may commit; nothing goes that a run which is not marked refers to.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.platform.database import binned
from seaway.platform.database.binned import CODE, ENVIRONMENTS, Marked, Upload
from seaway.platform.database.database import Database
from seaway.platform.errors import PlatformError
from seaway.platform.history.logs import LogStore
from seaway.platform.storage.storage import COUNTED_ON, Storage

log = logging.getLogger(__name__)
_RUNS = 20
"""Runs that are looked at together."""
_FILES = 50
"""Files that are removed while commits wait."""
_ROWS = 200
"""Attempts or tasks that are removed in one transaction."""
_EVERY = 600.0
"""Seconds between two looks."""
_ABANDONED_EVERY = 86400.0
"""Seconds between two looks for uploads that no run refers to: where many are stored, that takes long."""


class Emptier:
    """Empties the bin.

    Args:
        database: who is in the bin.
        storage: files of runs.
        logs: theirs.
        clock: where time comes from.
        keep_seconds: how long runs stay in the bin.
    """

    def __init__(
        self, database: Database, storage: Storage, logs: LogStore, clock: Clock, *, keep_seconds: float
    ) -> None:
        self._database, self._storage, self._logs, self._clock = database, storage, logs, clock
        self._keep = keep_seconds
        self._asked = asyncio.Event()
        self._abandoned_due = (
            clock.monotonic() + COUNTED_ON
        )  # who was told before a start may submit a run yet

    def wake(self) -> None:
        """Look again now."""
        self._asked.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Empty the bin now and then, for ever."""
        ready()
        while True:
            self._asked.clear()
            try:
                if count := await self.empty():
                    log.info("%d removed runs were taken out of the bin for good", count)
                if self._clock.monotonic() >= self._abandoned_due:
                    self._abandoned_due = self._clock.monotonic() + _ABANDONED_EVERY
                    if count := await self.forget_abandoned():
                        log.info("%d uploads that no run refers to were removed", count)
            except (PlatformError, DatabaseError, OSError) as error:
                log.warning("the bin cannot be emptied now, it is tried again: %s", error)
            await self._pause()

    async def empty(self) -> int:
        """Take away all that is due; return how many runs that were."""
        now, count, last = self._clock.now(), 0, 0
        await self._all(partial(binned.mark_due, before=now - self._keep, now=now, limit=_RUNS))
        while runs := await self._database.read(partial(binned.marked, after=last, limit=_RUNS)):
            for run in runs:
                count += await self._take_away(run)
            last = runs[-1].id
        return count

    async def forget_abandoned(self) -> int:
        """Remove code and environments that no run refers to: uploaded for one that was never submitted. Return how many."""
        stored = [
            Upload(kind, digest)
            for kind in (CODE, ENVIRONMENTS)
            for digest in await self._storage.stored_uploads(kind)
        ]
        count = 0
        for begin in range(0, len(stored), _FILES):
            gone, _ = await self._forget_needless(stored[begin : begin + _FILES])
            count += len(gone)
        return count

    async def _all(self, portion: Callable[[Connection], int]) -> None:
        """Do something in transactions of their own, until there is nothing left to do."""
        while await self._database.write(portion):
            continue

    async def _take_away(self, run: Marked) -> bool:
        """Take a run away; False where that has to wait."""
        await self._outputs(run)
        if not await self._uploads(run):
            return False
        await self._storage.checkpoints.forget_run(run.uid)
        await self._logs.forget_run(run.uid)
        await self._all(partial(binned.drop_attempts, run=run, limit=_ROWS))
        await self._all(partial(binned.drop_tasks, run=run, limit=_ROWS))
        await self._database.write(partial(binned.drop_run, run=run))
        return True

    async def _outputs(self, run: Marked) -> None:
        while True:
            digests = await self._database.read(partial(binned.outputs, run_id=run.id, limit=_FILES))
            if not digests:
                return
            async with self._storage.outputs.commits.none():  # a commit may refer to one of them since
                kept = await self._database.read(partial(binned.outputs_of_others, digests=digests))
                await self._storage.outputs.forget(set(digests) - kept)
            await self._database.write(partial(binned.drop_outputs, run_id=run.id, digests=digests))

    async def _uploads(self, run: Marked) -> bool:
        """Remove code and environments; False where somebody may be about to submit a run with them."""
        waits = False
        uploads = await self._database.read(partial(binned.uploads, run_id=run.id))
        for begin in range(0, len(uploads), _FILES):
            batch = uploads[begin : begin + _FILES]
            _, told = await self._forget_needless(batch)
            waits = waits or bool(told)
        if not waits:
            await self._database.write(partial(binned.drop_uploads, run_id=run.id))
        return not waits

    async def _forget_needless(self, uploads: Sequence[Upload]) -> tuple[set[Upload], set[Upload]]:
        """Remove those of some uploads that no run refers to; return them, and those that somebody may be about to need."""
        async with self._storage.uploads.none():  # a submission may refer to one of them since
            needless = set(uploads) - await self._database.read(
                partial(binned.uploads_of_others, wanted=uploads)
            )
            told = {upload for upload in needless if self._storage.told_lately(upload.sha256)}
            for upload in needless - told:
                await self._storage.forget_upload(*upload)
        return needless - told, told

    async def _pause(self) -> None:
        """Wait until it is time, or until somebody asks."""
        asked = asyncio.create_task(self._asked.wait())
        pause = asyncio.create_task(self._clock.sleep(_EVERY))
        try:
            await asyncio.wait({asked, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
            pause.cancel()
