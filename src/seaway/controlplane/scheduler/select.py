"""Choose a node for a pod: filter until enough are feasible, score those. Pure but for where the search starts next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seaway.controlplane.scheduler import filters, messages, scores
from seaway.controlplane.scheduler.nodeinfo import NodeInfo, Static
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.state import ClusterState


class Choice(NamedTuple):
    """The answer for one pod."""

    node: str | None
    message: str = ""
    """Why there is none."""


class Selector:
    """Searches the nodes in turn, so that a sample of a large cluster is not always the same.

    Args:
        strategy: "spread" (least allocated first) or "pack" (most allocated first).
        enough: so many feasible nodes are scored, as kube-scheduler's percentageOfNodesToScore; 0 for all.
    """

    def __init__(self, strategy: scores.Strategy = "spread", enough: int = 100) -> None:
        self._strategy: scores.Strategy = strategy
        self._enough = enough
        self._start = 0

    def choose(self, pod: PodInfo, state: ClusterState) -> Choice:
        """Return the best feasible node, or why there is none."""
        feasible, statics = self._feasible(pod, state)
        if not feasible:
            return Choice(None, explain(pod, state))
        if len(feasible) == 1:
            return Choice(feasible[0].name)
        return Choice(scores.best(pod, feasible, statics, state, self._strategy).name)

    def _feasible(self, pod: PodInfo, state: ClusterState) -> tuple[list[NodeInfo], list[Static]]:
        order, total = state.order, len(state.order)
        enough = self._enough or total
        affinity = filters.pod_affinity(pod, state)
        start = self._start % total if total else 0
        feasible: list[NodeInfo] = []
        statics: list[Static] = []
        signature, requests = pod.signature, pod.requests
        for index in range(total):
            node = order[(start + index) % total]
            free = node.free
            for name, amount in requests:
                if free.get(name, 0) < amount:
                    break
            else:
                static = node.static.get(signature) or filters.static_verdict(pod, node)
                if static.reasons or (pod.ports and filters.ports_taken(pod, node)):
                    continue
                if affinity is not None and affinity(node):
                    continue
                feasible.append(node)
                statics.append(static)
                if len(feasible) >= enough:
                    break
        if self._strategy == "spread" and total:
            self._start = (start + index + 1) % total
        return feasible, statics


def explain(pod: PodInfo, state: ClusterState) -> str:
    """Return why no node is feasible, as FailedScheduling says it."""
    affinity = filters.pod_affinity(pod, state)
    found = []
    for node in state.order:
        reasons = filters.reasons(pod, node, affinity)
        found.append((reasons, _no_preemption(pod, node, reasons)))
    return messages.unschedulable(found)


def _no_preemption(pod: PodInfo, node: NodeInfo, reasons: Sequence[str]) -> str:
    """Return why taking the place of other pods on the node does not help."""
    too_large = any(node.allocatable.get(name, 0) < amount for name, amount in pod.requests)
    if too_large or messages.lasting(reasons):
        return messages.NOT_HELPFUL
    lower = any(other.priority < pod.priority for other in node.pods.values())
    return messages.NOT_PREEMPTED if lower else messages.NO_VICTIMS
