"""What a stateful set needs next: pure. One pod after the other, unless the set says that they may come together.

Source: apps/v1 StatefulSet; Kubernetes' "Deployment and Scaling Guarantees", "Update strategies".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seaway.controlplane.controllers.workloads import statefulpods as named
from seaway.controlplane.controllers.workloads.availability import (
    amount,
    is_available,
    is_ready,
    next_available,
)
from seaway.controlplane.controllers.workloads.history import revision_label, template_of
from seaway.objects.meta import deletion_timestamp, labels, name, owner_references
from seaway.objects.pods import has_ended, phase

Object = dict[str, Any]
_OPTIONAL = ("currentReplicas", "readyReplicas", "updatedReplicas", "observedGeneration")


class Revisions(NamedTuple):
    """What the pods of a stateful set are, and are to become."""

    current: Object
    update: Object


@dataclass(slots=True)
class StatefulPlan:
    """What to do, in this order: make claims, change claims' owners, create, relabel, delete, write the status."""

    status: Object
    claims: list[Object] = field(default_factory=list)
    owners: list[tuple[Object, list[Object]]] = field(default_factory=list)
    create: list[Object] = field(default_factory=list)
    relabel: list[tuple[Object, dict[str, str]]] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    again: float | None = None
    """Seconds until something is due."""


def plan_stateful_set(
    stateful_set: Object,
    pods: Sequence[Object],
    revisions: Revisions,
    claim: Callable[[str], Object | None],
    now: float,
) -> StatefulPlan:
    """Return the plan.

    Args:
        stateful_set: as stored.
        pods: all that it controls.
        revisions: its current one and the one of its template.
        claim: returns a claim of the namespace by its name, None where there is none.
        now: seconds since the epoch.
    """
    return _Planner(stateful_set, pods, revisions, claim, now).plan()


