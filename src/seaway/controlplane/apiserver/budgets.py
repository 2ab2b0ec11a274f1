"""What disruption budgets say of an eviction: who may go now, and that one less may go afterwards.

Source: Kubernetes' "API-initiated Eviction" and "Disruptions"; the budget's status is kept by its controller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.base.clock import Clock, rfc3339
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.registry import Registry
from seaway.controlplane.apiserver.served import KindTable
from seaway.controlplane.apiserver.writing import Write, WriteOptions
from seaway.objects import meta
from seaway.objects.builtin import PODS
from seaway.objects.errors import ApiError, BadRequest, Cause, Forbidden, InternalError, TooManyRequests
from seaway.objects.selectors import LabelSelector
from seaway.objects.workloads import POD_DISRUPTION_BUDGETS

Object = dict[str, Any]
MOST_DISRUPTED = 2000
"""Pods that may be on their way out before the controller has noticed any of them."""
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
_MANAGER = WriteOptions("seaway-apiserver")


class Budgets:
    """The disruption budgets of a server; where their kind is not served there are none.

    Args:
        registry: writes the budgets' status.
        table: the kinds served.
        lookup: reads pods and budgets.
        clock: for the time of a disruption.
    """

    def __init__(self, registry: Registry, table: KindTable, lookup: StoreLookup, clock: Clock) -> None:
        self._registry, self._table, self._lookup, self._clock = registry, table, lookup, clock

    async def take(self, write: Write, *, dry_run: bool) -> None:
        """Count a pod that is to be evicted against its budget.

        Args:
            write: names the pod.
            dry_run: only say whether it could go.

        Raises:
            TooManyRequests: the budget does not let it go now.
            InternalError: it has more than one budget.
        """
        resource = POD_DISRUPTION_BUDGETS
        served = self._table.find(resource.group, resource.version, resource.plural)
        pod = self._lookup.get(PODS, write.namespace, write.name)
        if served is None or pod is None or goes_anyway(pod):
            return
        budget = budget_of(pod, self._lookup.list(resource, write.namespace))
        if budget is None or goes_uncounted(pod, budget):
            return
        now = rfc3339(self._clock.now())
        change = Write(served, write.namespace, meta.name(budget), write.user, _MANAGER, "status")
        if dry_run:
            disrupted(budget, write.name, now)
            return
        await self._registry.adjust(change, lambda live: disrupted(live, write.name, now))


def goes_anyway(pod: Object) -> bool:
    """Tell whether a pod's going disrupts nothing: it has ended, has not begun, or is going already."""
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or meta.deletion_timestamp(pod) is not None


def budget_of(pod: Object, budgets: Iterable[Object]) -> Object | None:
    """Return the budget that covers a pod, None for none. Raises InternalError where there are several."""
    found = [budget for budget in budgets if _covers(budget, pod)]
    if len(found) > 1:
        raise InternalError(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
    return found[0] if found else None


def _covers(budget: Object, pod: Object) -> bool:
    try:
        selector = LabelSelector.from_object((budget.get("spec") or {}).get("selector"))
    except BadRequest:
        return False
    return selector.matches(meta.labels(pod))


def goes_uncounted(pod: Object, budget: Object) -> bool:
    """Tell whether a pod that is not ready may go without costing anything: it does not count as healthy either."""
    if (meta.get_condition(pod, "Ready") or {}).get("status") == "True":
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    return bool(0 < wanted <= healthy)


def disrupted(budget: Object, pod: str, now: str) -> Object:
    """Return a budget after the disruption of one more pod.

    Raises:
        TooManyRequests: none may go now.
        Forbidden: the budget's status makes no sense.
    """
    status = {**(budget.get("status") or {})}
    allowed, name = status.get("disruptionsAllowed", 0), meta.name(budget)
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", 10)
    if allowed < 0:
        raise _forbidden(name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or {}) > MOST_DISRUPTED:
        detail = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise _forbidden(name, detail)
    if allowed == 0:
        raise _too_many(_why_not(name, budget, status), 0)
    status["disruptionsAllowed"] = allowed - 1
    status["disruptedPods"] = (status.get("disruptedPods") or {}) | {pod: now}
    if allowed == 1:
        status["conditions"] = conditions = meta.copy(status.get("conditions") or [])
        meta.set_condition(conditions, "DisruptionAllowed", "False", "InsufficientPods", now=now)
    return {**budget, "status": status}


def _why_not(name: str, budget: Object, status: Object) -> str:
    condition = meta.get_condition(budget, "DisruptionAllowed") or {}
    reason, message = condition.get("reason"), condition.get("message")
    told = condition.get("status") == "False" and message
    healthy, wanted = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    if told and reason == "SyncFailed":
        return f"The disruption budget {name} does not allow evicting pods currently because it failed sync: {message}"
    if healthy <= wanted:
        return f"The disruption budget {name} needs {wanted} healthy pods and has {healthy} currently"
    if told:
        return f"The disruption budget {name} does not allow evicting pods currently ({reason}): {message}"
    return f"The disruption budget {name} does not allow evicting pods currently"


def _too_many(why: str, retry_after: int) -> ApiError:
    return TooManyRequests(_REFUSED, causes=[Cause("DisruptionBudget", why)], retry_after=retry_after or None)


def _forbidden(name: str, why: str) -> ApiError:
    details = {"name": name, "group": POD_DISRUPTION_BUDGETS.group, "kind": "poddisruptionbudget"}
    return Forbidden(f'poddisruptionbudget.policy "{name}" is forbidden: {why}', details=details)
