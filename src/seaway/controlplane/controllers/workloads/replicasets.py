"""The replica sets of a deployment as values: which is the newest, how large each should be, what annotations say. Pure.

Source: apps/v1 Deployment; Kubernetes' "Deployments".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from seaway.controlplane.controllers.workloads.availability import amount
from seaway.controlplane.controllers.workloads.children import template_hash
from seaway.objects import meta
from seaway.objects.meta import (
    copy,
    deletion_timestamp,
    name,
    namespace,
    owner_reference,
)

Object = dict[str, Any]
HASH = "pod-template-hash"
_PREFIX = "deployment.kubernetes.io/"
REVISION, HISTORY = f"{_PREFIX}revision", f"{_PREFIX}revision-history"
DESIRED, MAX = f"{_PREFIX}desired-replicas", f"{_PREFIX}max-replicas"
_NOT_COPIED = frozenset({
    REVISION, HISTORY, DESIRED, MAX, "kubectl.kubernetes.io/last-applied-configuration", "deprecated.deployment.rollback.to",
})  # fmt: skip
_LONGEST_HISTORY = 2000
"""Characters."""
_LONGEST_NAME = 253


class Bounds(NamedTuple):
    """How far the number of pods may go above and below what is wanted."""

    surge: int
    unavailable: int


def bounds(deployment: Object) -> Bounds:
    """Return the bounds of a deployment's update; where both would be 0, one pod may be away."""
    wanted, strategy = deployment["spec"]["replicas"], deployment["spec"].get("strategy") or {}
    if strategy.get("type") != "RollingUpdate":
        return Bounds(0, 0)
    rolling = strategy.get("rollingUpdate") or {}
    surge = amount(rolling.get("maxSurge"), wanted, up=True)
    unavailable = amount(rolling.get("maxUnavailable"), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Bounds(surge, min(unavailable, wanted))


def size(replica_set: Object) -> int:
    """Return how many pods a replica set is to have."""
    return int(replica_set["spec"].get("replicas", 1))


def count(replica_sets: Iterable[Object], field: str) -> int:
    """Return the sum of a number of their statuses."""
    return sum((one.get("status") or {}).get(field) or 0 for one in replica_sets)


def revision(obj: Object) -> int:
    """Return an object's revision by its annotation, 0 where it has none."""
    text = meta.annotations_of(obj).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def oldest_first(replica_set: Object) -> tuple[str, str]:
    """Sort by age, then name."""
    return replica_set["metadata"].get("creationTimestamp") or "", name(replica_set)


def split(deployment: Object, replica_sets: Sequence[Object]) -> tuple[Object | None, list[Object]]:
    """Return the replica set of the deployment's template, None where there is none yet, and the others, oldest first."""
    ordered, template = sorted(replica_sets, key=oldest_first), _plain(deployment["spec"]["template"])
    newest = next((one for one in ordered if _plain(one["spec"]["template"]) == template), None)
    return newest, [one for one in ordered if one is not newest]


def _plain(template: Object) -> Object:
    """Return a template without what a deployment adds to it and what the server may leave out."""
    metadata = {
        field: value
        for field, value in (template.get("metadata") or {}).items()
        if field != "creationTimestamp"
    }
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**template, "metadata": metadata}


def new_replica_set(deployment: Object, others: Sequence[Object], replicas: int) -> Object:
    """Return the replica set of a deployment's template, to be created. Its name follows from the template.

    Args:
        deployment: as stored.
        others: its other replica sets.
        replicas: how many pods it begins with.
    """
    template = copy(deployment["spec"]["template"])
    short = template_hash(template, (deployment.get("status") or {}).get("collisionCount"))
    metadata = template["metadata"] = template.get("metadata") or {}
    metadata["labels"] = {**(metadata.get("labels") or {}), HASH: short}
    selector = copy(deployment["spec"]["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH: short}
    spec: Object = {"replicas": replicas, "selector": selector, "template": template}
    if min_ready := deployment["spec"].get("minReadySeconds"):
        spec["minReadySeconds"] = min_ready
    made: Object = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name(deployment)[: _LONGEST_NAME - len(short) - 1]}-{short}",
            "namespace": namespace(deployment),
            "labels": dict(metadata["labels"]),
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": spec,
    }
    made["metadata"]["annotations"] = new_annotations(deployment, made, others) | sizes(deployment)
    return made


