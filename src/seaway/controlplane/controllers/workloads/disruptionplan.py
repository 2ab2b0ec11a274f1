"""What a disruption budget allows now: pure.

Source: policy/v1 PodDisruptionBudget; Kubernetes' "Specifying a Disruption Budget for your Application".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.workloads.availability import amount, is_ready
from seaway.objects.meta import copy, deletion_timestamp, name

Object = dict[str, Any]
ALLOWED = "DisruptionAllowed"
DELETION_SECONDS = 120.0
"""An evicted pod that is not being deleted after so long will not be."""


class Expected(NamedTuple):
    """How many pods there should be, and how many of them have to be healthy."""

    pods: int
    healthy: int


class BudgetPlan(NamedTuple):
    """The status to write, and what else follows."""

    status: Object
    overdue: list[Object]
    """Pods that were evicted and are there still; to be reported."""
    again: float | None
    """Seconds until an eviction is overdue."""


def needs_scale(budget: Object) -> bool:
    """Tell whether what is expected depends on what the pods' controllers want."""
    spec = budget.get("spec") or {}
    return spec.get("maxUnavailable") is not None or isinstance(spec.get("minAvailable"), str)


def expected(budget: Object, pods: int, scale: int) -> Expected:
    """Return what a budget expects.

    Args:
        budget: as stored.
        pods: how many it covers now.
        scale: how many the controllers of these want; counts where `needs_scale` says so.
    """
    spec = budget.get("spec") or {}
    most_away, least = spec.get("maxUnavailable"), spec.get("minAvailable")
    if most_away is not None:
        return Expected(scale, max(0, scale - amount(most_away, scale, up=True)))
    if isinstance(least, str):
        return Expected(scale, amount(least, scale, up=True))
    return Expected(pods, least) if least is not None else Expected(0, 0)


def plan_budget(budget: Object, pods: Sequence[Object], wanted: Expected, now: float) -> BudgetPlan:
    """Return the plan.

    Args:
        budget: as stored.
        pods: all that it covers.
        wanted: what it expects.
        now: seconds since the epoch.
    """
    known = (budget.get("status") or {}).get("disruptedPods") or {}
    there = [pod for pod in pods if deletion_timestamp(pod) is None]
    due = {
        name(pod): parse_rfc3339(known[name(pod)]) + DELETION_SECONDS for pod in there if name(pod) in known
    }
    waiting = {pod: known[pod] for pod, end in due.items() if end >= now}
    healthy = sum(is_ready(pod) and name(pod) not in waiting for pod in there)
    allowed = max(0, healthy - wanted.healthy) if wanted.pods > 0 else 0
    status: Object = {
        "currentHealthy": healthy,
        "desiredHealthy": wanted.healthy,
        "disruptionsAllowed": allowed,
        "expectedPods": wanted.pods,
        "observedGeneration": budget["metadata"].get("generation") or 0,
    }
    if waiting:
        status["disruptedPods"] = waiting
    reason = "SufficientPods" if allowed else "InsufficientPods"
    status["conditions"] = _with_condition(budget, status, allowed > 0, reason, "", now)
    overdue = [pod for pod in there if name(pod) in due and name(pod) not in waiting]
    return BudgetPlan(status, overdue, min((due[pod] - now for pod in waiting), default=None))


def failed(budget: Object, why: str, now: float) -> Object:
    """Return the status of a budget that could not be judged: it allows nothing."""
    status = {**(budget.get("status") or {}), "disruptionsAllowed": 0}
    return status | {"conditions": _with_condition(budget, status, False, "SyncFailed", why, now)}


def _with_condition(
    budget: Object, status: Object, allowed: bool, reason: str, message: str, now: float
) -> list[Object]:
    conditions: list[Object] = copy((budget.get("status") or {}).get("conditions") or [])
    told: Object = {
        "type": ALLOWED, "status": "True" if allowed else "False", "reason": reason, "message": message,
        "observedGeneration": status.get("observedGeneration", 0), "lastTransitionTime": rfc3339(now),
    }  # fmt: skip
    for index, known in enumerate(conditions):
        if known["type"] == ALLOWED:
            if known["status"] == told["status"]:
                told["lastTransitionTime"] = known["lastTransitionTime"]
            conditions[index] = told
            return conditions
    return [*conditions, told]
