"""Timelines of runs and of Kubernetes' objects: what history keeps of them and of all that had to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from seaway.base.clock import rfc3339
from seaway.model.timeline import Timeline
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import acts, attempts, revisions, runs, sentences, tasks
from seaway.platform.database.database import Database
from seaway.platform.database.records import (
    ActRecord,
    AttemptRecord,
    EventRecord,
    RevisionRecord,
    RunRecord,
    SentenceRecord,
)
from seaway.platform.errors import NotFound
from seaway.platform.history import timeline
from seaway.platform.history.acts import is_unclaimed, with_acts
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.timeline import Dated

KINDS = {
    "pod": "Pod",
    "node": "Node",
    "job": "Job",
    "pvc": "PersistentVolumeClaim",
    "deployment": "Deployment",
    "replicaset": "ReplicaSet",
    "statefulset": "StatefulSet",
}
"""What may be asked for beside runs, and Kubernetes' name of it."""
_AROUND = 60.0
"""Seconds before and after a run in which what happens to its nodes and claims belongs to it."""
_MOST = 2000
"""Revisions and events of one object that are looked at: the newest."""
_MOST_TOGETHER = 5000
"""The same of all objects of a workspace together."""
_FOR_EVER = 1e12
_BY_WHOM = (
    "who asked for a deletion is not known: Kubernetes notes it in its audit log alone, and this cluster's does not come here "
    "(docs/howto/timeline.md says how it can)"
)


class Timelines:
    """Reads them; keeps nothing."""

    def __init__(self, database: Database, recorder: Recorder, view: ClusterView) -> None:
        self._database, self._recorder, self._view = database, recorder, view

    async def of_run(self, run: RunRecord, *, since: float, limit: int) -> Timeline:
        """Return what happened to a run: its tasks, pods, their nodes and claims."""
        await self._recorder.flush()
        dated = await self._database.read(lambda connection: _of_run(connection, run))
        return timeline.page(f"run/{run.name}", dated, since=since, limit=limit, notes=self._notes(dated))

    async def of_workspace(self, namespace: str, *, since: float, limit: int) -> Timeline:
        """Return what happened to all that is or was in a workspace. Raises NotFound where nothing is known of it."""
        await self._recorder.flush()
        dated = await self._database.read(lambda connection: _of_workspace(connection, namespace, since))
        if not dated and not since:
            raise NotFound(
                f"nothing is known of a workspace {namespace!r}", field="name", remedy="See: seaway workspace list"
            )  # fmt: skip
        notes = self._notes(dated)
        return timeline.page(f"workspace/{namespace}", dated, since=since, limit=limit, notes=notes)

    async def of_object(self, kind: str, name: str, *, since: float, limit: int) -> Timeline:
        """Return what happened to an object; also to one that is gone. Raises NotFound where nothing is known of it."""
        await self._recorder.flush()
        dated = await self._database.read(lambda connection: _of_object(connection, KINDS[kind], name))
        if not dated:
            raise NotFound(
                f"nothing is known of a {kind} {name!r}: it was never seen, or longer ago than history is kept",
                field="name",
                remedy=f"See: kubectl get {kind}s",
            )
        return timeline.page(f"{kind}/{name}", dated, since=since, limit=limit, notes=self._notes(dated))

    def _notes(self, dated: Iterable[Dated]) -> list[str]:
        hidden = self._view.hidden
        notes = [f"not in it, because this server may not see them: {', '.join(hidden)}"] if hidden else []
        return notes + ([_BY_WHOM] if any(is_unclaimed(one) for one in dated) else [])


def _of_run(connection: Connection, run: RunRecord) -> list[Dated]:
    tried = attempts.of_run(connection, run.id)
    single = len(tasks.of_run(connection, run.id)) == 1
    pods = revisions.of_run(connection, run.uid)
    done = acts.of_run(connection, run.uid)
    stopped = any(act.verb == "stop" and not act.refused for act in done)
    said = sentences.of_run(connection, run.uid)
    changed = timeline.of_revisions(pods)
    found = _submission(run) + _endings(run, tried, pods, single=single, stopped=stopped)
    found += timeline.of_sentences(timeline.before_ends(said, tried, changed), run=run.name, single=single)
    found += _locks(run, tried, said, single=single) + changed
    uids = {revision.uid for revision in pods} | {attempt.uid for attempt in tried if attempt.uid}
    found += timeline.of_events(_named(revisions.events_about_all(connection, sorted(uids)), pods))
    for node, begin, end in _nodes(tried):
        found += _of_name(connection, "Node", node, "", begin, end)
    begin, end = run.created - _AROUND, (run.finished or _FOR_EVER) + _AROUND
    for claim in sorted(_claims(pods)):
        found += _of_name(connection, "PersistentVolumeClaim", claim, run.namespace, begin, end)
    return with_acts(found, done + _acts(connection, found, {run.namespace}, run.created, end))


def _submission(run: RunRecord) -> list[Dated]:
    return [timeline.own(run.created, run.name, f"submitted: {run.command}", by=run.user)]


