"""What runs take beyond what the database says: logs that are being written; and what was added since it was measured last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from seaway.platform.database import log_records, usage
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.records import RunRecord
from seaway.platform.database.usage import BYTES, FILES
from seaway.platform.engine.state import RunState
from seaway.platform.history.logs import LogKey, LogStore

USER, WORKSPACE = "user", "workspace"


class Limited(NamedTuple):
    """What may have a limit: so many of one measure for a user's runs, or those in a workspace."""

    kind: str
    """USER or WORKSPACE."""
    whose: str
    measure: str = BYTES
    """BYTES or FILES."""


class Written(NamedTuple):
    """A log whose size is not in the database."""

    key: LogKey
    user: str
    workspace: str
    size: int
    open: bool
    """It is being written; else it was, and is not looked through yet."""


class Growth:
    """Keeps what cannot be asked of the database. For the event loop's thread.

    Args:
        logs: where the runs' logs are.
    """

    def __init__(self, logs: LogStore) -> None:
        self._logs = logs
        self._states: Callable[[], Iterable[RunState]] = tuple
        self._written: dict[LogKey, Written] = {}
        self._measured: dict[LogKey, int] = {}
        self._committed: Counter[Limited] = Counter()
        self.is_stale = False
        """A limit was changed since the last measurement."""

    def follow(self, states: Callable[[], Iterable[RunState]]) -> None:
        """Say which runs there are that have not ended."""
        self._states = states

    def commit(self, run: RunRecord, size: int, files: int) -> None:
        """Take note that a run's outputs or checkpoint take so many bytes and files more, or less."""
        for measure, more in ((BYTES, size), (FILES, files)):
            self._committed[Limited(USER, run.user, measure)] += more
            self._committed[Limited(WORKSPACE, run.namespace, measure)] += more

    def limits_changed(self) -> None:
        """Take note that what was measured last may not be all that has a limit."""
        self.is_stale = True

    def logs(self) -> Sequence[Written]:
        """Return the logs of runs whose sizes are not in the database, as they are now."""
        found = {key: each._replace(open=False) for key, each in self._written.items()}
        for state in self._states():
            for attempt in state.attempts.values():
                key = LogKey(state.run.uid, attempt.task, attempt.number)
                if (log := self._logs.being_written(key)) is not None:
                    found[key] = Written(key, state.run.user, state.run.namespace, log.size, open=True)
        self._written = found
        return tuple(found.values())

    def measure(self) -> Sequence[Written]:
        """Return the same, and count what is added from now on: the rest is asked of the database."""
        self._committed.clear()
        self.is_stale = False
        found = self.logs()
        self._measured = {each.key: each.size for each in found}
        return found

    def added(self) -> Counter[Limited]:
        """Return how much was added since the last measurement."""
        found = Counter(self._committed)
        for each in self.logs():
            more = each.size - self._measured.get(each.key, 0)
            found[Limited(USER, each.user)] += more
            found[Limited(WORKSPACE, each.workspace)] += more
        return found

    def forget(self, keys: Iterable[LogKey]) -> None:
        """Forget logs whose sizes the database knows, or whose runs are gone."""
        for key in keys:
            self._written.pop(key, None)
            self._measured.pop(key, None)


def stored(connection: Connection, logs: Iterable[Written]) -> set[LogKey]:
    """Return the logs whose sizes the database knows by now, or whose runs are gone."""
    return {
        each.key
        for each in logs
        if not each.open
        and (
            log_records.one(connection, ChunkOwner(*each.key)) is not None
            or not usage.counts(connection, each.key.run_uid)
        )
    }
