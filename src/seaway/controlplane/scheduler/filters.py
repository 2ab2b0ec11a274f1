"""Filters: why a pod cannot be on a node. Pure; an empty answer means it can.

Source: kube-scheduler's default plugins and their order (NodeUnschedulable, TaintToleration, NodeAffinity, NodePorts,
NodeResourcesFit, VolumeRestrictions, VolumeBinding, VolumeZone, PodTopologySpread, InterPodAffinity), whose words `messages.py` uses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seaway.controlplane.scheduler import messages
from seaway.controlplane.scheduler.nodeinfo import NodeInfo, Static
from seaway.controlplane.scheduler.nodewishes import (
    excluded_by_name,
    node_affinity,
    unschedulable,
    untolerated,
)
from seaway.controlplane.scheduler.podinfo import ANY_ADDRESS, PodInfo, Port
from seaway.controlplane.scheduler.spread import spread
from seaway.controlplane.scheduler.state import ClusterState
from seaway.controlplane.scheduler.storage import reachable
from seaway.controlplane.scheduler.terms import PodTerm
from seaway.objects.nodeselection import matches_node, tolerated

Object = dict[str, Any]
Further = Callable[[NodeInfo], tuple[str, ...]]
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def static_verdict(pod: PodInfo, node: NodeInfo) -> Static:
    """Return what follows from the pod's spec and the node alone; remembered by the node."""
    known = node.static.get(pod.signature)
    return known if known is not None else node.remember(pod.signature, _static_verdict(pod.spec, node))


def _static_verdict(spec: Mapping[str, Any], node: NodeInfo) -> Static:
    tolerations = spec.get("tolerations") or ()
    if reason := (
        excluded_by_name(spec, node)
        or unschedulable(tolerations, node)
        or untolerated(tolerations, node)
        or node_affinity(spec, node)
    ):
        return Static((reason,), 0, 0)
    terms = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(PREFERRED) or ()
    preference = sum(t["weight"] for t in terms if matches_node(t["preference"], node.labels, node.name))
    avoided = sum(
        taint["effect"] == "PreferNoSchedule" and not tolerated(tolerations, taint) for taint in node.taints
    )
    return Static((), preference, avoided)


def fits(pod: PodInfo, node: NodeInfo) -> bool:
    """Tell whether the pod's requests are free; `insufficient` says what is missing."""
    free = node.free
    return all(free.get(name, 0) >= amount for name, amount in pod.requests)


def insufficient(pod: PodInfo, node: NodeInfo) -> tuple[str, ...]:
    """Say which resources are not free."""
    return tuple(
        messages.insufficient(name) for name, amount in pod.requests if node.free.get(name, 0) < amount
    )


def too_large(pod: PodInfo, node: NodeInfo) -> bool:
    """Tell whether the pod asks for more than the whole node has."""
    allocatable = node.allocatable
    return any(allocatable.get(name, 0) < amount for name, amount in pod.requests if name != "pods")


def ports_taken(pod: PodInfo, node: NodeInfo) -> bool:
    """Tell whether another pod has one of the pod's host ports."""
    return any(_clashes(wanted, taken) for wanted in pod.ports for taken in node.ports)


def _clashes(one: Port, other: Port) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or ANY_ADDRESS in (one[0], other[0]))


def pod_affinity(pod: PodInfo, state: ClusterState) -> Callable[[NodeInfo], str] | None:
    """Return the filter of required affinity and anti-affinity between pods, None where nothing is wished.

    What is common to all nodes is looked up once, here.
    """
    near = [(term.topology_key, state.found(term)) for term in pod.affinity.near]
    apart = [(term.topology_key, state.found(term)) for term in pod.affinity.apart]
    refusing = state.refusing(pod)
    if not near and not apart and not refusing:
        return None
    first = _is_first(pod, pod.affinity.near, state)

    def reason(node: NodeInfo) -> str:
        labels = node.labels
        for key, where in near:
            value = labels.get(key)
            if value is None or not (where.get(value) or first):
                return messages.POD_AFFINITY
        for key, where in apart:
            if where.get(labels.get(key, "")):
                return messages.POD_ANTI_AFFINITY
        for key, where in refusing:
            if where.get(labels.get(key, "")):
                return messages.EXISTING_ANTI_AFFINITY
        return ""

    return reason


def _is_first(pod: PodInfo, terms: tuple[PodTerm, ...], state: ClusterState) -> bool:
    """Tell whether the pod may start a group: it means itself and nobody else is there yet."""
    return all(state.meant(term, pod) for term in terms) and not any(state.found(term) for term in terms)


def among_pods(pod: PodInfo, state: ClusterState) -> Further | None:
    """Return the filter of all that depends on more than the node and its pods, None where nothing does."""
    found = (spread(pod, state), pod_affinity(pod, state))
    volumes, others = reachable(pod, state.storage), [one for one in found if one is not None]
    if not others:
        return volumes

    def reasons(node: NodeInfo) -> tuple[str, ...]:
        if volumes is not None and (why := volumes(node)):
            return why
        for one in others:
            if reason := one(node):
                return (reason,)
        return ()

    return reasons


def reasons(pod: PodInfo, node: NodeInfo, further: Further | None) -> tuple[str, ...]:
    """Return why the pod cannot be on the node, in kube-scheduler's words; empty where it can.

    Args:
        pod: the pod.
        node: the node.
        further: from `among_pods`.
    """
    static = static_verdict(pod, node)
    if static.reasons:
        return static.reasons
    if pod.ports and ports_taken(pod, node):
        return (messages.PORTS,)
    if not fits(pod, node):
        return insufficient(pod, node)
    return further(node) if further is not None else ()
