"""What the scheduler says, worded as kube-scheduler words it, because people and programs know those words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

UNSCHEDULABLE = "node(s) were unschedulable"
NODE_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
PORTS = "node(s) didn't have free ports for the requested pod ports"
POD_AFFINITY = "node(s) didn't match pod affinity rules"
POD_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"
NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NOT_PREEMPTED = "Pods of lower priority are not preempted by this scheduler"
_TAINT = "node(s) had untolerated taint"
_LASTING = (UNSCHEDULABLE, NODE_AFFINITY, POD_AFFINITY)


def untolerated_taint(taint: Mapping[str, Any]) -> str:
    """Return the reason for a taint."""
    return f"{_TAINT} {{{taint['key']}: {taint.get('value') or ''}}}"


def insufficient(resource: str) -> str:
    """Return the reason for a resource that is not free."""
    return "Too many pods" if resource == "pods" else f"Insufficient {resource}"


def lasting(reasons: Sequence[str]) -> bool:
    """Tell whether the reasons would stay if every other pod left the node."""
    return any(reason in _LASTING or reason.startswith(_TAINT) for reason in reasons)


def unschedulable(nodes: Sequence[tuple[Sequence[str], str]]) -> str:
    """Return the message of FailedScheduling.

    Args:
        nodes: for every node its reasons, and why preemption does not help there.
    """
    if not nodes:
        return NO_NODES
    none = f"0/{len(nodes)} nodes are available"
    counts = Counter(reason for reasons, _ in nodes for reason in reasons)
    helpless = Counter(why for _, why in nodes)
    return f"{none}: {_listed(counts)}. preemption: {none}: {_listed(helpless)}."


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
