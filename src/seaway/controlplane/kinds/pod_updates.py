"""What may change of a pod once it exists: images, deadline, added tolerations, removed scheduling gates.

Source: `ValidatePodUpdate` of Kubernetes 1.36.
"""

from __future__ import annotations

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.objects.errors import Cause

_CONTAINERS = ("containers", "initContainers")
_CHANGEABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
    "previously negative)"
)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of a Pod."""
    faults = validate_metadata_update(new, old)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    for name in _CONTAINERS:
        if len(after.get(name) or ()) != len(before.get(name) or ()):
            return [*faults, forbidden(f"spec.{name}", "pod updates may not add or remove containers")]
    faults += _deadline_faults(after, before)
    if _removed(before.get("tolerations") or [], after.get("tolerations") or []):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        faults.append(forbidden("spec.tolerations", detail))
    if _removed(after.get("schedulingGates") or [], before.get("schedulingGates") or []):
        detail = "only deletion is allowed, but found new scheduling gates"
        faults.append(forbidden("spec.schedulingGates", detail))
    if _fixed(after, gated=bool(before.get("schedulingGates"))) != _fixed(
        before, gated=bool(before.get("schedulingGates"))
    ):
        changed = ", ".join(f"spec.{field}" for field in _changed(after, before))
        detail = f"pod updates may not change fields other than {_CHANGEABLE}; changed: {changed}"
        faults.append(forbidden("spec", detail))
    return faults


def _deadline_faults(after: Object, before: Object) -> list[Cause]:
    new, old = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    field = "spec.activeDeadlineSeconds"
    if new is None:
        return (
            []
            if old is None
            else [invalid(field, new, "must not update from a positive integer to nil value")]
        )
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
    free |= {"nodeSelector", "affinity"} if gated else set()
    grace = spec.get("terminationGracePeriodSeconds", 0)
    if grace < 0 or grace == 1:
        free.add("terminationGracePeriodSeconds")
    fixed = {key: value for key, value in spec.items() if key not in free}
    for name in _CONTAINERS:
        fixed[name] = [
            {k: v for k, v in container.items() if k != "image"} for container in spec.get(name) or ()
        ]
    return fixed


def _changed(after: Object, before: Object) -> list[str]:
    return sorted(field for field in after.keys() | before.keys() if after.get(field) != before.get(field))
