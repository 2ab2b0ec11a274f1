"""Validation of what decides where a pod runs: node selector, affinity, tolerations, spreading."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import label_faults
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects import names
from seaway.objects.errors import Cause

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
OPERATORS = ("Equal", "Exists")
NODE_OPERATORS = ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")
UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
HARD, SOFT = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def placement_faults(spec: Object, field: str) -> list[Cause]:
    """Return the faults of a pod's placement rules."""
    faults = label_faults(spec.get("nodeSelector"), f"{field}.nodeSelector")
    faults += _toleration_faults(spec.get("tolerations") or (), f"{field}.tolerations")
    faults += _node_affinity_faults(
        read(spec, "affinity", "nodeAffinity", default={}), f"{field}.affinity.nodeAffinity"
    )
    for kind in ("podAffinity", "podAntiAffinity"):
        faults += _pod_affinity_faults(read(spec, "affinity", kind, default={}), f"{field}.affinity.{kind}")
    return faults + _spread_faults(
        spec.get("topologySpreadConstraints") or (), f"{field}.topologySpreadConstraints"
    )


def _toleration_faults(tolerations: Iterable[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, toleration in enumerate(tolerations):
        at = f"{field}[{index}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or "Equal"
        effect = toleration.get("effect")
        if key:
            faults += [invalid(f"{at}.key", key, f) for f in names.qualified_name_faults(key)]
        elif operator != "Exists":
            detail = (
                'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            )
            faults.append(invalid(f"{at}.operator", operator, detail))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            faults.append(invalid(f"{at}.effect", effect or "", detail))
        if operator not in OPERATORS:
            faults.append(unsupported(f"{at}.operator", operator, OPERATORS))
        elif operator == "Exists" and toleration.get("value"):
            faults.append(
                invalid(f"{at}.operator", dict(toleration), "value must be empty when `operator` is 'Exists'")
            )
        if effect and effect not in EFFECTS:
            faults.append(unsupported(f"{at}.effect", effect, EFFECTS))
    return faults


def _node_affinity_faults(affinity: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    hard = affinity.get(HARD)
    if hard is not None:
        terms = hard.get("nodeSelectorTerms") or ()
        at = f"{field}.{HARD}.nodeSelectorTerms"
        if not terms:
            faults.append(required(at, "must have at least one node selector term"))
        for index, term in enumerate(terms):
            faults += _node_term_faults(term, f"{at}[{index}]")
    for index, preference in enumerate(affinity.get(SOFT) or ()):
        at = f"{field}.{SOFT}[{index}]"
        faults += _weight_faults(preference, at)
        faults += _node_term_faults(preference.get("preference") or {}, f"{at}.preference")
    return faults


def _node_term_faults(term: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        at = f"{field}.matchExpressions[{index}]"
        key, operator, values = (
            expression.get("key") or "",
            expression.get("operator"),
            expression.get("values") or (),
        )
        faults += [invalid(f"{at}.key", key, f) for f in names.qualified_name_faults(key)]
        match operator:
            case "In" | "NotIn" if not values:
                faults.append(
                    required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                )
            case "Exists" | "DoesNotExist" if values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                faults.append(forbidden(f"{at}.values", detail))
            case "Gt" | "Lt" if len(values) != 1:
                detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                faults.append(required(f"{at}.values", detail))
            case _ if operator not in NODE_OPERATORS:
                faults.append(invalid(f"{at}.operator", operator, "not a valid selector operator"))
    return faults


def _pod_affinity_faults(affinity: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, term in enumerate(affinity.get(HARD) or ()):
        faults += _pod_term_faults(term, f"{field}.{HARD}[{index}]")
    for index, preference in enumerate(affinity.get(SOFT) or ()):
        at = f"{field}.{SOFT}[{index}]"
        faults += _weight_faults(preference, at)
        faults += _pod_term_faults(preference.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")
    return faults


def _pod_term_faults(term: Object, field: str) -> list[Cause]:
    faults = selector_faults(term.get("labelSelector"), f"{field}.labelSelector")
    return faults + _topology_key_faults(term, field)


def _topology_key_faults(term: Object, field: str) -> list[Cause]:
    key: Any = term.get("topologyKey")
    if not key:
        return [required(f"{field}.topologyKey", "can not be empty")]
    return [invalid(f"{field}.topologyKey", key, f) for f in names.qualified_name_faults(key)]


def _weight_faults(preference: Object, field: str) -> list[Cause]:
    weight = preference.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(f"{field}.weight", weight, "must be in the range 1-100")]


def _spread_faults(constraints: Iterable[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, constraint in enumerate(constraints):
        at, skew = f"{field}[{index}]", constraint.get("maxSkew") or 0
        if skew <= 0:
            faults.append(invalid(f"{at}.maxSkew", skew, "must be greater than zero"))
        faults += _topology_key_faults(constraint, at)
        action = constraint.get("whenUnsatisfiable")
        if action not in UNSATISFIABLE:
            faults.append(unsupported(f"{at}.whenUnsatisfiable", action or "", UNSATISFIABLE))
        faults += selector_faults(constraint.get("labelSelector"), f"{at}.labelSelector")
    return faults
