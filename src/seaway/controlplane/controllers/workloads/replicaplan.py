"""What a replica set, or a replication controller, needs next: pure.

Source: apps/v1 ReplicaSet; Kubernetes' "ReplicaSet", "Pod deletion cost"; KEP-2185 (which of many pods goes first).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.workloads.availability import (
    is_available,
    is_ready,
    next_available,
    ready_since,
)
from seaway.objects import meta
from seaway.objects.meta import deletion_timestamp, get_condition, labels, uid
from seaway.objects.pods import is_active, is_terminating, phase

Object = dict[str, Any]
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
FAILURE = "ReplicaFailure"
_PHASES = {"Unknown": 1, "Running": 2}


class ReplicaPlan(NamedTuple):
    """How many pods to create, or which to delete."""

    create: int
    delete: list[Object]


def plan_replicas(
    owner: Object, pods: Sequence[Object], related: Iterable[Object], now: float, burst: int
) -> ReplicaPlan:
    """Return what brings the number of pods to the one wanted.

    Args:
        owner: as stored.
        pods: all that it controls.
        related: the pods of all replica sets of the same deployment: where many of them are, one goes first.
        now: seconds since the epoch.
        burst: most pods to create or delete.
    """
    if deletion_timestamp(owner) is not None:
        return ReplicaPlan(0, [])
    active = [pod for pod in pods if is_active(pod)]
    missing = owner["spec"].get("replicas", 1) - len(active)
    if missing >= 0:
        return ReplicaPlan(min(missing, burst), [])
    many = Counter(pod["spec"].get("nodeName") for pod in related if is_active(pod))
    ordered = sorted(active, key=lambda pod: _worth(pod, many[pod["spec"].get("nodeName")], now))
    return ReplicaPlan(0, ordered[: min(-missing, burst)])


def _worth(pod: Object, related: int, now: float) -> tuple[Any, ...]:
    """Sort pods so that those go first that serve least and have come least far."""
    status = pod.get("status") or {}
    since = ready_since(pod)
    restarts = max((c.get("restartCount") or 0 for c in status.get("containerStatuses") or ()), default=0)
    made = pod["metadata"].get("creationTimestamp")
    return (
        bool(pod["spec"].get("nodeName")),
        _PHASES.get(phase(pod), 0),
        since is not None,
        deletion_cost(pod),
        -related,
        0 if since is None else _age(now - since),
        -restarts,
        _age(now - parse_rfc3339(made)) if made else -2,
        uid(pod),
    )


def _age(seconds: float) -> int:
    """Return an age on a scale on which old pods differ as little as they should."""
    return int(math.log2(seconds)) if seconds >= 1 else -1


def deletion_cost(pod: Object) -> int:
    """Return what deleting the pod costs by its annotation, 0 where that says nothing."""
    try:
        return int(meta.annotations_of(pod).get(DELETION_COST, "0"))
    except ValueError:
        return 0


def replica_status(
    owner: Object, pods: Sequence[Object], failure: str | None, now: float, *, terminating: bool = True
) -> Object:
    """Return the status of a replica set.

    Args:
        owner: as stored.
        pods: all that it controls, as they were when it was planned.
        failure: why pods could not be created or deleted, None where nothing failed.
        now: seconds since the epoch.
        terminating: whether the pods that are being deleted are counted.
    """
    spec, old = owner["spec"], owner.get("status") or {}
    active = [pod for pod in pods if is_active(pod)]
    wanted = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    min_ready = spec.get("minReadySeconds") or 0
    counts = {
        "fullyLabeledReplicas": sum(wanted.items() <= labels(pod).items() for pod in active),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": sum(is_available(pod, min_ready, now) for pod in active),
        "observedGeneration": owner["metadata"].get("generation") or 0,
    }
    status: Object = {"replicas": len(active)} | {name: count for name, count in counts.items() if count}
    if terminating:
        status["terminatingReplicas"] = sum(is_terminating(pod) for pod in pods)
    conditions = _conditions(owner, old.get("conditions") or [], len(active), failure, now)
    return status | ({"conditions": conditions} if conditions else {})


def _conditions(
    owner: Object, known: list[Object], active: int, failure: str | None, now: float
) -> list[Object]:
    if failure is None:
        return [condition for condition in known if condition["type"] != FAILURE]
    if get_condition(owner, FAILURE) is not None:
        return known
    reason = "FailedCreate" if active < owner["spec"].get("replicas", 1) else "FailedDelete"
    told = {"type": FAILURE, "status": "True", "reason": reason, "message": failure}
    return [*known, told | {"lastTransitionTime": rfc3339(now)}]


def look_again(owner: Object, pods: Sequence[Object], now: float) -> float | None:
    """Return the seconds until a pod that is ready becomes available, None where all are."""
    min_ready = owner["spec"].get("minReadySeconds") or 0
    return next_available([pod for pod in pods if is_active(pod)], min_ready, now) if min_ready else None
