"""How long history is kept, and removing what is older, a little at a time beside the server's other work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.platform.database import log_pieces, log_records, pruning
from seaway.platform.database.database import Database
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.records import LogRecord
from seaway.platform.history.containers import Policy
from seaway.platform.history.logs import LogKey, LogStore

log = logging.getLogger(__name__)
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """What is remembered, and how long."""

    logs: Policy = "labelled"
    """Of which pods that are no run's the logs are kept."""
    days: int = 365
    """After so many days what happened is forgotten: revisions, events, sentences and logs. Runs themselves stay."""
    log_bytes: int = 20 * 1024 * 1024 * 1024
    """Most bytes of all logs that are closed; beyond it the oldest are removed."""
    portion: int = 500
    """Rows that are removed in one transaction."""
    pause: float = 0.2
    """Seconds between two portions."""
    look_again: float = 600.0


class Retention:
    """Removes what is too old or too much."""

    def __init__(self, database: Database, logs: LogStore, clock: Clock, settings: HistorySettings) -> None:
        self._database, self._logs, self._clock, self._settings = database, logs, clock, settings

    async def run(self, ready: Callable[[], None]) -> None:
        """Remove until cancelled; looks again now and then."""
        ready()
        while True:
            await self._clock.sleep(self._settings.look_again)
            try:
                while await self.remove_some():
                    await self._clock.sleep(self._settings.pause)
            except (DatabaseError, OSError) as error:
                log.warning("old history is not removed now: %s", error)

    async def remove_some(self) -> int:
        """Remove one portion; return how much that was, 0 where nothing is too old."""
        cutoff = self._clock.now() - self._settings.days * _DAY
        removed = 0
        for prune in (
            pruning.events,
            pruning.sentences,
            pruning.acts,
            pruning.gone_objects,
            pruning.superseded,
        ):
            removed += await self._database.write(_pruning(prune, cutoff, self._settings.portion))
        return removed + await self._remove_logs(cutoff)

    async def status(self) -> dict[str, Any]:
        """Return what `seaway status` shows: how long history is kept, how much of it there is."""
        total = await self._database.read(pruning.log_bytes)
        return {"days": self._settings.days, "log_bytes": total, "log_bytes_limit": self._settings.log_bytes}

    async def _remove_logs(self, cutoff: float) -> int:
        too_much = await self._database.read(pruning.log_bytes) - self._settings.log_bytes
        removed = 0
        oldest = await self._database.read(
            lambda found: log_records.oldest_closed(found, self._settings.portion)
        )
        for record in oldest:
            if (record.closed or 0.0) >= cutoff and too_much <= 0:
                break
            await self._remove(record)
            too_much -= record.size
            removed += 1
        return removed

    async def _remove(self, record: LogRecord) -> None:
        owner = ChunkOwner(record.run_uid, record.task, record.attempt)
        await self._logs.remove(LogKey(*owner))

        def work(connection: Connection) -> None:
            log_pieces.forget(connection, owner)
            log_records.change(connection, owner, closed=None, size=0, indexed=-1, removed=self._clock.now())

        await self._database.write(work)


def _pruning(
    prune: Callable[[Connection, float, int], int], cutoff: float, limit: int
) -> Callable[[Connection], int]:
    return lambda connection: prune(connection, cutoff, limit)
