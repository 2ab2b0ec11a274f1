"""What a pod's spec says of nodes: taints it bears, labels it wants. Pure; an empty answer means that the node will do.

Source: kube-scheduler's NodeUnschedulable, TaintToleration and NodeAffinity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.scheduler import messages
from seaway.controlplane.scheduler.nodeinfo import NodeInfo
from seaway.controlplane.scheduler.terms import matches_node

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
UNSCHEDULABLE_TAINT = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def unschedulable(tolerations: Any, node: NodeInfo) -> str:
    """Say why a cordoned node is out."""
    return (
        messages.UNSCHEDULABLE
        if node.unschedulable and not tolerated(tolerations, UNSCHEDULABLE_TAINT)
        else ""
    )


def untolerated(tolerations: Any, node: NodeInfo) -> str:
    """Say that a taint keeps the pod away."""
    for taint in node.taints:
        if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerated(tolerations, taint):
            return messages.UNTOLERATED
    return ""


def tolerated(tolerations: Any, taint: Mapping[str, Any]) -> bool:
    """Tell whether any toleration tolerates the taint. Source: `Toleration` of core/v1."""
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
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


def node_affinity(spec: Mapping[str, Any], node: NodeInfo) -> str:
    """Say that node selector or required node affinity exclude the node."""
    labels = node.labels
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return messages.NODE_AFFINITY
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED)
    if required is None:
        return ""
    terms = required.get("nodeSelectorTerms") or ()
    return "" if any(matches_node(term, labels, node.name) for term in terms) else messages.NODE_AFFINITY
