"""What a daemon set needs next: pure.

Source: apps/v1 DaemonSet; Kubernetes' "Perform a Rolling Update on a DaemonSet"; KEP-1591 (surge).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.controlplane.controllers.workloads.availability import (
    amount,
    is_available,
    is_ready,
    next_available,
)
from seaway.controlplane.controllers.workloads.daemonnodes import Place, by_node, homeless, is_updated, place
from seaway.objects.meta import deletion_timestamp, name
from seaway.objects.pods import phase

Object = dict[str, Any]
_OPTIONAL = ("observedGeneration", "updatedNumberScheduled", "numberAvailable", "numberUnavailable")


@dataclass(slots=True)
class DaemonPlan:
    """What to do, in this order: create, delete, write the status."""

    status: Object
    create: list[str] = field(default_factory=list)
    """Names of nodes that need a pod."""
    delete: list[Object] = field(default_factory=list)
    ended: list[Object] = field(default_factory=list)
    """Of those that are deleted: pods that should not have ended; to be reported."""
    again: float | None = None
    """Seconds until something is due."""


def plan_daemon_set(
    daemon_set: Object,
    nodes: Sequence[Object],
    pods: Sequence[Object],
    revision: str,
    held: Callable[[str], float],
    now: float,
) -> DaemonPlan:
    """Return the plan.

    Args:
        daemon_set: as stored.
        nodes: all nodes.
        pods: all that it controls.
        revision: the hash of its newest revision.
        held: given a node's name, the seconds for which a failed pod there stays, so that failing is not too quick.
        now: seconds since the epoch.
    """
    return _Planner(daemon_set, nodes, pods, revision, held, now).plan()


class _Planner:
    def __init__(
        self,
        daemon_set: Object,
        nodes: Sequence[Object],
        pods: Sequence[Object],
        revision: str,
        held: Callable[[str], float],
        now: float,
    ) -> None:
        self.set, self.revision, self.held, self.now = daemon_set, revision, held, now
        self.pods = by_node(pods)
        self.places: Mapping[str, Place] = {
            name(node): place(daemon_set, node) for node in sorted(nodes, key=name)
        }
        self.wanted = sum(found.begins for found in self.places.values())
        self.min_ready: int = daemon_set["spec"].get("minReadySeconds") or 0
        self.surge, self.unavailable = self._bounds()
        self.result = DaemonPlan(status={})

    def _bounds(self) -> tuple[int, int]:
        strategy = self.set["spec"].get("updateStrategy") or {}
        if strategy.get("type") != "RollingUpdate":
            return 0, 0
        rolling = strategy.get("rollingUpdate") or {}
        surge = amount(rolling.get("maxSurge"), self.wanted, up=True)
        unavailable = amount(rolling.get("maxUnavailable"), self.wanted, up=True)
        return surge, unavailable or int(not surge)

    def plan(self) -> DaemonPlan:
        """Decide."""
        for node, found in self.places.items():
            self._manage(node, found)
        self.result.delete += homeless(self.pods, self.places)
        rolls = (self.set["spec"].get("updateStrategy") or {}).get("type") == "RollingUpdate"
        if rolls and not self.result.create and not self.result.delete:
            (self._surge if self.surge else self._replace)()
        self.result.status = self._status()
        waiting = [pod for there in self.pods.values() for pod in there]
        if self.min_ready and (wait := next_available(waiting, self.min_ready, self.now)) is not None:
            self._look_again(wait)
        return self.result

    def _look_again(self, wait: float) -> None:
        self.result.again = wait if self.result.again is None else min(wait, self.result.again)

    def _manage(self, node: str, found: Place) -> None:
        """Have one pod on a node that it belongs on, and none elsewhere."""
        there = self.pods.get(node)
        if found.begins and there is None:
            self.result.create.append(node)
        elif found.stays:
            running = self._drop_ended(node, there or [])
            if self.surge:
                self._thin_out(node, running, begins=found.begins)
            else:
                self.result.delete += running[1:]
        else:
            self.result.delete += [pod for pod in there or () if deletion_timestamp(pod) is None]

    def _drop_ended(self, node: str, there: Sequence[Object]) -> list[Object]:
        """Delete pods that have ended; return those that run."""
        running = []
        for pod in there:
            if deletion_timestamp(pod) is not None:
                continue
            if phase(pod) == "Failed" and (wait := self.held(node)) > 0:
                self._look_again(wait)
            elif phase(pod) in ("Failed", "Succeeded"):
                self.result.delete.append(pod)
                self.result.ended.append(pod)
            else:
                running.append(pod)
        return running

    def _thin_out(self, node: str, running: Sequence[Object], *, begins: bool) -> None:
        """Leave one pod of the newest template and one other on a node, the latter as long as it is needed."""
        if not running and begins:
            self.result.create.append(node)
        if len(running) <= 1:
            return
        new = [pod for pod in running if self._is_new(pod)]
        old = [pod for pod in running if not self._is_new(pod)]
        self.result.delete += [*new[1:], *old[1:]]
        if new and old and (not is_ready(old[0]) or self._serves(new[0])):
            self.result.delete.append(old[0])

    def _is_new(self, pod: Object) -> bool:
        return is_updated(self.set, pod, self.revision)

    def _serves(self, pod: Object) -> bool:
        return is_available(pod, self.min_ready, self.now)

    def _pairs(self) -> dict[str, tuple[Object | None, Object | None] | None]:
        """Return for each node its pod of the newest template and its other one; None where there are too many."""
        found: dict[str, tuple[Object | None, Object | None] | None] = {}
        nodes = {*self.pods, *(node for node, where in self.places.items() if where.begins)}
        for node in sorted(nodes):
            there = [pod for pod in self.pods.get(node, ()) if deletion_timestamp(pod) is None]
            new = [pod for pod in there if self._is_new(pod)]
            old = [pod for pod in there if not self._is_new(pod)]
            many = len(new) > 1 or len(old) > 1
            found[node] = None if many else (new[0] if new else None, old[0] if old else None)
        return found

    def _replace(self) -> None:
        """Delete pods of other templates, as far as pods may be away; those that do not serve anyway."""
        away, at_once, candidates = 0, [], []
        for pair in self._pairs().values():
            new, old = pair or (None, None)
            if old is None or new is not None:
                away += new is None or old is not None or not self._serves(new)
            elif not self._serves(old):
                at_once.append(old)
                away += 1
            else:
                candidates.append(old)
        self.result.delete += [*at_once, *candidates[: max(0, self.unavailable - away)]]

    def _surge(self) -> None:
        """Begin pods beside those of other templates, and delete these as soon as those serve."""
        surging = serving = 0
        at_once: list[str] = []
        candidates: list[str] = []
        leaving: list[Object] = []
        for node, pair in self._pairs().items():
            if pair is None:
                surging += 1
                continue
            new, old = pair
            first = old or new
            serving += first is not None and self._serves(first)
            if old is None:
                continue
            if new is not None:
                if self._serves(new):
                    self.result.delete.append(old)
                else:
                    surging += 1
            elif not self.places.get(node, Place(begins=False, stays=False)).begins:
                (leaving if self._serves(old) else self.result.delete).append(old)
            else:
                (candidates if self._serves(old) else at_once).append(node)
        self.result.delete += leaving[: max(0, serving - self.wanted)]
        self.result.create += [*at_once, *candidates[: max(0, self.surge - surging)]]

    def _status(self) -> Object:
        counts = dict.fromkeys(
            ("currentNumberScheduled", "numberMisscheduled", "numberReady", "updatedNumberScheduled", "numberAvailable"), 0
        )  # fmt: skip
        for node, found in self.places.items():
            there = self.pods.get(node)
            if not there:
                continue
            if not found.begins:
                counts["numberMisscheduled"] += 1
                continue
            counts["currentNumberScheduled"] += 1
            counts["numberReady"] += is_ready(there[0])
            counts["numberAvailable"] += self._serves(there[0])
            counts["updatedNumberScheduled"] += self._is_new(there[0])
        status: Object = {
            "desiredNumberScheduled": self.wanted,
            **counts,
            "numberUnavailable": self.wanted - counts["numberAvailable"],
            "observedGeneration": self.set["metadata"].get("generation") or 0,
        }
        old = self.set.get("status") or {}
        kept = {field: old[field] for field in ("conditions", "collisionCount") if field in old}
        return {k: v for k, v in status.items() if v or k not in _OPTIONAL} | kept
