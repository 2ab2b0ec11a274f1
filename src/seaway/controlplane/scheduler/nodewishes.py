"""What a pod's spec says of nodes: taints it bears, labels it wants. Pure; an empty answer means that the node will do.

Source: kube-scheduler's NodeUnschedulable, TaintToleration and NodeAffinity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.scheduler import messages
from seaway.controlplane.scheduler.nodeinfo import NodeInfo
from seaway.objects.nodeselection import is_meant, tolerated

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


def node_affinity(spec: Mapping[str, Any], node: NodeInfo) -> str:
    """Say that node selector or required node affinity exclude the node."""
    return "" if is_meant(spec, node.labels, node.name) else messages.NODE_AFFINITY
