"""Whom a dump is about: the pod or owner that failed or waits, and how many fared alike."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from seaway.model.verdict import VerdictClass
from seaway.platform.diagnosis.dump.cluster import Cluster
from seaway.platform.diagnosis.dump.documents import Log, Object
from seaway.platform.diagnosis.dump.gathering import facts_of_owner, facts_of_pod, finished, from_events
from seaway.platform.diagnosis.evidence import event_time
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.verdict import find

_OWNERS = ("CronJob", "Job", "StatefulSet", "DaemonSet", "ReplicaSet", "Deployment")
_SHORT = {"po": "pod", "deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "rs": "replicaset", "cj": "cronjob",
          "pvc": "persistentvolumeclaim", "no": "node"}  # fmt: skip
_CONSEQUENCES = (
    "PeerLost",
    "EndedBySignal",
    "PodDeleted",
    "Deleted",
    "KilledBySignal",
    "Unknown",
    "JobDeadline",
)
"""What befalls a pod because something else happened."""
_FINE = ("Completed", "Running", "Starting", "Queued", "Waiting")


class NoSubject(ValueError):
    """A dump holds nothing to explain; the message says what it should hold."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom an explanation is about."""

    kind: str
    name: str
    facts: Facts
    found: Finding
    alike: int = 1
    """How many pods ended for the same cause."""
    of: int = 1
    """How many pods of the same program did not do well."""
    side_by_side: bool = False
    """They ran at the same time, as replicas do, and this one failed first."""
    others: tuple[str, ...] = ()
    """Others in the dump that have trouble of their own."""


@dataclass(frozen=True, slots=True)
class _Case:
    object: Object
    facts: Facts
    found: Finding
    rank: int

    @property
    def at(self) -> str:
        end = finished(self.object)
        return end.isoformat() if end is not None else self.created

    @property
    def created(self) -> str:
        return self.object["metadata"].get("creationTimestamp") or ""

    @property
    def name(self) -> str:
        return f"{self.object['kind'].lower()}/{self.object['metadata'].get('name')}"


def choose(cluster: Cluster, logs: Sequence[Log], wanted: str = "") -> Subject:
    """Return whom a dump is about.

    Args:
        cluster: the dump.
        logs: of its containers.
        wanted: a name, or kind/name; "" for whatever failed or waits.

    Raises:
        NoSubject: there is nothing to explain.
    """
    cases = [*_pods(cluster, logs), *_owners(cluster, logs)]
    if wanted:
        cases = _wanted(cluster, cases, wanted)
    if not cases:
        raise NoSubject(
            "it holds no pod, job or other workload"
            if not wanted else f"it holds no {wanted}"
        )  # fmt: skip
    if any(case.object["kind"] in (*_OWNERS, "Pod") and not _only_heard_of(case) for case in cases):
        cases = [case for case in cases if not _only_heard_of(case)]
    groups: dict[tuple[str, str, str], list[_Case]] = defaultdict(list)
    for case in cases:
        groups[cluster.group(case.object)].append(case)
    ranked = sorted(groups.values(), key=_latest, reverse=True)
    ranked.sort(key=lambda group: min(case.rank for case in group))
    return _of_group(ranked[0], [min(group, key=lambda case: case.rank) for group in ranked[1:]])


def _of_group(group: list[_Case], elsewhere: list[_Case]) -> Subject:
    """Return the one of a group that explains it."""
    group = _not_replaced(group)
    best = min(case.rank for case in group)
    troubled = [case for case in group if case.rank == best]
    if best <= _ENDED and any(case.object["kind"] == "Pod" for case in troubled):
        troubled = [case for case in troubled if case.object["kind"] == "Pod"]
    own = [case for case in troubled if case.found.cause not in _CONSEQUENCES] or troubled
    replicas = _side_by_side(troubled)
    if replicas:
        first = min(own, key=lambda case: case.at)
    else:
        counted = Counter(case.found.cause for case in own)
        most = max(counted.values())
        first = max((case for case in own if counted[case.found.cause] == most), key=lambda case: case.at)
    alike = sum(case.found.cause == first.found.cause for case in troubled)
    others = tuple(case.name for case in elsewhere if case.rank < _CALM)
    return Subject(
        first.object["kind"], first.object["metadata"].get("name") or "", first.facts, first.found, alike, len(troubled), replicas, others
    )  # fmt: skip


def _not_replaced(group: list[_Case]) -> list[_Case]:
    """Leave out pods that the cluster lost and that another was made for, where that one waits: it is what holds all up."""
    made = max((case.created for case in group if case.rank == _STUCK and case.facts.waiting), default="")
    return [
        case
        for case in group
        if case.rank > _ENDED or case.found.class_ is not VerdictClass.INFRASTRUCTURE or case.at >= made
    ]


def _side_by_side(cases: Iterable[_Case]) -> bool:
    """Tell whether pods ran at the same time, as the replicas of one program do; attempts come one after the other."""
    spans = sorted(
        (start, case.at) for case in cases if (start := case.object["status"].get("startTime")) and case.at
    )
    return any(later[0][:19] < earlier[1][:19] for earlier, later in pairwise(spans))


_FAILED_JOB, _ENDED, _STUCK, _SHAKY, _CALM = range(5)