class _Planner:
    def __init__(
        self,
        stateful_set: Object,
        pods: Sequence[Object],
        revisions: Revisions,
        claim: Callable[[str], Object | None],
        now: float,
    ) -> None:
        self.set, self.revisions, self.claim, self.now = stateful_set, revisions, claim, now
        self.spec = stateful_set["spec"]
        self.min_ready: int = self.spec.get("minReadySeconds") or 0
        self.ordered = self.spec.get("podManagementPolicy") != "Parallel"
        self.range = named.ordinals(stateful_set)
        numbered = {named.ordinal_of(stateful_set, pod): pod for pod in pods}
        self.pods = {number: pod for number, pod in numbered.items() if number >= 0}
        self.condemned = sorted((n for n in self.pods if n not in self.range), reverse=True)
        self.result = StatefulPlan(status={})
        self.taken = 0
        """Pods of the current revision that are deleted now."""

    def plan(self) -> StatefulPlan:
        """Decide."""
        if deletion_timestamp(self.set) is None and self._build_up() and self._take_down():
            self._roll()
        self.result.status = self._status()
        self.result.again = (
            next_available(self.pods.values(), self.min_ready, self.now) if self.min_ready else None
        )
        return self.result

    def _serves(self, pod: Object) -> bool:
        return phase(pod) == "Running" and is_available(pod, self.min_ready, self.now)

    def _build_up(self) -> bool:
        """Have each pod that is wanted; return whether nothing has to be waited for."""
        return self._each(self.range, self._build_one)

    def _each(self, numbers: Sequence[int], step: Callable[[int], bool]) -> bool:
        """Do one step after the other; where pods come in order, only until one says that it has to be waited for."""
        return all(step(number) or not self.ordered for number in numbers)

    def _build_one(self, number: int) -> bool:
        pod = self.pods.get(number)
        if pod is None:
            self._create(number)
            return False
        if has_ended(pod):
            if deletion_timestamp(pod) is None:
                self.result.delete.append(pod)
            return False
        if phase(pod) == "Pending":
            self._make_claims(number)
        if deletion_timestamp(pod) is not None or not self._serves(pod):
            return False
        self._keep_identity(number, pod)
        return True

    def _create(self, number: int) -> None:
        stale = (self.claim(known) for known in named.claim_names(self.set, number).values())
        if any(known is not None and named.is_stale(self.set, known, number) for known in stale):
            return
        self._make_claims(number)
        revision = self.revisions.current if self._stays_back(number) else self.revisions.update
        self.result.create.append(named.new_pod(self.set, template_of(revision), name(revision), number))

    def _stays_back(self, number: int) -> bool:
        """Tell whether a pod that is made now is of the current revision still: its turn has not come."""
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type") != "RollingUpdate":
            return False
        rolling = strategy.get("rollingUpdate")
        if rolling is None:
            left = (self.set.get("status") or {}).get("currentReplicas") or 0
        else:
            left = rolling.get("partition") or 0
        return number < self.range.start + left

    def _make_claims(self, number: int) -> None:
        for volume, claim in named.claim_names(self.set, number).items():
            if self.claim(claim) is None:
                self.result.claims.append(named.new_claim(self.set, volume, number))

    def _keep_identity(self, number: int, pod: Object) -> None:
        wanted = named.identity(self.set, number)
        if not wanted.items() <= labels(pod).items():
            self.result.relabel.append((pod, wanted))
        self._keep_owners(number, pod)

    def _keep_owners(self, number: int, pod: Object) -> None:
        for known in named.claim_names(self.set, number).values():
            if (claim := self.claim(known)) is not None:
                wanted = named.claim_owners(self.set, claim, pod, number)
                if wanted != owner_references(claim):
                    self.result.owners.append((claim, wanted))

    def _take_down(self) -> bool:
        """Remove pods that are not wanted, the highest number first; return whether nothing has to be waited for."""
        for number in self.condemned:
            self._keep_owners(number, self.pods[number])
        return self._each(self.condemned, self._take_one)

    def _take_one(self, number: int) -> bool:
        pod = self.pods[number]
        if deletion_timestamp(pod) is None and (
            not self.ordered or self._serves(pod) or pod is self._first_away()
        ):
            self.result.delete.append(pod)
        return False

    def _first_away(self) -> Object | None:
        """Return the pod of the lowest number that does not serve, wanted ones before the others."""
        numbers = [*(n for n in self.range if n in self.pods), *reversed(self.condemned)]
        return next((self.pods[n] for n in numbers if self._is_away(self.pods[n])), None)

    def _is_away(self, pod: Object) -> bool:
        return not is_available(pod, self.min_ready, self.now) or deletion_timestamp(pod) is not None

    def _roll(self) -> None:
        """Delete pods that are not of the template, from the highest number down to the partition."""
        strategy = self.spec.get("updateStrategy") or {}
        if strategy.get("type") != "RollingUpdate":
            return
        rolling = strategy.get("rollingUpdate") or {}
        numbers = [n for n in reversed(self.range) if n >= self.range.start + (rolling.get("partition") or 0)]
        if rolling.get("maxUnavailable") is not None:
            self._roll_several(numbers, rolling["maxUnavailable"])
            return
        for number in numbers:
            pod = self.pods.get(number)
            if pod is not None and self._is_outdated(pod):
                self._take_for_update(pod)
                return
            if pod is None or self._is_away(pod):
                return

    def _roll_several(self, numbers: Sequence[int], limit: int | str) -> None:
        most = max(1, amount(limit, self.spec["replicas"], up=False))
        away = sum(n not in self.pods or self._is_away(self.pods[n]) for n in self.range)
        outdated = [self.pods[n] for n in numbers if n in self.pods and self._is_outdated(self.pods[n])]
        for pod in outdated[: max(0, most - away)]:
            self._take_for_update(pod)

    def _is_outdated(self, pod: Object) -> bool:
        return revision_label(pod) != name(self.revisions.update) and deletion_timestamp(pod) is None

    def _take_for_update(self, pod: Object) -> None:
        self.result.delete.append(pod)
        self.taken += 1

    def _status(self) -> Object:
        pods = list(self.pods.values())
        staying = [pod for pod in pods if deletion_timestamp(pod) is None]
        current, update = name(self.revisions.current), name(self.revisions.update)
        old = self.set.get("status") or {}
        status: Object = {
            "observedGeneration": self.set["metadata"].get("generation") or 0,
            "replicas": len(pods),
            "readyReplicas": sum(phase(pod) == "Running" and is_ready(pod) for pod in pods),
            "availableReplicas": sum(self._serves(pod) for pod in pods),
            "currentReplicas": sum(revision_label(pod) == current for pod in staying) - self.taken,
            "updatedReplicas": sum(revision_label(pod) == update for pod in staying),
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": old.get("collisionCount") or 0,
        }
        everything = all(
            status[f] == self.spec["replicas"] for f in ("updatedReplicas", "readyReplicas", "replicas")
        )
        if (self.spec.get("updateStrategy") or {}).get("type") == "RollingUpdate" and everything:
            status |= {"currentReplicas": status["updatedReplicas"], "currentRevision": update}
        status = {k: v for k, v in status.items() if v or k not in _OPTIONAL}
        return status | ({"conditions": old["conditions"]} if old.get("conditions") else {})
