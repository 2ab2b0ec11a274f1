"""The claims of a pod: whether they are ready for it, which nodes reach them, and what to write for a chosen node. Pure.

Source: kube-scheduler's VolumeRestrictions, VolumeBinding and VolumeZone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seaway.controlplane.scheduler import messages
from seaway.controlplane.scheduler.nodeinfo import NodeInfo
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.objects import meta, volumes
from seaway.objects.nodeselection import matches_any

Object = dict[str, Any]
ONE_POD = "ReadWriteOncePod"


@dataclass(slots=True)
class Storage:
    """Claims, volumes and classes as last seen, and who uses what."""

    claims: dict[str, Object] = field(default_factory=dict)
    """By "namespace/name"."""
    volumes: dict[str, Object] = field(default_factory=dict)
    classes: dict[str, Object] = field(default_factory=dict)
    users: Counter[str] = field(default_factory=Counter)
    """How many pods on nodes use a claim."""
    promised: dict[str, str] = field(default_factory=dict)
    """Volumes that a claim is about to get, with its key: the API server may not have told yet."""


class Wanted(NamedTuple):
    """What a pod's unbound claims get on a node."""

    bound: tuple[tuple[Object, Object], ...] = ()
    """Claims and the volumes that are there for them."""
    made: tuple[Object, ...] = ()
    """Claims whose volumes have to be made for this node."""


def unready(pod: PodInfo, storage: Storage) -> str:
    """Return why no node would help a pod's claims, "" where nothing speaks against it."""
    made = {f"{pod.name}-{v['name']}" for v in pod.spec.get("volumes") or () if "ephemeral" in v}
    for name in pod.claims:
        claim = storage.claims.get(f"{pod.namespace}/{name}")
        if claim is None and name in made:
            return f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if (claim.get("status") or {}).get("phase") == "Lost":
            volume = claim["spec"].get("volumeName") or ""
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{volume}"'
        if meta.deletion_timestamp(claim) is not None:
            return f'persistentvolumeclaim "{name}" is being deleted'
    if any(not volumes.is_bound(claim) and not _delayed(claim, storage) for claim in _claims(pod, storage)):
        return messages.UNBOUND_CLAIMS
    bound = [claim["spec"]["volumeName"] for claim in _claims(pod, storage) if volumes.is_bound(claim)]
    return next((f'persistentvolume "{name}" not found' for name in bound if name not in storage.volumes), "")


def _claims(pod: PodInfo, storage: Storage) -> list[Object]:
    found = (storage.claims.get(f"{pod.namespace}/{name}") for name in pod.claims)
    return [claim for claim in found if claim is not None]


def _delayed(claim: Object, storage: Storage) -> bool:
    return not claim["spec"].get("volumeName") and volumes.is_delayed(
        storage.classes.get(volumes.class_of(claim))
    )


def reachable(pod: PodInfo, storage: Storage) -> Callable[[NodeInfo], tuple[str, ...]] | None:
    """Return the filter of nodes by a pod's claims, None where it has none."""
    if not pod.claims:
        return None
    claims = _claims(pod, storage)
    if any(_is_taken(claim, storage) for claim in claims):
        return lambda _: (messages.CLAIM_IN_USE,)
    bound = [claim["spec"]["volumeName"] for claim in claims if volumes.is_bound(claim)]
    found = [storage.volumes[name] for name in bound if name in storage.volumes]
    unbound = [claim for claim in claims if not volumes.is_bound(claim)]
    free = _free(unbound, storage)

    def reasons(node: NodeInfo) -> tuple[str, ...]:
        why = [] if not unbound or plan(unbound, free, node, storage) is not None else [messages.UNBINDABLE]
        if not all(volumes.reaches(volume, node.labels) for volume in found):
            why.append(messages.VOLUME_AFFINITY)
        if not why and not all(volumes.in_zone(volume, node.labels) for volume in found):
            why.append(messages.VOLUME_ZONE)
        return tuple(why)

    return reasons


def _is_taken(claim: Object, storage: Storage) -> bool:
    return ONE_POD in (claim["spec"].get("accessModes") or ()) and storage.users[meta.key(claim)] > 0


def wanted(pod: PodInfo, node: NodeInfo, storage: Storage) -> Wanted | None:
    """Return what to write for a pod's unbound claims on a node; None where that is not possible any more."""
    claims = [claim for claim in _claims(pod, storage) if not volumes.is_bound(claim)]
    return plan(claims, _free(claims, storage), node, storage) if claims else Wanted()


def _free(claims: Sequence[Object], storage: Storage) -> list[Object]:
    """Return the volumes that are nobody's, or meant for one of the claims: few, where most are bound."""
    return [
        volume
        for volume in (storage.volumes.values() if claims else ())
        if not volume["spec"].get("claimRef") or any(volumes.refers_to(volume, claim) for claim in claims)
    ]


def plan(claims: Sequence[Object], free: Sequence[Object], node: NodeInfo, storage: Storage) -> Wanted | None:
    """Return the volumes that unbound claims get on a node, None where one can have none.

    Args:
        claims: of one pod.
        free: the volumes in question.
        node: where the pod would be.
        storage: classes, and what is promised to others.
    """
    bound: list[tuple[Object, Object]] = []
    made: list[Object] = []
    taken: set[str] = set()
    for claim in sorted(claims, key=volumes.requested):
        selected = meta.annotations_of(claim).get(volumes.SELECTED_NODE)
        if selected and selected != node.name:
            return None
        others = {name for name, key in storage.promised.items() if key != meta.key(claim)}
        volume = volumes.best_volume(claim, free, node=node.labels, taken=taken | others)
        if volume is not None:
            taken.add(meta.name(volume))
            bound.append((claim, dict(volume)))
        elif _can_be_made(claim, node, storage):
            made.append(claim)
        else:
            return None
    return Wanted(tuple(bound), tuple(made))


def _can_be_made(claim: Object, node: NodeInfo, storage: Storage) -> bool:
    storage_class = storage.classes.get(volumes.class_of(claim))
    if storage_class is None or storage_class.get("provisioner") in (None, "", volumes.NO_PROVISIONER):
        return False
    topologies = storage_class.get("allowedTopologies")
    if not topologies:
        return True
    terms = [
        {
            "matchExpressions": [
                {"key": one["key"], "operator": "In", "values": one["values"]}
                for one in term.get("matchLabelExpressions") or ()
            ]
        }
        for term in topologies
    ]
    return matches_any(terms, node.labels)
