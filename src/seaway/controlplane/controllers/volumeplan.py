"""What becomes of a claim and of a volume: pure.

Source: kube-controller-manager's persistentvolume-binder, whose states, reasons and words these are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seaway.objects import meta, volumes

Object = dict[str, Any]
PENDING, LOST, BOUND = "Pending", "Lost", "Bound"
AVAILABLE, RELEASED, FAILED = "Available", "Released", "Failed"


class Told(NamedTuple):
    """An event."""

    type: str
    reason: str
    message: str


class ClaimPlan(NamedTuple):
    """What to do with a claim: one of bind, default, provision; else only its phase."""

    phase: str = PENDING
    bind: Object | None = None
    """The volume that it gets."""
    default: str = ""
    """The class that it gets, named none."""
    provisioner: str = ""
    """Who is to make its volume."""
    told: Told | None = None


def plan_claim(
    claim: Object,
    found: Mapping[str, Object],
    classes: Mapping[str, Object],
    waiting: Sequence[str],
) -> ClaimPlan:
    """Return what to do with a claim.

    Args:
        claim: the claim, not being deleted or so.
        found: volumes by name.
        classes: storage classes by name.
        waiting: names of the pods without a node that use it.
    """
    named = (claim.get("spec") or {}).get("volumeName") or ""
    if volumes.BIND_COMPLETED in meta.annotations_of(claim):
        return _bound(claim, named, found)
    if named:
        return _asked_for(claim, named, found)
    storage_class = classes.get(volumes.class_of(claim))
    delayed = volumes.is_delayed(storage_class)
    volume = volumes.best_volume(claim, found.values(), delayed=delayed)
    if volume is not None:
        return ClaimPlan(BOUND, bind=dict(volume))
    default = _default(claim, classes)
    if default:
        return ClaimPlan(default=default)
    if delayed and volumes.SELECTED_NODE not in meta.annotations_of(claim):
        return ClaimPlan(told=_delayed(waiting))
    return _provisioned(volumes.class_of(claim), storage_class)


def _default(claim: Object, classes: Mapping[str, Object]) -> str:
    spec = claim.get("spec") or {}
    if ("storageClassName" in spec and spec["storageClassName"] is not None) or volumes.class_of(claim):
        return ""
    marked = volumes.default_class(classes.values())
    return meta.name(marked) if marked is not None else ""


def _delayed(waiting: Sequence[str]) -> Told:
    if not waiting:
        message = "waiting for first consumer to be created before binding"
        return Told("Normal", "WaitForFirstConsumer", message)
    pods = f"pod {waiting[0]}" if len(waiting) == 1 else f"pods {','.join(waiting)}"
    return Told("Normal", "WaitForPodScheduled", f"waiting for {pods} to be scheduled")


def _provisioned(name: str, storage_class: Object | None) -> ClaimPlan:
    if not name:
        message = "no persistent volumes available for this claim and no storage class is set"
        return ClaimPlan(told=Told("Normal", "FailedBinding", message))
    if storage_class is None:
        message = f'storageclass.storage.k8s.io "{name}" not found'
        return ClaimPlan(told=Told("Warning", "ProvisioningFailed", message))
    provisioner = str(storage_class.get("provisioner") or "")
    if provisioner.startswith("kubernetes.io/"):
        message = f"no volume plugin matched name: {provisioner}"
        return ClaimPlan(told=Told("Warning", "ProvisioningFailed", message))
    message = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    told = Told("Normal", "ExternalProvisioning", message)
    return ClaimPlan(provisioner=provisioner, told=told)


def _asked_for(claim: Object, named: str, found: Mapping[str, Object]) -> ClaimPlan:
    """Return the plan of a claim that names its volume."""
    volume = found.get(named)
    if volume is None:
        return ClaimPlan()
    if volumes.refers_to(volume, claim):
        return ClaimPlan(BOUND, bind=volume)
    if volume["spec"].get("claimRef"):
        message = f'volume "{named}" already bound to a different claim.'
        return ClaimPlan(told=Told("Warning", "FailedBinding", message))
    if why := volumes.mismatch(claim, volume):
        message = f'Cannot bind to requested volume "{named}": {why}'
        return ClaimPlan(told=Told("Warning", "VolumeMismatch", message))
    return ClaimPlan(BOUND, bind=volume)


def _bound(claim: Object, named: str, found: Mapping[str, Object]) -> ClaimPlan:
    """Return the plan of a claim that has been bound."""
    if not named:
        message = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return ClaimPlan(LOST, told=Told("Warning", "ClaimLost", message))
    volume = found.get(named)
    if volume is None:
        message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        return ClaimPlan(LOST, told=Told("Warning", "ClaimLost", message))
    reference = volume["spec"].get("claimRef")
    if not reference or reference.get("uid") == meta.uid(claim):
        return ClaimPlan(BOUND, bind=volume)
    message = "Two claims are bound to the same volume, this one is bound incorrectly"
    return ClaimPlan(LOST, told=Told("Warning", "ClaimMisbound", message))


class VolumePlan(NamedTuple):
    """What to do with a volume."""

    phase: str
    unbind: bool = False
    """Whether it is free again."""
    claim_first: bool = False
    """Whether its claim has to be worked on instead."""
    told: Told | None = None
    told_claim: Told | None = None


def plan_volume(volume: Object, claim: Object | None) -> VolumePlan:
    """Return what to do with a volume.

    Args:
        volume: the volume.
        claim: the one that it refers to by name, None where there is none.
    """
    reference = volume["spec"].get("claimRef")
    phase = (volume.get("status") or {}).get("phase") or PENDING
    if not reference or not reference.get("uid"):
        return VolumePlan(AVAILABLE)
    if claim is None or meta.uid(claim) != reference["uid"]:
        return VolumePlan(phase if phase in (RELEASED, FAILED) else RELEASED)
    named = (claim.get("spec") or {}).get("volumeName") or ""
    if not named:
        if not volumes.same_mode(claim, volume):
            return _other_mode(volume, claim, phase)
        return VolumePlan(phase, claim_first=True)
    if named == meta.name(volume):
        return VolumePlan(BOUND)
    annotations = meta.annotations_of(volume)
    if (
        volumes.PROVISIONED_BY in annotations
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    ):
        return VolumePlan(phase if phase in (RELEASED, FAILED) else RELEASED)
    return VolumePlan(AVAILABLE, unbind=True)


def _other_mode(volume: Object, claim: Object, phase: str) -> VolumePlan:
    end = "due to incompatible volumeMode."
    told = f'Cannot bind PersistentVolume to requested PersistentVolumeClaim "{meta.name(claim)}" {end}'
    of_claim = f'Cannot bind PersistentVolume "{meta.name(volume)}" to requested PersistentVolumeClaim {end}'
    warning = ("Warning", "VolumeMismatch")
    return VolumePlan(phase, told=Told(*warning, told), told_claim=Told(*warning, of_claim))


def claimed(volume: Object, claim: Object) -> Object | None:
    """Return the volume bound to the claim, None where it is already."""
    spec, annotations = volume["spec"], meta.annotations_of(volume)
    reference = spec.get("claimRef") or {}
    if reference.get("uid") == meta.uid(claim):
        return None
    wanted = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "name": meta.name(claim),
        "namespace": meta.namespace(claim),
        "uid": meta.uid(claim),
        "resourceVersion": claim["metadata"].get("resourceVersion"),
    }
    if not volumes.refers_to(volume, claim):
        annotations = annotations | {volumes.BOUND_BY_CONTROLLER: "yes"}
    metadata = volume["metadata"] | {"annotations": annotations}
    return volume | {"metadata": metadata, "spec": spec | {"claimRef": wanted}}


def completed(claim: Object, volume: Object) -> Object | None:
    """Return the claim that says which volume it has, None where it does already."""
    spec, annotations = claim["spec"], dict(meta.annotations_of(claim))
    if spec.get("volumeName") != meta.name(volume):
        annotations[volumes.BOUND_BY_CONTROLLER] = "yes"
    annotations[volumes.BIND_COMPLETED] = "yes"
    if spec.get("volumeName") == meta.name(volume) and annotations == meta.annotations_of(claim):
        return None
    metadata = claim["metadata"] | {"annotations": annotations}
    return claim | {"metadata": metadata, "spec": spec | {"volumeName": meta.name(volume)}}


def claim_status(claim: Object, phase: str, volume: Object | None) -> Object | None:
    """Return the claim's status for a phase, None where it says so already."""
    status = claim.get("status") or {}
    wanted = {**status, "phase": phase}
    if volume is None:
        wanted.pop("accessModes", None)
        wanted.pop("capacity", None)
    else:
        wanted["accessModes"] = volume["spec"].get("accessModes") or []
        if status.get("phase") != BOUND or not status.get("capacity"):
            wanted["capacity"] = volume["spec"].get("capacity") or {}
    return None if wanted == status else wanted


def freed(volume: Object) -> Object:
    """Return the volume without its claim; what a user wrote of it stays."""
    annotations = dict(meta.annotations_of(volume))
    spec = dict(volume["spec"])
    if annotations.pop(volumes.BOUND_BY_CONTROLLER, None) is not None:
        spec.pop("claimRef", None)
    else:
        spec["claimRef"] = {k: v for k, v in spec["claimRef"].items() if k != "uid"}
    return volume | {"metadata": volume["metadata"] | {"annotations": annotations}, "spec": spec}