def _pods(cluster: Cluster, logs: Sequence[Log]) -> Iterable[_Case]:
    pods = cluster.all("Pod")
    names = [str(pod["metadata"].get("name")) for pod in pods]
    for pod in (*pods, *from_events(cluster)):
        facts = facts_of_pod(cluster, pod, _logs_of(pod, names, logs))
        found = find(facts)
        yield _Case(pod, facts, found, _rank(cluster, pod, facts, found))


def _logs_of(pod: Object, names: Sequence[str], logs: Sequence[Log]) -> list[Log]:
    """Return the logs that are a pod's: its name stands in theirs, or nobody's does."""
    own = [log for log in logs if str(pod["metadata"].get("name")) in log.name]
    if own or (len(names) > 1 and not _wants_log(pod)):
        return own
    return [log for log in logs if not any(name in log.name for name in names)]


def _wants_log(pod: Object) -> bool:
    """Tell whether a log that is not said to be anybody's may be this pod's: of one that has run and did not do well."""
    statuses = (
        *(pod["status"].get("initContainerStatuses") or ()),
        *(pod["status"].get("containerStatuses") or ()),
    )
    for one in statuses:
        for state in (one.get("state") or {}, one.get("lastState") or {}):
            if (state.get("terminated") or {}).get("exitCode") or (
                "running" in state and not one.get("ready", True)
            ):
                return True
    return False


def _rank(cluster: Cluster, pod: Object, facts: Facts, found: Finding) -> int:
    if found.class_ is VerdictClass.SUCCEEDED or found.cause in _FINE:
        return _CALM
    job = cluster.owner(pod)
    if job is not None and job["kind"] == "Job":
        state = {
            one.get("type") for one in job["status"].get("conditions") or () if one.get("status") == "True"
        }
        if "Failed" in state:
            return _FAILED_JOB
        if "Complete" in state:
            return _SHAKY
    if pod["status"].get("onlyEvents"):
        if found.cause == "Unknown":
            return _CALM
        return _SHAKY if job is None else _STUCK
    if not facts.waiting and pod["status"].get("phase") == "Failed":
        return _ENDED
    statuses = pod["status"].get("containerStatuses") or ()
    at_work = bool(statuses) and all(one.get("ready") for one in statuses)
    return _SHAKY if at_work and not pod["metadata"].get("deletionTimestamp") else _STUCK


def _owners(cluster: Cluster, logs: Sequence[Log]) -> Iterable[_Case]:
    """Return the owners that have no pod to tell of them."""
    with_pods = {
        owner["metadata"].get("name")
        for pod in cluster.all("Pod")
        if (owner := cluster.owner(pod)) is not None
    }
    for kind in _OWNERS:
        for owner in cluster.all(kind):
            name = owner["metadata"].get("name")
            if name in with_pods and not _was_refused(cluster, owner):
                continue
            facts = facts_of_owner(cluster, owner, logs)
            found = find(facts)
            calm = found.class_ is VerdictClass.SUCCEEDED or found.cause in (*_FINE, "Unknown")
            failed = any(
                one.get("type") == "Failed" and one.get("status") == "True"
                for one in owner["status"].get("conditions") or ()
            )
            rank = _FAILED_JOB if failed else _CALM if calm else _STUCK
            yield _Case(owner, facts, found, rank)
    for kind in ("PersistentVolumeClaim", "Node"):
        for one in cluster.all(kind):
            facts = facts_of_owner(cluster, one, ())
            found = find(facts)
            yield _Case(one, facts, found, _CALM if found.cause in (*_FINE, "Unknown") else _SHAKY)


def _was_refused(cluster: Cluster, owner: Object) -> bool:
    events = cluster.events_of(owner)
    return bool(events) and events[-1].get("reason") == "FailedCreate"


def _wanted(cluster: Cluster, cases: list[_Case], wanted: str) -> list[_Case]:
    kind, _, name = wanted.rpartition("/")
    kind = kind.lower().partition(".")[0]
    kind = _SHORT.get(kind, kind)
    kind = kind.removesuffix("s") if kind.endswith("s") else kind
    exact = [
        case
        for case in cases
        if case.object["metadata"].get("name") == name and kind in ("", case.object["kind"].lower())
    ]
    below = [
        case for case in cases if case not in exact and any(
            one["metadata"].get("name") == name and kind in ("", one["kind"].lower()) for one in _above(cluster, case.object)
        )
    ]  # fmt: skip
    pods = [case for case in (*exact, *below) if case.object["kind"] == "Pod" and not _only_heard_of(case)]
    own = [case for case in exact if case.rank < _CALM]
    if own and all(case.rank == _CALM for case in pods):
        return own
    return pods or exact or below


def _only_heard_of(case: _Case) -> bool:
    """Tell whether a pod is known by old events alone, which show no trouble: it is gone, and says nothing of its owner."""
    return bool(case.object["status"].get("onlyEvents")) and case.found.cause in (*_FINE, "Unknown")


def _above(cluster: Cluster, found: Object) -> list[Object]:
    chain: list[Object] = []
    while (owner := cluster.owner(found)) is not None and len(chain) < 8:
        chain.append(owner)
        found = owner
    return chain


def _latest(group: list[_Case]) -> str:
    times = [case.at for case in group]
    times += [event_time(event) or "" for case in group for event in case.facts.events[-1:]]
    return max(times, default="")