def new_annotations(deployment: Object, newest: Object, others: Sequence[Object]) -> dict[str, str]:
    """Return the annotations that the newest replica set should have: the deployment's, and its revision's."""
    known = meta.annotations_of(newest)
    wanted = {**known, **{k: v for k, v in meta.annotations_of(deployment).items() if k not in _NOT_COPIED}}
    number, before = max(map(revision, others), default=0) + 1, known.get(REVISION, "")
    if before and not before.isdigit():
        return wanted
    if int(before or 0) < number:
        wanted[REVISION] = str(number)
        if before:
            wanted[HISTORY] = _longer(known.get(HISTORY, ""), before)
    return wanted


def _longer(history: str, entry: str) -> str:
    """Return a history with one more entry; the oldest are left out where it gets too long."""
    entries = [*filter(None, history.split(",")), entry]
    while len(",".join(entries)) > _LONGEST_HISTORY:
        entries.pop(0)
    return ",".join(entries)


def sizes(deployment: Object) -> dict[str, str]:
    """Return the annotations by which a later change of the deployment's size is noticed."""
    wanted = deployment["spec"]["replicas"]
    return {DESIRED: str(wanted), MAX: str(wanted + bounds(deployment).surge)}


def is_scaled(deployment: Object, replica_sets: Iterable[Object]) -> bool:
    """Tell whether the deployment's size has changed since its replica sets got theirs."""
    desired = (meta.annotations_of(one).get(DESIRED, "") for one in replica_sets if size(one))
    return any(text.isdigit() and int(text) != deployment["spec"]["replicas"] for text in desired)


def proportional(deployment: Object, active: Sequence[Object]) -> dict[str, int]:
    """Return the sizes, by name, of a deployment's replica sets after its size changed in the midst of an update."""
    wanted, surge = deployment["spec"]["replicas"], bounds(deployment).surge
    to_add = (wanted + surge if wanted else 0) - sum(map(size, active))
    ordered = sorted(active, key=oldest_first, reverse=to_add > 0)
    ordered.sort(key=size, reverse=True)
    found, added = {}, 0
    for one in ordered:
        share = _share(deployment, one, to_add - added, grows=to_add > 0) if to_add != added else 0
        found[name(one)] = size(one) + share
        added += share
    if ordered and to_add:
        largest = name(ordered[0])
        found[largest] = max(0, found[largest] + to_add - added)
    return found


def _share(deployment: Object, replica_set: Object, left: int, *, grows: bool) -> int:
    share = _fraction(deployment, replica_set)
    return min(share, left) if grows else max(share, left)


def _fraction(deployment: Object, replica_set: Object) -> int:
    wanted, own = deployment["spec"]["replicas"], size(replica_set)
    if not wanted:
        return -own
    text = meta.annotations_of(replica_set).get(MAX, "")
    before = int(text) if text.isdigit() else 0
    before = before or (deployment.get("status") or {}).get("replicas") or 0
    if not before:
        return 0
    exact: float = own * (wanted + bounds(deployment).surge) / before
    return math.floor(exact + 0.5) - own


def outdated(deployment: Object, others: Sequence[Object]) -> list[Object]:
    """Return the replica sets that are kept for nothing: more of them than the history's limit, and without pods."""
    limit = deployment["spec"].get("revisionHistoryLimit")
    there = [one for one in others if deletion_timestamp(one) is None]
    if limit is None or limit == 2**31 - 1 or len(there) <= limit:
        return []
    there.sort(key=lambda one: (revision(one), oldest_first(one)))
    return [one for one in there[: len(there) - limit] if _is_empty(one)]


def _is_empty(replica_set: Object) -> bool:
    status, generation = replica_set.get("status") or {}, replica_set["metadata"].get("generation") or 0
    return (
        not size(replica_set)
        and not status.get("replicas")
        and (status.get("observedGeneration") or 0) >= generation
    )
