"""What may change of a pod once it exists: images, deadline, added tolerations, removed scheduling gates.

Source: `ValidatePodUpdate` of Kubernetes 1.36.
"""

from __future__ import annotations

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.controlplane.kinds.pod_containers import trimmed_image_faults
from seaway.controlplane.kinds.pod_placement import toleration_faults
from seaway.controlplane.kinds.pod_validation import pod_faults
from seaway.objects.errors import Cause

_CONTAINERS = ("containers", "initContainers")
_CHANGEABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of a Pod."""
    faults = validate_metadata_update(new, old) + pod_faults(new)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for name in _CONTAINERS:
        if len(after.get(name) or ()) != len(before.get(name) or ()):
            return [*faults, forbidden(f"spec.{name}", "pod updates may not add or remove containers")]
        for index, container in enumerate(after.get(name) or ()):
            at = f"spec.{name}[{index}]"
            faults += [] if container.get("image") else [required(f"{at}.image")]
            faults += trimmed_image_faults(container, at)
    if wrong := _deadline_faults(after, before):
        faults += wrong
        if after.get("activeDeadlineSeconds") is not None:
            return faults
    if _removed(before.get("tolerations") or [], after.get("tolerations") or []):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        faults.append(forbidden("spec.tolerations", detail))
    else:
        faults += toleration_faults(after.get("tolerations") or (), "spec.tolerations")
    faults += _gate_faults(after, before)
    if _fixed(after, gated=bool(before.get("schedulingGates"))) != _fixed(
        before, gated=bool(before.get("schedulingGates"))
    ):
        changed = ", ".join(f"spec.{field}" for field in _changed(after, before))
        detail = f"pod updates may not change fields other than {_CHANGEABLE}; changed: {changed}"
        faults.append(forbidden("spec", detail))
    return faults


def _gate_faults(after: Object, before: Object) -> list[Cause]:
    there = {gate.get("name") or "" for gate in before.get("schedulingGates") or ()}
    added = {gate.get("name") or "": index for index, gate in enumerate(after.get("schedulingGates") or ())}
    return [
        forbidden(
            f"spec.schedulingGates[{index}].name",
            f"only deletion is allowed, but found new scheduling gate '{name}'",
        )
        for name, index in added.items()
        if name not in there
    ]


def _deadline_faults(after: Object, before: Object) -> list[Cause]:
    new, old = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    field = "spec.activeDeadlineSeconds"
    if new is None and old is None:
        return []
    if new is None:
        return [invalid(field, new, "must not update from a positive integer to nil value")]
    if not 0 <= new < 2**31:
        return [invalid(field, new, f"must be between 0 and {2**31 - 1}, inclusive")]
    if old is not None and new > old:
        return [invalid(field, new, "must be less than or equal to previous value")]
    return []


def _removed(first: list[Object], second: list[Object]) -> bool:
    """Return whether an entry of the first list is missing in the second, tolerationSeconds aside."""
    kept = [_without_seconds(entry) for entry in second]
    return any(_without_seconds(entry) not in kept for entry in first)


def _without_seconds(entry: Object) -> Object:
    return {key: value for key, value in entry.items() if key != "tolerationSeconds"}


def _fixed(spec: Object, *, gated: bool) -> Object:
    """Return the spec without all that may change."""
    free = {"activeDeadlineSeconds", "tolerations", "schedulingGates", *_CONTAINERS}
    free |= {"nodeSelector"} if gated else set()
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if grace < 0 or grace == 1:
        free.add("terminationGracePeriodSeconds")
    fixed = {key: value for key, value in spec.items() if key not in free}
    if gated:
        affinity = {
            key: value for key, value in (spec.get("affinity") or {}).items() if key != "nodeAffinity"
        }
        fixed = {key: value for key, value in fixed.items() if key != "affinity"} | {"affinity": affinity}
    for name in _CONTAINERS:
        fixed[name] = [
            {k: v for k, v in container.items() if k != "image"} for container in spec.get(name) or ()
        ]
    return fixed


def _changed(after: Object, before: Object) -> list[str]:
    return sorted(field for field in after.keys() | before.keys() if after.get(field) != before.get(field))
