"""What the scheduler says, worded as kube-scheduler words it, because people and programs know those words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

UNSCHEDULABLE = "node(s) were unschedulable"
NODE_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
NOT_NAMED = "node(s) didn't satisfy plugin(s) [NodeAffinity]"
PORTS = "node(s) didn't have free ports for the requested pod ports"
POD_AFFINITY = "node(s) didn't match pod affinity rules"
POD_ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING_ANTI_AFFINITY = "node(s) didn't satisfy existing pods anti-affinity rules"
SPREAD = "node(s) didn't match pod topology spread constraints"
SPREAD_LABEL = f"{SPREAD} (missing required label)"
UNTOLERATED = "node(s) had untolerated taint(s)"
UNBOUND_CLAIMS = "pod has unbound immediate PersistentVolumeClaims"
UNBINDABLE = "node(s) didn't find available persistent volumes to bind"
VOLUME_AFFINITY = "node(s) didn't match PersistentVolume's node affinity"
VOLUME_ZONE = "node(s) had no available volume zone"
CLAIM_IN_USE = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
NO_NODES = "no nodes available to schedule pods"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NEVER = "not eligible due to preemptionPolicy=Never."
WAITING = "not eligible due to a terminating pod on the nominated node."
_LASTING = frozenset({
    UNSCHEDULABLE, UNTOLERATED, NODE_AFFINITY, NOT_NAMED, POD_AFFINITY, SPREAD_LABEL, UNBINDABLE, VOLUME_AFFINITY, VOLUME_ZONE,
})  # fmt: skip


def insufficient(resource: str) -> str:
    """Return the reason for a resource that is not free."""
    return "Too many pods" if resource == "pods" else f"Insufficient {resource}"


def lasting(reasons: Sequence[str]) -> bool:
    """Tell whether the reasons would stay if every other pod left the node."""
    return any(reason in _LASTING for reason in reasons)


def unavailable(nodes: Sequence[Sequence[str]]) -> str:
    """Return why none of the nodes will do, from the reasons of each; without a node, that there is none."""
    if not nodes:
        return NO_NODES
    counts = Counter(reason for reasons in nodes for reason in reasons)
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    return f"0/{len(nodes)} nodes are available: {listed}."


def unschedulable(why: str, preemption: str) -> str:
    """Return the message of FailedScheduling; without the second half where others make room."""
    return f"{why} preemption: {preemption}" if preemption else why
