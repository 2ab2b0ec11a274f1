"""Scores: which of the feasible nodes is best. Pure; 0 to 100 each, weighted as kube-scheduler weights them.

Source: kube-scheduler's NodeResourcesFit (LeastAllocated, MostAllocated), BalancedAllocation, TaintToleration,
NodeAffinity, InterPodAffinity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from seaway.controlplane.scheduler.nodeinfo import NodeInfo, Static
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.state import ClusterState

Strategy = Literal["spread", "pack"]
FITTING, BALANCE, TAINTS, AFFINITY, NEARNESS = 1.0, 1.0, 3.0, 2.0, 2.0
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
    if pod.affinity.preferred:
        _weigh(totals, _nearness(pod, nodes, state), NEARNESS)
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


def _nearness(pod: PodInfo, nodes: Sequence[NodeInfo], state: ClusterState) -> list[float]:
    wishes: list[tuple[int, str, Mapping[str, int]]] = [
        (weight, term.topology_key, state.found(term)) for weight, term in pod.affinity.preferred
    ]
    return [
        float(sum(weight * where.get(node.labels.get(key, ""), 0) for weight, key, where in wishes))
        for node in nodes
    ]


def _weigh(totals: list[float], values: Sequence[float], weight: float) -> None:
    """Add values, stretched to 0..100 over the nodes; nothing where all are equal."""
    low, high = min(values), max(values)
    if low == high:
        return
    scale = 100.0 * weight / (high - low)
    for index, value in enumerate(values):
        totals[index] += (value - low) * scale
