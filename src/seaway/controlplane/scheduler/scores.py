"""Scores: which of the feasible nodes is best. Pure; 0 to 100 each, weighted as kube-scheduler weights them.

Source: kube-scheduler's NodeResourcesFit (LeastAllocated, MostAllocated), BalancedAllocation, TaintToleration,
NodeAffinity, InterPodAffinity, PodTopologySpread.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from seaway.controlplane.scheduler import spread
from seaway.controlplane.scheduler.nodeinfo import NodeInfo, Static
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.state import ClusterState

Strategy = Literal["spread", "pack"]
FITTING, BALANCE, TAINTS, AFFINITY, NEARNESS, EVENNESS = 1.0, 1.0, 3.0, 2.0, 2.0, 2.0
_BASIC = frozenset({"cpu", "memory", "pods", "ephemeral-storage"})


def best(
    pod: PodInfo,
    nodes: Sequence[NodeInfo],
    statics: Sequence[Static],
    state: ClusterState,
    strategy: Strategy,
) -> NodeInfo:
    """Return the best of the feasible nodes (not empty); the first of equals."""
    extended = tuple((name, amount) for name, amount in pod.requests if name not in _BASIC)
    totals = [allocation(pod, node, extended, strategy) for node in nodes]
    _weigh(totals, [float(static.preference) for static in statics], AFFINITY)
    _weigh(totals, [-float(static.avoided) for static in statics], TAINTS)
    if wishes := _nearness(pod, nodes, state):
        _weigh(totals, wishes, NEARNESS)
    if (crowded := spread.uneven(pod, nodes, state)) is not None:
        for index, even in enumerate(_evenness(crowded)):
            totals[index] += EVENNESS * even
    return nodes[max(range(len(nodes)), key=totals.__getitem__)]


def allocation(
    pod: PodInfo, node: NodeInfo, extended: tuple[tuple[str, int], ...], strategy: Strategy
) -> float:
    """Return how well the pod fills the node: high where much stays free (spread) or little does (pack).

    Extended resources (GPUs) count as CPU and memory do. A lopsided filling costs, whichever the strategy.
    """
    allocatable = node.allocatable
    cpu = _share(node.scored_cpu + pod.score_cpu, allocatable.get("cpu", 0))
    memory = _share(node.scored_memory + pod.score_memory, allocatable.get("memory", 0))
    used = cpu + memory
    count = 2
    for name, amount in extended:
        total = allocatable.get(name, 0)
        used += _share(total - node.free.get(name, 0) + amount, total)
        count += 1
    filled = 100.0 * used / count
    fitting = filled if strategy == "pack" else 100.0 - filled
    balance = 100.0 - 50.0 * abs(cpu - memory)
    return FITTING * fitting + (BALANCE * balance if strategy == "spread" else 0.0)


def _share(used: int, total: int) -> float:
    return min(used / total, 1.0) if total else 1.0


def _nearness(pod: PodInfo, nodes: Sequence[NodeInfo], state: ClusterState) -> list[float] | None:
    """Return how much pods want each other near on each node, None where none of them wishes anything."""
    wishes: list[tuple[int, str, Mapping[str, int]]] = [
        (weight, term.topology_key, state.found(term)) for weight, term in pod.affinity.preferred
    ]
    wishes += [(1, key, where) for key, where in state.drawing(pod)]
    if not wishes:
        return None
    return [
        float(sum(weight * where.get(node.labels.get(key, ""), 0) for weight, key, where in wishes))
        for node in nodes
    ]


def _evenness(crowded: Sequence[float]) -> list[float]:
    """Return 100 for the emptiest domains, less for the others, 0 where a node is in none."""
    known = [round(value) for value in crowded if value < math.inf]
    most, least = max(known, default=0), min(known, default=0)
    return [
        0.0 if value == math.inf else 100.0 * (most + least - round(value)) / most if most else 100.0
        for value in crowded
    ]


def _weigh(totals: list[float], values: Sequence[float], weight: float) -> None:
    """Add values, stretched to 0..100 over the nodes; nothing where all are equal."""
    low, high = min(values), max(values)
    if low == high:
        return
    scale = 100.0 * weight / (high - low)
    for index, value in enumerate(values):
        totals[index] += (value - low) * scale
