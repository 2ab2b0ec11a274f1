"""The bin: runs that a user removed, until it is emptied."""

from __future__ import annotations

from functools import partial
from random import Random
from typing import NamedTuple

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.platform.database import binned, runs
from seaway.platform.database.database import Database
from seaway.platform.database.records import RunRecord
from seaway.platform.emptying import Emptier
from seaway.platform.errors import Conflict
from seaway.platform.stores import Stores
from seaway.platform.submission import with_suffix

DAY = 86400.0


class Bin(NamedTuple):
    """Puts runs into the bin and takes them out."""

    database: Database
    emptier: Emptier
    clock: Clock
    random: Random
    keep_seconds: float
    """How long runs stay in it."""

    async def put(self, run: RunRecord, *, for_good: bool) -> None:
        """Put a run that has ended into the bin, where it may be already.

        Args:
            run: which one.
            for_good: take it out at the other end at once.

        Raises:
            Conflict: it has not ended.
        """
        if not run.phase.ended:
            raise Conflict(
                f"the run {run.name!r} has not ended", remedy=f"Stop it first: `seaway stop {run.name}`."
            )
        now = self.clock.now()

        def work(connection: Connection) -> None:
            binned.put(connection, run, now)
            if for_good:
                binned.mark(connection, run.uid, now)

        await self.database.write(work)
        if for_good:
            self.emptier.wake()

    async def take_out(self, run: RunRecord) -> RunRecord:
        """Take a run out of the bin; return it, perhaps under the name that it had before another one took that.

        Raises:
            Conflict: it is not in the bin.
        """
        if not await self.database.write(partial(binned.take_out, run=run)):
            raise Conflict(
                f"the run {run.name!r} is not in the bin", remedy="See what is there: `seaway ps --bin`."
            )
        found = await self.database.read(partial(runs.by_uid, uid=run.uid))
        return run if found is None else found

    def make_way(self, connection: Connection, name: str) -> None:
        """Let a new run have the name of one in the bin, which gets another one."""
        binned.give_way(connection, name, with_suffix(name, self.random))


def open_bin(stores: Stores, clock: Clock, random: Random, keep_seconds: float) -> Bin:
    """Return the bin of a server's stores, and what empties it."""
    emptier = Emptier(stores.database, stores.storage, stores.logs, clock, keep_seconds=keep_seconds)
    return Bin(stores.database, emptier, clock, random, keep_seconds)
