"""Claims and volumes: which volume a claim may have, and where a volume can be reached. Pure.

Both the binder and the scheduler decide by these rules. Source: Kubernetes' "Persistent Volumes" and "Storage Classes".
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from seaway.objects import meta
from seaway.objects.nodeselection import matches_any
from seaway.objects.quantity import whole
from seaway.objects.selectors import LabelSelector

Object = Mapping[str, Any]
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""Annotation of a claim: the node for which the scheduler wants its volume made."""
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
"""Annotation of a claim: who is to make its volume."""
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
"""Annotation of a volume: who made it."""
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
USED_BYTES, USED_FILES = "seaway.dev/used-bytes", "seaway.dev/used-files"
"""Annotations of a claim: what the files of its volume take, and how many they are, where the cluster measures that."""
NO_PROVISIONER = "kubernetes.io/no-provisioner"
ZONES = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")


def class_of(obj: Object) -> str:
    """Return the storage class of a claim or a volume, "" for none."""
    beta = meta.annotations_of(obj).get(_BETA_CLASS)
    return beta if beta is not None else str((obj.get("spec") or {}).get("storageClassName") or "")


def is_delayed(storage_class: Object | None) -> bool:
    """Tell whether a class binds claims only when a pod needs them."""
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def default_class(classes: Iterable[Object]) -> Object | None:
    """Return the class of claims that name none: the newest that is marked so, the first by name among equals."""
    marked = [one for one in classes if meta.annotations_of(one).get(DEFAULT_CLASS) == "true"]
    marked.sort(key=meta.name)
    return max(marked, key=lambda one: one["metadata"].get("creationTimestamp") or "", default=None)


def requested(claim: Object) -> int:
    """Return the bytes that a claim asks for."""
    return _storage(((claim.get("spec") or {}).get("resources") or {}).get("requests"))


def capacity(obj: Object) -> int:
    """Return the bytes that a volume has."""
    return _storage((obj.get("spec") or {}).get("capacity"))


def _storage(amounts: Any) -> int:
    return whole((amounts or {}).get("storage") or "0")


def refers_to(volume: Object, claim: Object) -> bool:
    """Tell whether a volume is bound to a claim, or meant for it."""
    reference = (volume.get("spec") or {}).get("claimRef")
    if not reference:
        return False
    if (reference.get("name"), reference.get("namespace")) != (meta.name(claim), meta.namespace(claim)):
        return False
    return not reference.get("uid") or reference["uid"] == meta.uid(claim)


def is_bound(claim: Object) -> bool:
    """Tell whether the binding of a claim is complete."""
    return bool((claim.get("spec") or {}).get("volumeName")) and BIND_COMPLETED in meta.annotations_of(claim)


def mismatch(claim: Object, volume: Object) -> str:
    """Return why a claim cannot have the volume that it names, "" where it can; worded as Kubernetes words it."""
    spec, wanted = volume.get("spec") or {}, claim.get("spec") or {}
    if meta.deletion_timestamp(volume) is not None:
        return f'the volume is marked for deletion "{meta.name(volume)}"'
    if capacity(volume) < requested(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if (spec.get("volumeAttributesClassName") or "") != (wanted.get("volumeAttributesClassName") or ""):
        return "volumeAttributesClassName does not match"
    if not same_mode(claim, volume):
        return "incompatible volumeMode"
    return "" if offers_modes(claim, volume) else "incompatible accessMode"


def same_mode(claim: Object, volume: Object) -> bool:
    """Tell whether both are file systems or both are blocks."""
    modes = [(obj.get("spec") or {}).get("volumeMode") or "Filesystem" for obj in (claim, volume)]
    return bool(modes[0] == modes[1])


def offers_modes(claim: Object, volume: Object) -> bool:
    """Tell whether the volume has every access mode that the claim asks for."""
    wanted, offered = ((obj.get("spec") or {}).get("accessModes") or () for obj in (claim, volume))
    return set(wanted) <= set(offered)


def best_volume(
    claim: Object,
    volumes: Iterable[Object],
    *,
    node: Mapping[str, str] | None = None,
    taken: Collection[str] = (),
    delayed: bool = False,
) -> Object | None:
    """Return the volume for an unbound claim: the one meant for it, else the smallest that will do; None for none.

    Args:
        claim: an unbound claim.
        volumes: all volumes.
        node: labels of the node that must reach it, None for any.
        taken: names of volumes that other claims of the pod get.
        delayed: only look for one that is meant for the claim.
    """
    selector = LabelSelector.from_object((claim.get("spec") or {}).get("selector") or {})
    found: list[tuple[int, int, str, Object]] = []
    for volume in volumes:
        reference = (volume.get("spec") or {}).get("claimRef")
        if meta.name(volume) in taken or (reference and not refers_to(volume, claim)):
            continue
        if capacity(volume) < requested(claim) or not same_mode(claim, volume):
            continue
        if meta.deletion_timestamp(volume) is not None or (node is None and not offers_modes(claim, volume)):
            continue
        reached = node is None or reaches(volume, node)
        if reference:
            return volume if reached else None
        if delayed or not reached or not _is_free(volume, claim, selector):
            continue
        modes = len((volume.get("spec") or {}).get("accessModes") or ())
        order = modes if node is None else 0
        found.append((order, capacity(volume), meta.name(volume), volume))
    return min(found, key=lambda one: one[:3])[3] if found else None


def _is_free(volume: Object, claim: Object, selector: LabelSelector) -> bool:
    return (
        (volume.get("status") or {}).get("phase") == "Available"
        and selector.matches(meta.labels(volume))
        and class_of(volume) == class_of(claim)
        and offers_modes(claim, volume)
    )


def reaches(volume: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether a node with these labels can mount the volume."""
    required = (((volume.get("spec") or {}).get("nodeAffinity") or {}).get("required")) or None
    return required is None or matches_any(required.get("nodeSelectorTerms") or (), labels)


def in_zone(volume: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether a volume that is labelled with zones is in a node's; several are joined by "__"."""
    return all(
        key not in meta.labels(volume)
        or key not in labels
        or labels[key] in meta.labels(volume)[key].split("__")
        for key in ZONES
    )


def claim_name(pod_name: str, volume: Object) -> str | None:
    """Return the claim that a pod's volume stands for, None where it is something else.

    Args:
        pod_name: a generic ephemeral volume's claim is named after the pod.
        volume: of the pod's spec.
    """
    if "persistentVolumeClaim" in volume:
        return str(volume["persistentVolumeClaim"]["claimName"])
    return f"{pod_name}-{volume['name']}" if "ephemeral" in volume else None


def claims_of(pod: Object) -> tuple[str, ...]:
    """Return the names of the claims that a pod uses."""
    name = meta.name(pod)
    found = (claim_name(name, volume) for volume in (pod.get("spec") or {}).get("volumes") or ())
    return tuple(one for one in found if one is not None)
