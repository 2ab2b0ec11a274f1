"""What a deployment needs next, from its replica sets: pure.

Source: apps/v1 Deployment; Kubernetes' "Updating a Deployment", "Proportional scaling", "Clean up Policy".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seaway.controlplane.controllers.workloads import deploymentstatus as told
from seaway.controlplane.controllers.workloads.replicasets import (
    REVISION,
    bounds,
    count,
    is_scaled,
    new_annotations,
    new_replica_set,
    outdated,
    proportional,
    size,
    sizes,
    split,
)
from seaway.objects import meta
from seaway.objects.meta import copy, deletion_timestamp, name

Object = dict[str, Any]


class Scaled(NamedTuple):
    """A replica set that gets another size."""

    name: str
    before: int
    after: int


@dataclass(slots=True)
class DeploymentPlan:
    """What to do, in this order: create, update, delete, write the status with the revision's annotation."""

    status: Object
    create: Object | None = None
    update: dict[str, Object] = field(default_factory=dict)
    """Replica sets by name, as they should be."""
    scaled: list[Scaled] = field(default_factory=list)
    """To be reported."""
    delete: list[Object] = field(default_factory=list)
    revision: str = ""
    """The deployment's annotation, "" for leaving it as it is."""
    again: float | None = None
    """Seconds until something is due."""


def plan_deployment(
    deployment: Object, replica_sets: Sequence[Object], old_pods: bool, now: float
) -> DeploymentPlan:
    """Return the plan.

    Args:
        deployment: as stored.
        replica_sets: all that it controls.
        old_pods: whether a pod of another template than the newest is there still, also one that is being deleted.
        now: seconds since the epoch.
    """
    return _Planner(deployment, replica_sets, now).plan(old_pods=old_pods)


