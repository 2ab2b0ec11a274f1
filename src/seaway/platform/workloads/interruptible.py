"""Nodes that their provider may take away at any time: spot and preemptible machines. Pure."""

from __future__ import annotations

from typing import Any

INTERRUPTIBLE: tuple[tuple[str, str], ...] = (
    ("karpenter.sh/capacity-type", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
    ("node.kubernetes.io/lifecycle", "spot"),
    ("seaway.dev/interruptible", "true"),
)
"""Labels by which Karpenter, EKS, GKE, AKS, older installers and Seaway's own users mark them."""


def away_from_interruptible() -> dict[str, Any]:
    """Return the node affinity of a pod that had better go elsewhere: a preference, since any node is better than none."""
    expressions = [{"key": key, "operator": "NotIn", "values": [value]} for key, value in INTERRUPTIBLE]
    term = {"weight": 100, "preference": {"matchExpressions": expressions}}
    return {"preferredDuringSchedulingIgnoredDuringExecution": [term]}
