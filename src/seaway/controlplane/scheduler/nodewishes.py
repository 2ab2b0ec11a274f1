"""What a pod's spec says of nodes: taints it bears, labels it wants. Pure; an empty answer means that the node will do.

Source: kube-scheduler's NodeUnschedulable, TaintToleration and NodeAffinity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.scheduler import messages
from seaway.controlplane.scheduler.nodeinfo import NodeInfo
from seaway.objects.nodeselection import REQUIRED, is_meant, tolerated

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


def excluded_by_name(spec: Mapping[str, Any], node: NodeInfo) -> str:
    """Say that the pod names the nodes that it may be on, in every term, and this is none of them.

    kube-scheduler then does not even look at the node, and has words of its own for it.
    """
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED) or {}
    terms = required.get("nodeSelectorTerms") or ()
    if not terms:
        return ""
    for term in terms:
        named = [
            field["values"]
            for field in term.get("matchFields") or ()
            if field["key"] == "metadata.name" and field["operator"] == "In"
        ]
        if not named or all(node.name in values for values in named):
            return ""
    return messages.NOT_NAMED


def node_affinity(spec: Mapping[str, Any], node: NodeInfo) -> str:
    """Say that node selector or required node affinity exclude the node."""
    return "" if is_meant(spec, node.labels, node.name) else messages.NODE_AFFINITY
