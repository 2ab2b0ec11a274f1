"""The pods and claims of a stateful set: names that stay, volumes that follow. Pure.

Source: apps/v1 StatefulSet; Kubernetes' "Stateful Sets"; KEP-1847 (what becomes of claims).
"""

from __future__ import annotations

import re
from typing import Any

from seaway.controlplane.controllers.workloads.children import pod_of_template
from seaway.controlplane.controllers.workloads.history import REVISION_HASH
from seaway.objects.meta import (
    controller_of,
    copy,
    labels,
    name,
    namespace,
    owner_reference,
    owner_references,
    uid,
)

Object = dict[str, Any]
POD_NAME, POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"
_NAMED = re.compile(r"(.*)-([0-9]+)\Z")


def start(stateful_set: Object) -> int:
    """Return the number of the first pod."""
    return int((stateful_set["spec"].get("ordinals") or {}).get("start") or 0)


def ordinals(stateful_set: Object) -> range:
    """Return the numbers of the pods that are wanted."""
    first = start(stateful_set)
    return range(first, first + stateful_set["spec"]["replicas"])


def ordinal_of(stateful_set: Object, pod: Object) -> int:
    """Return a pod's number, -1 where it has none: it is of no such name."""
    found = _NAMED.match(name(pod))
    return int(found[2]) if found and found[1] == name(stateful_set) else -1


def pod_name(stateful_set: Object, ordinal: int) -> str:
    """Return the name of the pod with a number."""
    return f"{name(stateful_set)}-{ordinal}"


def identity(stateful_set: Object, ordinal: int) -> dict[str, str]:
    """Return the labels by which a pod is known."""
    return {POD_NAME: pod_name(stateful_set, ordinal), POD_INDEX: str(ordinal)}


def new_pod(stateful_set: Object, template: Object, revision: str, ordinal: int) -> Object:
    """Return a pod, to be created.

    Args:
        stateful_set: as stored.
        template: of the revision.
        revision: its name.
        ordinal: the pod's number.
    """
    made = pod_of_template(stateful_set, template, pod_name=pod_name(stateful_set, ordinal))
    own = identity(stateful_set, ordinal) | {REVISION_HASH: revision}
    made["metadata"]["labels"] = {**labels(made), **own}
    spec = made["spec"]
    spec["hostname"] = name(made)
    if service := stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = service
    if claimed := claim_names(stateful_set, ordinal):
        volumes = [
            {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
            for volume, claim in claimed.items()
        ]
        others = [volume for volume in spec.get("volumes") or () if volume["name"] not in claimed]
        spec["volumes"] = [*volumes, *others]
    return made


def claim_names(stateful_set: Object, ordinal: int) -> dict[str, str]:
    """Return the names of the claims of the pod with a number, by the names of its volumes."""
    templates = stateful_set["spec"].get("volumeClaimTemplates") or ()
    return {name(template): f"{name(template)}-{pod_name(stateful_set, ordinal)}" for template in templates}


def new_claim(stateful_set: Object, volume: str, ordinal: int) -> Object:
    """Return the claim of a volume of the pod with a number, to be created."""
    template = next(t for t in stateful_set["spec"]["volumeClaimTemplates"] if name(t) == volume)
    metadata = {
        field: copy(value)
        for field, value in template["metadata"].items()
        if field in ("labels", "annotations")
    }
    selected = (stateful_set["spec"]["selector"] or {}).get("matchLabels") or {}
    metadata |= {
        "name": claim_names(stateful_set, ordinal)[volume],
        "namespace": namespace(stateful_set),
        "labels": {**(metadata.get("labels") or {}), **selected},
    }
    made: Object = {
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": copy(template["spec"]),
    }  # fmt: skip
    if owners := claim_owners(stateful_set, made, None, ordinal):
        metadata["ownerReferences"] = owners
    return made


def claim_owners(stateful_set: Object, claim: Object, pod: Object | None, ordinal: int) -> list[Object]:
    """Return the owner references that a claim should have by the policy of its set.

    Args:
        stateful_set: as stored.
        claim: of the pod with the number.
        pod: that pod where it is there: a claim that is to go with it is owned by it.
        ordinal: the number.
    """
    mine = {uid(stateful_set), *([uid(pod)] if pod else [])}
    others = [reference for reference in owner_references(claim) if reference["uid"] not in mine]
    controller = controller_of(claim)
    if controller is not None and controller["uid"] not in mine:
        return others
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    wanted = ordinal in ordinals(stateful_set)
    if not wanted and policy.get("whenScaled") == "Delete":
        return [*others, owner_reference(pod)] if pod else others
    return [*others, owner_reference(stateful_set)] if policy.get("whenDeleted") == "Delete" else others


def is_stale(stateful_set: Object, claim: Object, ordinal: int) -> bool:
    """Tell whether a claim still goes with a pod of this name that is gone: it must be gone before the next pod comes."""
    policy = stateful_set["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    own = pod_name(stateful_set, ordinal)
    owned = any(r["kind"] == "Pod" and r["name"] == own for r in owner_references(claim))
    return policy.get("whenScaled") == "Delete" and owned