def _endings(
    run: RunRecord,
    tried: Iterable[AttemptRecord],
    pods: Iterable[RevisionRecord],
    *,
    single: bool,
    stopped: bool,
) -> list[Dated]:
    """Return the endings that no sentence tells: of attempts that succeeded, and of the run."""
    found = []
    seen: dict[str, float] = {}
    for pod in pods:
        if _phase(pod) == "Succeeded" and not pod.deleted:
            seen.setdefault(pod.uid, pod.observed)
    for attempt in tried:
        if attempt.phase.value == "succeeded" and attempt.finished is not None:
            name = run.name if single else f"{run.name}/{attempt.task}"
            observed = seen.get(attempt.uid or "", attempt.finished)
            at = timeline.aligned(rfc3339(attempt.finished), observed)
            found.append(timeline.own(at, name, f"attempt {attempt.number} succeeded"))
    if run.stop_requested is not None and not stopped:
        found.append(timeline.own(run.stop_requested, run.name, "asked to stop"))
    if run.finished is not None:
        bad = run.phase.value == "failed"
        found.append(
            timeline.own(run.finished, run.name, f"the run has ended: {run.phase.value}", warning=bad)
        )
    return found


def _locks(
    run: RunRecord, tried: Iterable[AttemptRecord], said: Iterable[SentenceRecord], *, single: bool
) -> list[Dated]:
    """Return which attempts got a lock: after the sentence that the attempt is queued, which is noted a moment later."""
    first: dict[tuple[str, int], float] = {}
    for sentence in said:
        if sentence.text.endswith("queued"):
            first.setdefault((sentence.task, sentence.attempt), sentence.said)
    found = []
    for attempt in tried:
        if attempt.lock is not None:
            name = run.name if single else f"{run.name}/{attempt.task}"
            text = f"attempt {attempt.number} has the lock {attempt.lock!r} (number {attempt.lock_token})"
            at = max(attempt.created, first.get((attempt.task, attempt.number), 0.0))
            found.append(timeline.own(at, name, text))
    return found


def _phase(pod: RevisionRecord) -> str:
    return str((pod.object.get("status") or {}).get("phase") or "")


def _named(events: Sequence[EventRecord], pods: Sequence[RevisionRecord]) -> Sequence[EventRecord]:
    """Return events with the names of their objects, which earlier releases did not keep."""
    names = {pod.uid: pod.name for pod in pods}
    return [
        event
        if event.name
        else EventRecord(
            event.uid, event.about, event.last_seen, event.object, name=names.get(event.about, "")
        )
        for event in events
    ]


def _nodes(tried: Iterable[AttemptRecord]) -> list[tuple[str, float, float]]:
    """Return each node of a run, and the time in which it was one."""
    spans: dict[str, tuple[float, float]] = {}
    for attempt in tried:
        if attempt.node:
            begin, end = attempt.created, attempt.finished or _FOR_EVER
            known = spans.get(attempt.node, (begin, end))
            spans[attempt.node] = min(known[0], begin), max(known[1], end)
    return [(node, begin - _AROUND, end + _AROUND) for node, (begin, end) in spans.items()]


def _claims(pods: Iterable[RevisionRecord]) -> set[str]:
    volumes = [volume for pod in pods for volume in (pod.object.get("spec") or {}).get("volumes") or ()]
    named = ((volume.get("persistentVolumeClaim") or {}).get("claimName") for volume in volumes)
    return {name for name in named if name}


def _of_workspace(connection: Connection, namespace: str, begin: float) -> list[Dated]:
    kept = revisions.of_namespace(connection, namespace, begin=begin, limit=_MOST_TOGETHER)
    told = revisions.events_of_namespace(connection, namespace, begin=begin, limit=_MOST_TOGETHER)
    found = [one for one in timeline.of_revisions(kept) if one.at >= begin] + timeline.of_events(told)
    since = min((one.at for one in found), default=begin)
    for run in runs.page(connection, ended=True, limit=_MOST, before=None, namespace=namespace):
        said = _submission(run) + _endings(run, (), (), single=True, stopped=False)
        found += [one for one in said if one.at >= since]
    return with_acts(found, _acts(connection, found, {namespace}, since, _FOR_EVER))


def _of_object(connection: Connection, kind: str, name: str) -> list[Dated]:
    found = _of_name(connection, kind, name, "", 0.0, _FOR_EVER)
    if kind == "Node" or not found:
        return with_acts(found, _acts(connection, found, {""}, 0.0, _FOR_EVER))
    for node in sorted(
        {
            change.entry.message.removeprefix("placed on ")
            for change in found
            if change.entry.message.startswith("placed on ")
        }
    ):
        times = [change.at for change in found]
        found += _of_name(connection, "Node", node, "", min(times) - _AROUND, max(times) + _AROUND)
    times = [one.at for one in found]
    spaces = revisions.namespaces(connection, kind, name)
    return with_acts(found, _acts(connection, found, spaces, min(times) - _AROUND, max(times) + _AROUND))


def _acts(
    connection: Connection, found: Iterable[Dated], namespaces: set[str], begin: float, end: float
) -> list[ActRecord]:
    """Return what was done to the objects of a timeline, to all in their namespace at once, and to the namespace."""
    named: dict[str, set[str]] = {"Namespace": namespaces - {""}}
    for one in found:
        kind, _, name = one.entry.object.partition("/")
        if kind in KINDS:
            named.setdefault(KINDS[kind], {""}).add(name)
    done = []
    for kind, names in named.items():
        told = acts.of_names(connection, kind, names, begin=begin, end=end, limit=_MOST)
        done += [act for act in told if not act.namespace or act.namespace in namespaces]
    return sorted(done, key=lambda act: act.at)


def _of_name(
    connection: Connection, kind: str, name: str, namespace: str, begin: float, end: float
) -> list[Dated]:
    kept = revisions.of_name(connection, kind, name, namespace=namespace, begin=begin, end=end, limit=_MOST)
    told = revisions.events_of_name(
        connection, kind, name, namespace=namespace, begin=begin, end=end, limit=_MOST
    )
    dated = [one for one in timeline.of_revisions(kept) if one.at >= begin]
    return dated + timeline.of_events(told)
