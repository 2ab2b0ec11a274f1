"""Topology spread: where one more pod would be too many, and where the fewest are. Pure.

Source: kube-scheduler's PodTopologySpread.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from seaway.controlplane.scheduler import messages, nodewishes
from seaway.controlplane.scheduler.nodeinfo import NodeInfo
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.spreadterms import SpreadConstraint
from seaway.controlplane.scheduler.state import ClusterState

HOSTNAME = "kubernetes.io/hostname"


def spread(pod: PodInfo, state: ClusterState) -> Callable[[NodeInfo], str] | None:
    """Return the filter of the constraints that must hold, None where there are none."""
    constraints = [one for one in pod.spread if one.required]
    if not constraints:
        return None
    counted = [
        (one, counts, _fewest(one, counts))
        for one, counts in ((one, count(pod, one, constraints, state)) for one in constraints)
    ]

    def reason(node: NodeInfo) -> str:
        for one, counts, fewest in counted:
            value = node.labels.get(one.topology_key)
            if value is None:
                return messages.SPREAD_LABEL
            if counts.get(value, 0) + one.itself - fewest > one.skew:
                return messages.SPREAD
        return ""

    return reason


def _fewest(one: SpreadConstraint, counts: Mapping[str, int]) -> int:
    return min(counts.values()) if counts and len(counts) >= one.domains else 0


def count(
    pod: PodInfo, one: SpreadConstraint, together: Sequence[SpreadConstraint], state: ClusterState
) -> dict[str, int]:
    """Return how many pods each domain has that count for a constraint.

    Args:
        pod: the pod to place.
        one: the constraint.
        together: all of its kind: a node counts that has every one's topology key.
        state: the cluster.
    """
    by_node = state.found(one.pods)
    counts: dict[str, int] = {}
    for node in state.order:
        labels = node.labels
        value = labels.get(one.topology_key)
        if value is None or not all(other.topology_key in labels for other in together):
            continue
        if _counts(pod, one, node):
            counts[value] = counts.get(value, 0) + by_node.get(node.name, 0)
    return counts


def _counts(pod: PodInfo, one: SpreadConstraint, node: NodeInfo) -> bool:
    if not one.all_nodes and nodewishes.node_affinity(pod.spec, node):
        return False
    return not (one.only_tolerated and nodewishes.untolerated(pod.spec.get("tolerations") or (), node))


def uneven(pod: PodInfo, nodes: Sequence[NodeInfo], state: ClusterState) -> list[float] | None:
    """Return for each feasible node how crowded its domains are; None where the pod has no such wish.

    A node that lacks a topology key gets infinity: it is the last choice.
    """
    constraints = [one for one in pod.spread if not one.required]
    if not constraints:
        return None
    strict = [one.topology_key for one in constraints if not one.lenient]
    fit = [all(key in node.labels for key in strict) for node in nodes]
    totals = [0.0 if fits else math.inf for fits in fit]
    for one in constraints:
        values = [
            node.labels.get(one.topology_key) if fits else None for node, fits in zip(nodes, fit, strict=True)
        ]
        if not any(values):
            continue
        if one.topology_key == HOSTNAME:
            counts: Mapping[str, int] = _by_host(nodes, state.found(one.pods))
            domains = sum(fit)
        else:
            counts = count(pod, one, () if one.lenient else constraints, state)
            domains = len(set(values))
        weight = math.log(domains + 2)
        for index, value in enumerate(values):
            if value is not None:
                totals[index] += counts.get(value, 0) * weight + one.skew - 1
    return totals


def _by_host(nodes: Sequence[NodeInfo], by_node: Mapping[str, int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for node in nodes:
        counts[node.labels.get(HOSTNAME, "")] += by_node.get(node.name, 0)
    return counts
