"""What a deployment's status says: counts, whether enough pods are there, whether it gets anywhere. Pure.

Source: apps/v1 Deployment; Kubernetes' "Deployment status".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.workloads.replicasets import bounds, count, size
from seaway.objects.meta import get_condition, name

Object = dict[str, Any]
AVAILABLE, PROGRESSING, FAILURE = "Available", "Progressing", "ReplicaFailure"
COMPLETE, TIMED_OUT, PAUSED = "NewReplicaSetAvailable", "ProgressDeadlineExceeded", "DeploymentPaused"
_NO_DEADLINE = 2**31 - 1


def has_deadline(deployment: Object) -> bool:
    """Tell whether a deployment must get on within some time."""
    return deployment["spec"].get("progressDeadlineSeconds") not in (None, _NO_DEADLINE)


def put(conditions: list[Object], kind: str, status: str, reason: str, message: str, now: float) -> None:
    """Set a condition in place; one whose status and reason are as before stays, whatever its message."""
    old = next((condition for condition in conditions if condition["type"] == kind), None)
    if old is not None and (old["status"], old.get("reason")) == (status, reason):
        return
    replace(conditions, kind, status, reason, message, now)


def replace(conditions: list[Object], kind: str, status: str, reason: str, message: str, now: float) -> None:
    """Set a condition in place, in any case; the time of its transition moves only with its status."""
    old = next((condition for condition in conditions if condition["type"] == kind), None)
    time = rfc3339(now)
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else time
    told = {"type": kind, "status": status, "reason": reason, "message": message}
    remove(conditions, kind)
    conditions.append(told | {"lastUpdateTime": time, "lastTransitionTime": since})


def remove(conditions: list[Object], kind: str) -> None:
    """Take a condition out, in place."""
    conditions[:] = [condition for condition in conditions if condition["type"] != kind]


def pause_or_resume(deployment: Object, conditions: list[Object], now: float) -> None:
    """Say that an update was halted, or goes on: the time in between counts against no deadline."""
    known = (get_condition(deployment, PROGRESSING) or {}).get("reason")
    if not has_deadline(deployment) or known == TIMED_OUT:
        return
    if deployment["spec"].get("paused") and known != PAUSED:
        put(conditions, PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    elif not deployment["spec"].get("paused") and known == PAUSED:
        put(conditions, PROGRESSING, "Unknown", "DeploymentResumed", "Deployment is resumed", now)


def counts(deployment: Object, newest: Object | None, everyone: Sequence[Object]) -> Object:
    """Return the numbers of a deployment's status, without those that are 0."""
    available = count(everyone, "availableReplicas")
    numbers = {
        "observedGeneration": deployment["metadata"].get("generation") or 0,
        "replicas": count(everyone, "replicas"),
        "updatedReplicas": count([newest] if newest else [], "replicas"),
        "readyReplicas": count(everyone, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sum(map(size, everyone)) - available),
    }
    status: Object = {field: number for field, number in numbers.items() if number}
    if all("terminatingReplicas" in (one.get("status") or {}) for one in everyone):
        status["terminatingReplicas"] = count(everyone, "terminatingReplicas")
    if (collisions := (deployment.get("status") or {}).get("collisionCount")) is not None:
        status["collisionCount"] = collisions
    return status


def judge_availability(deployment: Object, status: Object, conditions: list[Object], now: float) -> None:
    """Say whether at least as many pods are available as must be."""
    least = deployment["spec"]["replicas"] - bounds(deployment).unavailable
    if status.get("availableReplicas", 0) >= least:
        put(
            conditions, AVAILABLE, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", now,
        )  # fmt: skip
    else:
        put(
            conditions, AVAILABLE, "False", "MinimumReplicasUnavailable",
            "Deployment does not have minimum availability.", now,
        )  # fmt: skip


def is_complete(deployment: Object, status: Object) -> bool:
    """Tell whether all pods are of the newest template, available, and no other is there."""
    wanted, fields = deployment["spec"]["replicas"], ("updatedReplicas", "replicas", "availableReplicas")
    seen = (status.get("observedGeneration") or 0) >= (deployment["metadata"].get("generation") or 0)
    return seen and all(status.get(field, 0) == wanted for field in fields)


def judge_progress(
    deployment: Object, newest: Object | None, status: Object, conditions: list[Object], now: float
) -> None:
    """Say whether an update is through, gets on, or has not for too long."""
    if not has_deadline(deployment):
        remove(conditions, PROGRESSING)
        return
    known = get_condition(deployment, PROGRESSING)
    settled = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if settled and known is not None and known.get("reason") == COMPLETE:
        return
    who = f'ReplicaSet "{name(newest)}"' if newest else f'Deployment "{name(deployment)}"'
    if is_complete(deployment, status):
        put(conditions, PROGRESSING, "True", COMPLETE, f"{who} has successfully progressed.", now)
    elif _gets_on(deployment, status):
        replace(conditions, PROGRESSING, "True", "ReplicaSetUpdated", f"{who} is progressing.", now)
    elif _is_late(deployment, conditions, now):
        put(conditions, PROGRESSING, "False", TIMED_OUT, f"{who} has timed out progressing.", now)


def _gets_on(deployment: Object, status: Object) -> bool:
    old = deployment.get("status") or {}

    def outdated(of: Object) -> int:
        return int(of.get("replicas", 0) - of.get("updatedReplicas", 0))

    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return outdated(status) < outdated(old) or any(status.get(f, 0) > old.get(f, 0) for f in more)


def _is_late(deployment: Object, conditions: list[Object], now: float) -> bool:
    known = get_condition({"status": {"conditions": conditions}}, PROGRESSING)
    if known is None or known.get("reason") == COMPLETE:
        return False
    if known.get("reason") == TIMED_OUT:
        return True
    return bool(_due(deployment, known) < now)


def _due(deployment: Object, progressing: Object) -> float:
    since = parse_rfc3339(progressing.get("lastUpdateTime") or progressing["lastTransitionTime"])
    return float(since + deployment["spec"]["progressDeadlineSeconds"])


def look_again(deployment: Object, status: Object, now: float) -> float | None:
    """Return the seconds until the deployment may be late, None where that cannot be."""
    progressing = get_condition({"status": status}, PROGRESSING)
    if progressing is None or not has_deadline(deployment) or deployment["spec"].get("paused"):
        return None
    if is_complete(deployment, status) or progressing.get("reason") in (TIMED_OUT, COMPLETE):
        return None
    return max(0.0, _due(deployment, progressing) - now) + 1.0


def pass_on_failures(newest: Object | None, others: Sequence[Object], conditions: list[Object]) -> None:
    """Say what keeps a replica set from making its pods, the newest before the others."""
    for one in ([newest] if newest else []) + list(others):
        if (failure := get_condition(one, FAILURE)) is not None:
            since = failure["lastTransitionTime"]
            old = next((c for c in conditions if c["type"] == FAILURE), None)
            if old is None or (old["status"], old.get("reason")) != (
                failure["status"],
                failure.get("reason"),
            ):
                remove(conditions, FAILURE)
                conditions.append({**failure, "lastUpdateTime": since, "lastTransitionTime": since})
            return
    remove(conditions, FAILURE)
