"""Pods that are no run's and gone from the cluster, as history has them: the pod, its events, its logs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import rfc3339
from seaway.platform.database import log_records, revisions
from seaway.platform.database.database import Database
from seaway.platform.database.records import LogRecord
from seaway.platform.diagnosis.dump.documents import Log
from seaway.platform.history.containers import log_owner
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.remembered import last_pod

Object = dict[str, Any]
_LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class RememberedPod:
    """A pod that is gone."""

    objects: tuple[Object, ...]
    """The pod as it was last seen, and the events about it."""
    logs: tuple[Log, ...]
    """The end of the log of each container, as it ended last."""
    gone_at: str
    """When its end was seen, RFC 3339."""


class PodMemory:
    """Reads them; keeps nothing."""

    def __init__(self, database: Database, recorder: Recorder, logs: LogStore) -> None:
        self._database, self._recorder, self._logs = database, recorder, logs

    async def recall(self, name: str) -> RememberedPod | None:
        """Return the last pod of a name that is gone, None where history knows of none."""
        await self._recorder.flush()
        found = await self._database.read(lambda connection: _recall(connection, name))
        if found is None:
            return None
        objects, records, gone_at = found
        logs = [await self._end_of(record, name) for record in records]
        return RememberedPod(objects, tuple(logs), gone_at)

    async def _end_of(self, record: LogRecord, pod: str) -> Log:
        tail = await self._logs.tail(LogKey(record.run_uid, record.task, record.attempt), _LOG_LINES)
        return Log(tail.text, tail.times, f"{pod}_{record.task}")


def _recall(connection: Connection, name: str) -> tuple[tuple[Object, ...], list[LogRecord], str] | None:
    newest = revisions.newest(connection, "Pod", name)
    pod = last_pod(connection, newest.uid) if newest is not None else None
    if newest is None or pod is None or not newest.deleted:
        return None
    shown = {**pod, "kind": "Pod", "status": {**pod["status"], "isGone": True}}
    events = [{**one.object, "kind": "Event"} for one in revisions.events_about(connection, newest.uid)]
    own = log_owner(newest.uid)
    last = {one.task: one for one in log_records.of_pod(connection, name) if one.run_uid == own}
    return (shown, *events), list(last.values()), rfc3339(newest.observed)
