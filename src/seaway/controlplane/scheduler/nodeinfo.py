"""A node and the pods on it, as filters and scores see them; kept up by addition and subtraction."""

from __future__ import annotations

from typing import Any, NamedTuple

from seaway.controlplane.scheduler.podinfo import PodInfo, Port, amounts

Object = dict[str, Any]
SIGNATURES = 256
"""So many static verdicts a node remembers; then it starts anew."""


class Static(NamedTuple):
    """What of a pod and a node does not depend on other pods."""

    reasons: tuple[str, ...]
    """Why the pod cannot be here, empty where it can."""
    preference: int
    """Sum of the weights of the preferred node affinity terms that match."""
    avoided: int
    """How many PreferNoSchedule taints are not tolerated."""


class NodeInfo:
    """One node."""

    __slots__ = (
        "allocatable", "free", "labels", "name", "pods", "ports", "scored_cpu", "scored_memory", "static", "taints",
        "unschedulable",
    )  # fmt: skip

    def __init__(self, node: Object) -> None:
        self.pods: dict[str, PodInfo] = {}
        """By uid."""
        self.ports: dict[Port, int] = {}
        self.scored_cpu = self.scored_memory = 0
        self.static: dict[bytes, Static] = {}
        self.update(node)

    def update(self, node: Object) -> None:
        """Take over a new version of the node; its pods stay."""
        spec = node.get("spec") or {}
        status = node.get("status") or {}
        self.name: str = node["metadata"]["name"]
        self.labels: dict[str, str] = node["metadata"].get("labels") or {}
        self.taints: list[Object] = spec.get("taints") or []
        self.unschedulable: bool = bool(spec.get("unschedulable"))
        self.allocatable = amounts(status.get("allocatable") or status.get("capacity") or {})
        self.free = dict(self.allocatable)
        self.static.clear()
        for pod in self.pods.values():
            self._take(pod)

    def add(self, pod: PodInfo) -> None:
        """Count a pod in."""
        self.pods[pod.uid] = pod
        self._take(pod)
        self.scored_cpu += pod.score_cpu
        self.scored_memory += pod.score_memory
        for port in pod.ports:
            self.ports[port] = self.ports.get(port, 0) + 1

    def remove(self, uid: str) -> PodInfo | None:
        """Count a pod out; return it, None where it was not here."""
        pod = self.pods.pop(uid, None)
        if pod is None:
            return None
        for name, amount in pod.requests:
            self.free[name] = self.free.get(name, 0) + amount
        self.scored_cpu -= pod.score_cpu
        self.scored_memory -= pod.score_memory
        for port in pod.ports:
            self.ports[port] -= 1
            if not self.ports[port]:
                del self.ports[port]
        return pod

    def remember(self, signature: bytes, static: Static) -> Static:
        """Keep a static verdict until the node changes."""
        if len(self.static) >= SIGNATURES:
            self.static.clear()
        self.static[signature] = static
        return static

    def _take(self, pod: PodInfo) -> None:
        for name, amount in pod.requests:
            self.free[name] = self.free.get(name, 0) - amount


def relevant(node: Object) -> tuple[Any, ...]:
    """Return the parts of a node that scheduling depends on: heartbeats change none of them."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    return (
        node["metadata"].get("labels"), spec.get("taints"), spec.get("unschedulable"),
        status.get("allocatable"), status.get("capacity"),
    )  # fmt: skip
