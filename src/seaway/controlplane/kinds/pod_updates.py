"""What may change of a pod once it exists: images, deadline, added tolerations, removed scheduling gates.

Source: `ValidatePodUpdate` of Kubernetes 1.36.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.controlplane.kinds.pod_containers import trimmed_image_faults
from seaway.controlplane.kinds.pod_placement import HARD, toleration_faults
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
    if before.get("schedulingGates"):
        faults += _narrowing_faults(after, before)
    if _fixed(after, gated=bool(before.get("schedulingGates"))) != _fixed(
        before, gated=bool(before.get("schedulingGates"))
    ):
        changed = ", ".join(f"spec.{field}" for field in _changed(after, before))
        detail = f"pod updates may not change fields other than {_CHANGEABLE}; changed: {changed}"
        faults.append(forbidden("spec", detail))
    return faults


def _narrowing_faults(after: Object, before: Object) -> list[Cause]:
    """Return the faults of a gated pod's changed placement, which may only become narrower. Source: KEP-3838."""
    new, old = after.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    faults: list[Cause] = []
    if any(new.get(key) != value for key, value in old.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        faults.append(invalid("spec.nodeSelector", new, detail))
    terms, old_terms = _terms(after), _terms(before)
    field = f"spec.affinity.nodeAffinity.{HARD}.nodeSelectorTerms"
    if old_terms and len(terms) != len(old_terms):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        shown = [_internal_term(term) for term in terms] or None
        return [*faults, invalid(field, shown, detail)]
    for index, (term, old_term) in enumerate(zip(terms, old_terms, strict=False)):
        if not _only_adds(term, old_term):
            detail = "only additions are allowed (no mutations or deletions)"
            faults.append(invalid(f"{field}[{index}]", _internal_term(term), detail))
    return faults


def _terms(spec: Object) -> list[Object]:
    return read(spec, "affinity", "nodeAffinity", HARD, "nodeSelectorTerms", default=None) or []


def _only_adds(term: Object, old: Object) -> bool:
    parts = [(term.get(name) or [], old.get(name) or []) for name in ("matchExpressions", "matchFields")]
    if not any(before for _, before in parts):
        return not any(after for after, _ in parts)
    return all(after[: len(before)] == before for after, before in parts)


def _internal_term(term: Object) -> Object:
    """Return a term as Kubernetes shows it in a fault: in its internal form."""

    def shown(name: str) -> Any:
        found = [
            {
                "Key": e.get("key") or "",
                "Operator": e.get("operator") or "",
                "Values": e.get("values") or None,
            }
            for e in term.get(name) or ()
        ]
        return found or None

    return {"MatchExpressions": shown("matchExpressions"), "MatchFields": shown("matchFields")}


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
