"""When a node runs short of something, and which pod then has to go: pure.

Source: Kubernetes documentation, "Node-pressure Eviction".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.node.state import container_specs
from seaway.controlplane.node.status import qos_class
from seaway.objects.quantity import whole

Object = Mapping[str, Any]
RESOURCES = {"memory": "memory", "disk": "ephemeral-storage", "pid": "pids"}
"""What is reclaimed, as Kubernetes names it."""
CONDITIONS = {"memory": "MemoryPressure", "disk": "DiskPressure", "pid": "PIDPressure"}
TAINT_OF_MEMORY = "node.kubernetes.io/memory-pressure"
_CRITICAL = 2_000_000_000
"""Pods of this priority and above keep the system going: they are not evicted."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Below these a node is under pressure (the kubelet's hard thresholds)."""

    memory: int = 100 << 20
    """Bytes of memory available."""
    disk_share: float = 0.02
    """Part of the file system that is free ..."""
    disk: int = 1 << 30
    """... or bytes that are, whichever is less: one per cent of a large disk is still much."""
    pids: int = 100
    """Processes that can still be started."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What a machine has left."""

    memory: int
    """Bytes available."""
    disk: int
    """Bytes free on the file system of the node's folder."""
    disk_total: int
    pids: int | None = None
    """Processes that can still be started; None where the system does not say."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one pod uses now."""

    memory: int = 0
    disk: int = 0
    processes: int = 0
    containers: tuple[tuple[str, int, int], ...] = ()
    """(name, memory, disk) of each, both in bytes."""


def pressures(signals: Signals, thresholds: Thresholds) -> dict[str, tuple[int, int]]:
    """Return what the machine runs short of: for each the threshold and what is left."""
    disk = min(int(signals.disk_total * thresholds.disk_share), thresholds.disk)
    pairs = {"memory": (thresholds.memory, signals.memory), "disk": (disk, signals.disk)}
    if signals.pids is not None:
        pairs["pid"] = (thresholds.pids, signals.pids)
    return {kind: (limit, left) for kind, (limit, left) in pairs.items() if left < limit}


def ranked(pods: Iterable[tuple[Object, Use]], kind: str) -> list[tuple[Object, Use]]:
    """Return the pods that may be evicted, the one that goes first at the front.

    First those that use more than they asked for, then by priority, then by how much more they use.
    """

    def order(entry: tuple[Object, Use]) -> tuple[bool, int, int]:
        pod, use = entry
        priority = pod["spec"].get("priority") or 0
        if kind == "pid":
            return False, priority, -use.processes
        over = (use.memory if kind == "memory" else use.disk) - requested(pod, RESOURCES[kind])
        return over <= 0, priority, -over

    return sorted((entry for entry in pods if not is_critical(entry[0])), key=order)


def is_critical(pod: Object) -> bool:
    """Tell whether a pod is one that keeps the system going."""
    return (pod["spec"].get("priority") or 0) >= _CRITICAL


def requested(pod: Object, resource: str) -> int:
    """Return how much of a resource a pod's containers ask for, its sidecars included."""
    mains = pod["spec"]["containers"]
    inits = pod["spec"].get("initContainers") or ()
    sidecars = [c for c in inits if c.get("restartPolicy") == "Always"]
    return sum(_request(container, resource) for container in [*mains, *sidecars])


def message(pod: Object, use: Use, kind: str, found: tuple[int, int] | None) -> str:
    """Return why a pod is evicted, in Kubernetes' words.

    Args:
        pod: the pod.
        use: what it uses.
        kind: what the node is short of.
        found: the threshold and what is left; None where that was not measured.
    """
    resource = RESOURCES[kind]
    text = f"The node was low on resource: {resource}. "
    if found is not None:
        text += f"Threshold quantity: {_quantity(found[0], kind)}, available: {_quantity(found[1], kind)}. "
    if kind == "pid":
        return text
    specs = container_specs(dict(pod))
    for name, memory, disk in use.containers:
        used, asked = (memory if kind == "memory" else disk), _request(specs[name], resource)
        if used > asked:
            amounts = f"{_quantity(used, kind)}, request is {_quantity(asked, kind)}"
            text += f"Container {name} was using {amounts}, has larger consumption of {resource}. "
    return text


def rejection(pod: Object, short_of: Sequence[str]) -> str | None:
    """Return why a node that is short of something does not take a pod that was bound to it, None where it does."""
    if not short_of or is_critical(pod):
        return None
    if list(short_of) == ["memory"] and (qos_class(pod) != "BestEffort" or _tolerates_memory(pod)):
        return None
    named = " ".join(CONDITIONS[kind] for kind in short_of)
    return f"The node had condition: [{named}]. "


def _tolerates_memory(pod: Object) -> bool:
    return any(
        t.get("key") in (None, "", TAINT_OF_MEMORY) and t.get("effect") in (None, "", "NoSchedule")
        for t in pod["spec"].get("tolerations") or ()
    )


def _request(container: Object, resource: str) -> int:
    asked = ((container.get("resources") or {}).get("requests") or {}).get(resource)
    return 0 if asked is None else whole(asked)


def _quantity(amount: int, kind: str) -> str:
    return str(amount) if kind == "pid" else binary(amount)


def binary(amount: int) -> str:
    """Write bytes as Kubernetes does: in the largest binary unit that keeps them whole."""
    for shift, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")):
        if amount and amount % (1 << shift) == 0:
            return f"{amount >> shift}{unit}"
    return str(amount)
