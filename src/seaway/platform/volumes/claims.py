"""A volume as a persistent volume claim, and a claim as a volume: both directions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seaway.model.volume import VolumeSpec, VolumeView
from seaway.objects.volumes import USED_BYTES, USED_FILES, claims_of, class_of
from seaway.platform.diagnosis.rules.claims import why_no_volume
from seaway.platform.workloads import labels

Object = Mapping[str, Any]
SELECTOR = labels.VOLUME
_STATES = {"Bound": "ready", "Pending": "waiting", "Lost": "lost"}
_WAITS = {
    "WaitForFirstConsumer": "its storage is made where the first run that uses it is placed",
    "WaitForPodScheduled": "its storage is made where the first run that uses it is placed",
    "ExternalProvisioning": "the cluster is making its storage",
}
"""What events say that are no trouble."""


def manifest(spec: VolumeSpec, namespace: str, owner: str) -> dict[str, Any]:
    """Return the claim of a new volume.

    Args:
        spec: what was asked for.
        namespace: of the workspace.
        owner: who may remove it, beside administrators and the workspace's owner.
    """
    chosen = {"storageClassName": spec.storage_class} if spec.storage_class is not None else {}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": spec.name,
            "namespace": namespace,
            "labels": {labels.MANAGED_BY: "seaway", labels.VOLUME: "true"},
            "annotations": {labels.OWNER: owner},
        },
        "spec": {
            "accessModes": ["ReadWriteMany" if spec.shared else "ReadWriteOnce"],
            "resources": {"requests": {"storage": spec.size}},
            **chosen,
        },
    }


def is_volume(claim: Object) -> bool:
    """Tell whether runs may mount a claim: others in the namespace may be anybody's, the server's own too."""
    return (claim["metadata"].get("labels") or {}).get(labels.VOLUME) == "true"


def owner_of(claim: Object) -> str:
    """Return who made a volume, "" where that was not by Seaway."""
    return str((claim["metadata"].get("annotations") or {}).get(labels.OWNER, ""))


def view_of(
    claim: Object, events: Sequence[Object], runs: Iterable[str], pods: Iterable[Object]
) -> VolumeView:
    """Return a volume as it is shown.

    Args:
        claim: what it is in the cluster.
        events: about claims of its namespace.
        runs: those that use it.
        pods: of its namespace, that are no run's.
    """
    metadata, spec, status = claim["metadata"], claim.get("spec") or {}, claim.get("status") or {}
    notes = metadata.get("annotations") or {}
    asked = (spec.get("resources") or {}).get("requests") or {}
    size = (status.get("capacity") or asked).get("storage", "")
    removing = metadata.get("deletionTimestamp") is not None
    return VolumeView(
        name=metadata["name"],
        workspace=metadata.get("namespace", ""),
        size=str(size),
        storage_class=class_of(claim),
        access=tuple(spec.get("accessModes") or ()),
        state="removing" if removing else _STATES.get(status.get("phase", "Pending"), "waiting"),
        message=_message(claim, events, removing=removing),
        owner=owner_of(claim),
        created=metadata.get("creationTimestamp"),
        used_bytes=_number(notes.get(USED_BYTES)),
        used_files=_number(notes.get(USED_FILES)),
        runs=tuple(sorted(runs)),
        pods=users_of(metadata["name"], pods),
    )


def users_of(name: str, pods: Iterable[Object]) -> tuple[str, ...]:
    """Return which of some pods use a claim and have not ended."""
    return tuple(
        sorted(
            pod["metadata"]["name"]
            for pod in pods
            if name in claims_of(pod)
            and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
        )
    )


def _message(claim: Object, events: Sequence[Object], *, removing: bool) -> str:
    if removing:
        return "it goes when the last pod that uses it is gone"
    phase = (claim.get("status") or {}).get("phase", "Pending")
    if phase == "Lost":
        return "the storage that it had is gone"
    if phase != "Pending":
        return ""
    own = [
        event
        for event in events
        if (event.get("involvedObject") or {}).get("uid") == claim["metadata"].get("uid")
    ]
    why = why_no_volume(own)
    if why is not None:
        return str(why.get("message", ""))
    return next((_WAITS[event["reason"]] for event in reversed(own) if event.get("reason") in _WAITS), "")


def _number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.isdecimal() else None