class _Planner:
    def __init__(self, deployment: Object, replica_sets: Sequence[Object], now: float) -> None:
        self.deployment, self.now = deployment, now
        self.wanted: int = deployment["spec"]["replicas"]
        self.bounds = bounds(deployment)
        self.newest, self.others = split(deployment, replica_sets)
        self.conditions: list[Object] = copy((deployment.get("status") or {}).get("conditions") or [])
        self.result = DeploymentPlan(status={})

    @property
    def everyone(self) -> list[Object]:
        """All replica sets, as they should be by now."""
        return [*self.others, *([self.newest] if self.newest else [])]

    @property
    def active(self) -> list[Object]:
        """Those that should have pods."""
        return [one for one in self.everyone if size(one)]

    def plan(self, *, old_pods: bool) -> DeploymentPlan:
        """Decide."""
        if deletion_timestamp(self.deployment) is not None:
            return self._finish(rollout=False)
        told.pause_or_resume(self.deployment, self.conditions, self.now)
        self._sync_newest()
        if self.deployment["spec"].get("paused"):
            self._scale()
            self.result.delete = outdated(self.deployment, self.others)
            return self._finish(rollout=False)
        if is_scaled(self.deployment, self.active):
            self._scale()
            return self._finish(rollout=False)
        if self.deployment["spec"]["strategy"]["type"] == "Recreate":
            done = self._recreate(old_pods=old_pods)
        else:
            done = self._roll()
        if done and told.is_complete(self.deployment, self.deployment.get("status") or {}):
            self.result.delete = outdated(self.deployment, self.others)
        return self._finish(rollout=True)

    def _sync_newest(self) -> None:
        """Have the newest replica set carry the deployment's annotations and revision, and the deployment that."""
        if self.newest is None:
            return
        wanted = new_annotations(self.deployment, self.newest, self.others)
        min_ready = self.deployment["spec"].get("minReadySeconds") or 0
        if wanted != meta.annotations_of(self.newest) or min_ready != (
            self.newest["spec"].get("minReadySeconds") or 0
        ):
            self.newest = self._change(self.newest, annotations=wanted, min_ready=min_ready)
        self.result.revision = meta.annotations_of(self.newest).get(REVISION, "")
        if told.has_deadline(self.deployment) and not any(
            c["type"] == told.PROGRESSING for c in self.conditions
        ):
            message = f'Found new replica set "{name(self.newest)}"'
            told.put(self.conditions, told.PROGRESSING, "True", "FoundNewReplicaSet", message, self.now)

    def _create(self, replicas: int) -> None:
        made = new_replica_set(self.deployment, self.others, replicas)
        self.newest = self.result.create = made
        self.result.revision = meta.annotations_of(made)[REVISION]
        if told.has_deadline(self.deployment):
            message = f'Created new replica set "{name(made)}"'
            told.put(self.conditions, told.PROGRESSING, "True", "NewReplicaSetCreated", message, self.now)

    def _change(
        self,
        one: Object,
        *,
        replicas: int | None = None,
        annotations: dict[str, str] | None = None,
        min_ready: int | None = None,
    ) -> Object:
        """Note that a replica set is to be written, and return it as it should be."""
        changed: Object = {**one, "metadata": {**one["metadata"]}, "spec": {**one["spec"]}}
        if replicas is not None:
            changed["spec"]["replicas"] = replicas
        if annotations is not None:
            changed["metadata"]["annotations"] = annotations
        if min_ready is not None:
            changed["spec"]["minReadySeconds"] = min_ready
        self.result.update[name(one)] = changed
        self.others = [changed if name(other) == name(one) else other for other in self.others]
        return changed

    def _resize(self, one: Object, replicas: int, *, note: bool = False) -> bool:
        """Give a replica set another size; return whether it has one now.

        Args:
            one: the replica set.
            replicas: its size.
            note: note the deployment's size at it even where its own stays.
        """
        wanted = {**meta.annotations_of(one), **sizes(self.deployment)}
        changes = size(one) != replicas
        if not changes and not (note and wanted != meta.annotations_of(one)):
            return False
        if changes:
            self.result.scaled.append(Scaled(name(one), size(one), replicas))
        changed = self._change(one, replicas=replicas, annotations=wanted)
        if self.newest is not None and name(self.newest) == name(one):
            self.newest = changed
        return changes

    def _scale(self) -> None:
        """Follow a change of the deployment's size; in the midst of an update, all replica sets in proportion."""
        active = self.active
        if not self.everyone:
            return
        if len(active) <= 1:
            self._resize(active[0] if active else self.newest or self.others[-1], self.wanted)
        elif self._is_saturated():
            for one in [one for one in self.others if size(one)]:
                self._resize(one, 0)
        elif self.deployment["spec"]["strategy"]["type"] == "RollingUpdate":
            found = proportional(self.deployment, active)
            for one in active:
                self._resize(one, found[name(one)], note=True)

    def _is_saturated(self) -> bool:
        newest = self.newest
        if newest is None or size(newest) != self.wanted:
            return False
        noted = sizes(self.deployment).items() <= meta.annotations_of(newest).items()
        return noted and count([newest], "availableReplicas") == self.wanted

    def _recreate(self, *, old_pods: bool) -> bool:
        """End all pods of other templates, then begin those of the newest; return whether only that is left."""
        if [True for one in self.others if self._resize(one, 0)]:
            return False
        if count(self.others, "replicas") or old_pods:
            return False
        if self.newest is None:
            self._create(self.wanted)
        assert self.newest is not None, "made above"
        self._resize(self.newest, self.wanted)
        return True

    def _roll(self) -> bool:
        """Begin pods of the newest template and end others within the bounds; return whether there was nothing to do."""
        if self.newest is None:
            self._create(self._size_of_newest(0))
        assert self.newest is not None, "made above"
        own = size(self.newest)
        if own != self.wanted:
            target = self.wanted if own > self.wanted else self._size_of_newest(own)
            if self._resize(self.newest, target):
                return False
        return not self._shrink_others()

    def _size_of_newest(self, own: int) -> int:
        there = sum(size(one) for one in self.others) + own
        return own + max(0, min(self.wanted + self.bounds.surge - there, self.wanted - own))

    def _shrink_others(self) -> bool:
        """Take pods from other replica sets, those first that are not available; return whether any was taken."""
        assert self.newest is not None, "called when there is one"
        others = [one for one in self.others if size(one)]
        least = self.wanted - self.bounds.unavailable
        coming = size(self.newest) - count([self.newest], "availableReplicas")
        most = sum(map(size, others)) + size(self.newest) - least - coming
        if not others or most <= 0:
            return False
        after: dict[str, int] = {}
        for one in others:
            idle = min(most, max(0, size(one) - count([one], "availableReplicas")))
            after[name(one)], most = size(one) - idle, most - idle
        spare = count([*others, self.newest], "availableReplicas") - least
        for one in others:
            taken = max(0, min(after[name(one)], spare))
            after[name(one)], spare = after[name(one)] - taken, spare - taken
        return bool([True for one in others if self._resize(one, after[name(one)])])

    def _finish(self, *, rollout: bool) -> DeploymentPlan:
        """Add the status that follows."""
        status = told.counts(self.deployment, self.newest, self.everyone)
        told.judge_availability(self.deployment, status, self.conditions, self.now)
        if rollout:
            told.judge_progress(self.deployment, self.newest, status, self.conditions, self.now)
            told.pass_on_failures(self.newest, self.others, self.conditions)
        status["conditions"] = self.conditions
        self.result.status = status
        self.result.again = told.look_again(self.deployment, status, self.now)
        return self.result


def creation_failed(deployment: Object, message: str, now: float) -> Object:
    """Return a deployment's status after its replica set could not be made."""
    status: Object = copy(deployment.get("status") or {})
    if told.has_deadline(deployment):
        conditions = status.setdefault("conditions", [])
        told.put(conditions, told.PROGRESSING, "False", "ReplicaSetCreateError", message, now)
    return status


def is_same_template(deployment: Object, replica_set: Object) -> bool:
    """Tell whether a replica set is of the deployment's template."""
    return split(deployment, [replica_set])[0] is not None
