"""Preemption: which pods of lower priority make room for a pod, and on which node. Pure: what is tried is taken back.

Source: kube-scheduler's DefaultPreemption, whose choice this is: fewest budgets violated, then the lowest of the highest
priorities, the smallest sum of priorities, the fewest pods, the latest start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from seaway.controlplane.scheduler import filters, messages
from seaway.controlplane.scheduler.nodeinfo import NodeInfo
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.state import ClusterState
from seaway.objects import meta
from seaway.objects.errors import BadRequest
from seaway.objects.selectors import LabelSelector

Object = dict[str, Any]
CANDIDATES, SHARE = 100, 10
"""So many nodes are looked for that could make room, or a tenth of the nodes in question where that is more."""
_NEGATIVE = 1 << 31
"""Added to priorities before they are summed up: a few negative ones must not look better than one."""
Found = Sequence[tuple[NodeInfo, Sequence[str]]]
"""Every node, and why the pod cannot be there."""


class Room(NamedTuple):
    """The answer."""

    node: str = ""
    """Where room is made, "" for nowhere."""
    victims: tuple[PodInfo, ...] = ()
    """The most important first."""
    message: str = ""
    """Why there is none."""
    hopeless: bool = False
    """Whether nobody's leaving would help: nor is anything gained by a node nominated before."""


class Budget(NamedTuple):
    """What of a PodDisruptionBudget matters."""

    namespace: str
    selector: LabelSelector
    allowed: int
    disrupted: frozenset[str]
    """Pods that count as gone already."""


class _Candidate(NamedTuple):
    node: NodeInfo
    victims: tuple[PodInfo, ...]
    violations: int


def may_preempt(pod: PodInfo, state: ClusterState) -> bool:
    """Tell whether it is worth to look for victims: some pod has a lower priority."""
    return pod.preempts and state.lowest_priority() < pod.priority


def make_room(pod: PodInfo, state: ClusterState, found: Found, budgets: Sequence[Budget]) -> Room:
    """Return where which pods have to go.

    Args:
        pod: the pod that fits nowhere.
        state: the cluster; unchanged at the end.
        found: why it fits nowhere.
        budgets: of all namespaces.
    """
    if not pod.preempts:
        return Room(message=messages.NEVER)
    if _waits(pod, state, found):
        return Room(message=messages.WAITING)
    helpful = [node for node, reasons in found if not _lasting(pod, node, reasons)]
    enough = min(len(helpful), max(CANDIDATES, len(helpful) * SHARE // 100))
    candidates: list[_Candidate] = []
    whys: dict[str, Sequence[str]] = {}
    with state.trial():
        for node in helpful:
            candidate, why = _victims(pod, node, state, budgets)
            if candidate is None:
                whys[node.name] = why
            else:
                candidates.append(candidate)
                if len(candidates) >= enough and any(not one.violations for one in candidates):
                    break
    if not candidates:
        reasons = [whys.get(node.name, (messages.NOT_HELPFUL,)) for node, _ in found]
        return Room(message=messages.unavailable(reasons), hopeless=True)
    best = min(candidates, key=_cost)
    best = _latest([one for one in candidates if _cost(one) == _cost(best)])
    return Room(best.node.name, best.victims)


def _waits(pod: PodInfo, state: ClusterState, found: Found) -> bool:
    """Tell whether pods are already on their way to make room for it."""
    node = state.nodes.get(pod.nominated)
    if node is None or any(one is node and _lasting(pod, node, reasons) for one, reasons in found):
        return False
    return any(other.preempted and other.priority < pod.priority for other in node.pods.values())


def _lasting(pod: PodInfo, node: NodeInfo, reasons: Sequence[str]) -> bool:
    if messages.lasting(reasons):
        return True
    insufficient = filters.insufficient(pod, node)
    return set(reasons) <= set(insufficient) and filters.too_large(pod, node)


def _victims(
    pod: PodInfo, node: NodeInfo, state: ClusterState, budgets: Sequence[Budget]
) -> tuple[_Candidate | None, Sequence[str]]:
    """Return who has to leave the node, or why nobody's leaving would help."""
    lower = sorted((one for one in node.pods.values() if one.priority < pod.priority), key=importance)
    if not lower:
        return None, (messages.NO_VICTIMS,)
    for one in lower:
        state.remove(one.uid)
    reasons = _reasons(pod, node, state)
    if reasons:
        for one in lower:
            state.place(one, node.name)
        return None, reasons
    violating, others = split(lower, budgets)
    victims: list[PodInfo] = []
    violations = 0
    for group, violates in ((violating, 1), (others, 0)):
        for one in group:
            state.place(one, node.name)
            if _reasons(pod, node, state):
                state.remove(one.uid)
                victims.append(one)
                violations += violates
    for one in victims:
        state.place(one, node.name)
    return _Candidate(node, tuple(sorted(victims, key=importance)), violations), ()


def _reasons(pod: PodInfo, node: NodeInfo, state: ClusterState) -> tuple[str, ...]:
    return filters.reasons(pod, node, filters.among_pods(pod, state))


def importance(pod: PodInfo) -> tuple[int, str]:
    """Return the key that sorts the most important pod first: the highest priority, then the longest running."""
    return -pod.priority, pod.started


def split(pods: Iterable[PodInfo], budgets: Sequence[Budget]) -> tuple[list[PodInfo], list[PodInfo]]:
    """Return the pods whose going would violate a budget, where those before them go too, and the others."""
    left = [budget.allowed for budget in budgets]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        violates = False
        for index, budget in enumerate(budgets):
            if _covers(budget, pod):
                left[index] -= 1
                violates = violates or left[index] < 0
        (violating if violates else others).append(pod)
    return violating, others


def _covers(budget: Budget, pod: PodInfo) -> bool:
    return (
        bool(pod.labels)
        and budget.namespace == pod.namespace
        and bool(budget.selector.requirements)
        and budget.selector.matches(pod.labels)
        and pod.key.partition("/")[2] not in budget.disrupted
    )


def _cost(candidate: _Candidate) -> tuple[int, int, int, int]:
    victims = candidate.victims
    total = sum(one.priority + _NEGATIVE for one in victims)
    return candidate.violations, victims[0].priority, total, len(victims)


def _latest(candidates: Sequence[_Candidate]) -> _Candidate:
    """Return the first of those whose most important victims began last."""

    def began(candidate: _Candidate) -> str:
        victims = candidate.victims
        return min(one.started for one in victims if one.priority == victims[0].priority)

    return max(candidates, key=began)


def budget_of(obj: Object) -> Budget | None:
    """Return a PodDisruptionBudget, parsed; None where its selector makes no sense."""
    try:
        selector = LabelSelector.from_object((obj.get("spec") or {}).get("selector"))
    except BadRequest:
        return None
    status = obj.get("status") or {}
    disrupted = frozenset(status.get("disruptedPods") or ())
    return Budget(meta.namespace(obj), selector, status.get("disruptionsAllowed") or 0, disrupted)
