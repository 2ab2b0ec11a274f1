"""Choose a node for a pod: filter until enough are feasible, score those. Pure but for where the search starts next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seaway.controlplane.scheduler import filters, messages, preemption, scores
from seaway.controlplane.scheduler.nodeinfo import NodeInfo, Static
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.preemption import Budget, Room
from seaway.controlplane.scheduler.state import ClusterState
from seaway.controlplane.scheduler.storage import unready


class Choice(NamedTuple):
    """The answer for one pod."""

    node: str | None
    message: str = ""
    """Why there is none."""
    may_preempt: bool = False
    """Whether others might make room: `make_room` finds out, and then says all."""


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
        if not state.nominated:
            return self._choose(pod, state)
        with state.reserving(pod):
            return self._choose(pod, state)

    def _choose(self, pod: PodInfo, state: ClusterState) -> Choice:
        if pod.claims and unready(pod, state.storage):
            return Choice(None, explain(pod, state).message)
        kept = state.nodes.get(pod.nominated)
        if kept is not None and not filters.reasons(pod, kept, filters.among_pods(pod, state)):
            return Choice(kept.name)
        feasible, statics = self._feasible(pod, state)
        if not feasible:
            if preemption.may_preempt(pod, state):
                return Choice(None, may_preempt=True)
            return Choice(None, explain(pod, state).message)
        if len(feasible) == 1:
            return Choice(feasible[0].name)
        return Choice(scores.best(pod, feasible, statics, state, self._strategy).name)

    def _feasible(self, pod: PodInfo, state: ClusterState) -> tuple[list[NodeInfo], list[Static]]:
        order, total = state.order, len(state.order)
        enough = self._enough or total
        further = filters.among_pods(pod, state)
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
                if further is not None and further(node):
                    continue
                feasible.append(node)
                statics.append(static)
                if len(feasible) >= enough:
                    break
        if self._strategy == "spread" and total:
            self._start = (start + index + 1) % total
        return feasible, statics


def make_room(pod: PodInfo, state: ClusterState, budgets: Sequence[Budget]) -> Room:
    """Return which pods make room where for a pod that is feasible nowhere; the message is FailedScheduling's."""
    with state.reserving(pod):
        return explain(pod, state, budgets)


def explain(pod: PodInfo, state: ClusterState, budgets: Sequence[Budget] = ()) -> Room:
    """Return `make_room`'s answer without regard to pods that others make room for."""
    if state.order and pod.claims and (why := unready(pod, state.storage)):
        everywhere = messages.unavailable([(messages.NOT_HELPFUL,)] * len(state.order))
        none = f"0/{len(state.order)} nodes are available: {why}."
        return Room(message=messages.unschedulable(none, everywhere), hopeless=True)
    further = filters.among_pods(pod, state)
    found = [(node, filters.reasons(pod, node, further)) for node in state.order]
    why = messages.unavailable([reasons for _, reasons in found])
    if not found:
        return Room(message=why)
    room = preemption.make_room(pod, state, found, budgets)
    return room._replace(message=messages.unschedulable(why, room.message))
