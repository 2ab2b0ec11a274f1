"""What a pod's spec says of nodes, read alike by whoever places pods: tolerations, node selector, node affinity. Pure.

Source: `Toleration`, `NodeSelector` and `NodeAffinity` of core/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def is_meant(spec: Mapping[str, Any], labels: Mapping[str, str], name: str) -> bool:
    """Tell whether a pod's node selector and required node affinity mean a node."""
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    return required is None or any(
        matches_node(term, labels, name) for term in required.get("nodeSelectorTerms") or ()
    )


def tolerated(tolerations: Any, taint: Mapping[str, Any]) -> bool:
    """Tell whether any toleration tolerates the taint."""
    return any(tolerates(toleration, taint) for toleration in tolerations)


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Tell whether a toleration tolerates a taint. Source: `Toleration` of core/v1."""
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint["effect"]:
        return False
    if key and key != taint["key"]:
        return False
    match toleration.get("operator") or "Equal":
        case "Exists":
            return True
        case "Equal":
            return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")
    return False


def matches_node(term: Mapping[str, Any], labels: Mapping[str, str], name: str) -> bool:
    """Tell whether a NodeSelectorTerm matches a node; an empty term matches none."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_meets(e, labels) for e in expressions) and all(
        _meets(f, {"metadata.name": name}) for f in fields
    )


def matches_any(terms: Iterable[Mapping[str, Any]], labels: Mapping[str, str], name: str = "") -> bool:
    """Tell whether one of the terms matches a node."""
    return any(matches_node(term, labels, name) for term in terms)


def _meets(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, wanted = labels.get(requirement["key"]), requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            return _compares(value, operator, wanted)
    return False


def _compares(value: str | None, operator: str, wanted: Any) -> bool:
    try:
        number, limit = int(value or ""), int(wanted[0])
    except (ValueError, IndexError):
        return False
    return number > limit if operator == "Gt" else number < limit
