"""Pods, jobs, nodes and claims that are no run's and gone from the cluster, as history has them: themselves, their events, their logs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import rfc3339
from seaway.base.messages import joined, wording
from seaway.platform.database import acts, log_records, revisions
from seaway.platform.database.database import Database
from seaway.platform.database.records import LogRecord, RevisionRecord
from seaway.platform.diagnosis.dump.documents import Log
from seaway.platform.history.acts import who
from seaway.platform.history.containers import log_owner
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.remembered import last_pod
from seaway.platform.notifications.alerts import hits
from seaway.platform.notifications.nodes import deleted
from seaway.platform.timelines import KINDS

Object = dict[str, Any]
_LOG_LINES = 200
_MOST_PODS = 20
"""Pods of a job that are looked at, the newest."""
_MOST_EVENTS = 200
_MOST_RUNS = 5
"""Runs of a node that are named."""
_BEFORE = 3600.0
"""Seconds before something was gone in which somebody may have asked for that: pods get time to end."""
_SLACK = 5.0
_ALL_ACTS = 10_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the cluster does not show any more."""

    objects: tuple[Object, ...]
    """What is asked about as it was last seen, its pods where it is a job, and the events about them."""
    logs: tuple[Log, ...]
    """The end of the log of each container, as it ended last."""
    told: str
    """Since when it is gone, who asked for that, and what it had: as parts of a sentence."""


class ObjectMemory:
    """Reads them; keeps nothing."""

    def __init__(self, database: Database, recorder: Recorder, logs: LogStore) -> None:
        self._database, self._recorder, self._logs = database, recorder, logs

    async def recall(self, kind: str, name: str) -> Remembered | None:
        """Return the last object of a name that is gone; of a job that is there the pods that are gone.

        None where history knows of none.

        Args:
            kind: "pod", "job", "node" or "pvc".
            name: its name.
        """
        await self._recorder.flush()
        found = await self._database.read(lambda connection: _recall(connection, KINDS[kind], name))
        if found is None:
            return None
        logs = [await self._end_of(record, pod) for pod, record in found.logs]
        return Remembered(tuple(found.objects), tuple(logs), joined("; ", found.told))

    async def _end_of(self, record: LogRecord, pod: str) -> Log:
        tail = await self._logs.tail(LogKey(record.run_uid, record.task, record.attempt), _LOG_LINES)
        return Log(tail.text, tail.times, f"{pod}_{record.task}")


@dataclass(frozen=True, slots=True)
class _Found:
    objects: list[Object]
    logs: list[tuple[str, LogRecord]]
    """Each with its pod's name."""
    told: list[str]


def _recall(connection: Connection, kind: str, name: str) -> _Found | None:
    newest = revisions.newest(connection, kind, name)
    if newest is None or not (newest.deleted or kind == "Job"):
        return None
    if kind == "Pod":
        return _with_pods(connection, [newest], [], [_gone(connection, newest)])
    if kind == "Job":
        return _job(connection, newest)
    told = [_gone(connection, newest)]
    if kind == "Node" and (named := _runs_on(connection, newest)):
        told.append(named)
    return _Found([_shown(newest), *_events(connection, newest)], [], told)


def _job(connection: Connection, job: RevisionRecord) -> _Found | None:
    """Return a job that is gone, and its pods; of one that is there the pods that are gone."""
    pods = revisions.pods_of(connection, job.name, job.uid, _MOST_PODS)
    if job.deleted:  # whoever deletes a job may have let its pods stay, which then say no more whose they are
        own = [_shown(job), *_events(connection, job)]
        return _with_pods(connection, pods, own, [_gone(connection, job)])
    pods = [pod for pod in pods if pod.deleted]
    if not pods:
        return None
    since = rfc3339(pods[-1].observed)
    told = wording("its pod is gone from the cluster since {time}", time=since)
    if len(pods) > 1:
        told = wording("its pods are gone from the cluster since {time}", time=since)
    return _with_pods(connection, pods, [], [told])


def _with_pods(
    connection: Connection, pods: Iterable[RevisionRecord], objects: list[Object], told: list[str]
) -> _Found:
    """Return what is found with pods as they were last seen, the events about them, and which logs are theirs."""
    logs: list[tuple[str, LogRecord]] = []
    for newest in pods:
        pod = last_pod(connection, newest.uid)
        assert pod is not None  # its newest revision is one of them
        objects.append({**pod, "kind": "Pod", "status": {**pod["status"], "isGone": newest.deleted}})
        objects += _events(connection, newest)
        own = log_owner(newest.uid)
        last = {one.task: one for one in log_records.of_pod(connection, newest.name) if one.run_uid == own}
        logs += [(newest.name, record) for record in last.values()]
    return _Found(objects, logs, told)


def _shown(newest: RevisionRecord) -> Object:
    status = newest.object.get("status") or {}
    return {**newest.object, "kind": newest.kind, "status": {**status, "isGone": True}}


def _events(connection: Connection, about: RevisionRecord) -> list[Object]:
    """Return the events about an object. Those about nodes say a node's name in place of its uid, or nothing."""
    if about.kind == "Node":
        told = revisions.events_of_name(
            connection, "Node", about.name, begin=0.0, end=about.observed + _BEFORE, limit=_MOST_EVENTS
        )
    else:
        told = revisions.events_about(connection, about.uid)
    return [{**one.object, "kind": "Event"} for one in told]


def _gone(connection: Connection, newest: RevisionRecord) -> str:
    """Say since when an object is gone, and who asked for that."""
    done = acts.of_names(
        connection, newest.kind, {newest.name, ""}, begin=newest.observed - _BEFORE, end=newest.observed + _SLACK,
        limit=_ALL_ACTS,
    )  # fmt: skip
    asked = [
        act for act in done if act.verb == "delete" and not act.refused and act.namespace == newest.namespace
    ]
    since = rfc3339(newest.observed)
    if not asked:
        return wording("it is gone from the cluster since {time}", time=since)
    return wording(
        "it is gone from the cluster since {time}, deleted by {user}", time=since, user=who(asked[-1])
    )


def _runs_on(connection: Connection, node: RevisionRecord) -> str:
    """Say which runs a node had when it went, "" for none."""
    names = list(
        dict.fromkeys(hit.about for hit in hits(connection, deleted(node.name, node.uid, node.observed)))
    )
    named, more = ", ".join(names[:_MOST_RUNS]), len(names) - _MOST_RUNS
    if more > 0:
        return wording("it had the runs {runs} and {number} more", runs=named, number=more)
    if len(names) > 1:
        return wording("it had the runs {runs}", runs=named)
    return wording("it had the run {run}", run=named) if names else ""
