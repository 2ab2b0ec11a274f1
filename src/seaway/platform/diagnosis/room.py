"""What a cluster has room for now: which smaller request would start at once. Pure.

Source: kube-scheduler's filters NodeUnschedulable, TaintToleration, NodeAffinity and NodeResourcesFit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from seaway.objects.nodeselection import is_meant, tolerated
from seaway.objects.pods import has_ended, pod_requests
from seaway.objects.quantity import format_quantity, parse_quantity

Object = Mapping[str, Any]
Amounts = dict[str, Decimal]
GPU = "nvidia.com/gpu"
_UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_STEPS = {"cpu": Decimal("0.1"), "memory": Decimal(64 * 1024**2), GPU: Decimal(1)}
"""In which steps a request is made smaller, and the smallest that is of use."""


def requests(pod: Object) -> Amounts:
    """Return what a pod takes of a node."""
    return pod_requests(pod.get("spec") or {}, _amounts)


def free(node: Object, pods: Iterable[Object]) -> Amounts:
    """Return what a node has left, the number of pods included."""
    left = {
        name: parse_quantity(amount)
        for name, amount in ((node.get("status") or {}).get("allocatable") or {}).items()
    }
    name = (node.get("metadata") or {}).get("name")
    for pod in pods:
        if (pod.get("spec") or {}).get("nodeName") == name and not has_ended(pod):
            for resource, amount in {**requests(pod), "pods": Decimal(1)}.items():
                left[resource] = left.get(resource, Decimal(0)) - amount
    return left


def may_run(pod: Object, node: Object) -> bool:
    """Tell whether a node takes a pod at all, whatever room it has: taints, selector, required node affinity."""
    spec, name = pod.get("spec") or {}, (node.get("metadata") or {}).get("name", "")
    tolerations, labels = spec.get("tolerations") or (), (node.get("metadata") or {}).get("labels") or {}
    node_spec = node.get("spec") or {}
    taints = [*(node_spec.get("taints") or ()), *([_UNSCHEDULABLE] if node_spec.get("unschedulable") else [])]
    if any(
        taint.get("effect") != "PreferNoSchedule" and not tolerated(tolerations, taint) for taint in taints
    ):
        return False
    return is_meant(spec, labels, name)


def smaller(pod: Object, nodes: Sequence[Object], pods: Sequence[Object]) -> dict[str, str]:
    """Return what to ask for instead, so that the pod starts now: only what must change; {} where nothing helps.

    Of several nodes the one decides on which the largest part of what was asked for is left.

    Args:
        pod: that waits.
        nodes: all of the cluster.
        pods: all others of the cluster.
    """
    asked = requests(pod)
    best: tuple[Decimal, Decimal, Amounts] | None = None
    for node in nodes:
        if not may_run(pod, node):
            continue
        given = _given(asked, free(node, pods))
        if given is None:
            continue
        parts = [given[name] / amount for name, amount in asked.items()]
        rank = (min(parts, default=Decimal(1)), sum(parts, Decimal(0)))
        if best is None or rank > best[:2]:
            best = (*rank, given)
    if best is None:
        return {}
    return {name: readable(name, amount) for name, amount in best[2].items() if amount < asked[name]}


def readable(resource: str, amount: Decimal) -> str:
    """Return an amount as people type it."""
    if resource != "memory":
        return format_quantity(amount, "decimal")
    return format_quantity(amount, "binary")


def _given(asked: Amounts, left: Amounts) -> Amounts | None:
    """Return as much of what was asked for as is left, in whole steps; None where that is too little to be of use."""
    if left.get("pods", Decimal(0)) < 1:
        return None
    given: Amounts = {}
    for name, amount in asked.items():
        there = left.get(name, Decimal(0))
        if there < amount:
            step = _STEPS.get(name)
            if step is None:
                return None
            there = (there // step) * step
            if there < step:
                return None
        given[name] = min(amount, there)
    return given


def _amounts(quantities: Mapping[str, Any]) -> Amounts:
    return {name: parse_quantity(amount) for name, amount in quantities.items()}
