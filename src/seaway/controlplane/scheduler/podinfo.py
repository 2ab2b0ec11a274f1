"""What the scheduler must know of a pod: requests, ports, wishes; computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from seaway.controlplane.scheduler.spreadterms import (
    SpreadConstraint,
    default_constraints,
    spread_constraints,
)
from seaway.controlplane.scheduler.terms import PodAffinity, pod_affinity
from seaway.objects.meta import controller_of
from seaway.objects.pods import pod_requests
from seaway.objects.quantity import cpu_millis, whole
from seaway.objects.volumes import claims_of

Object = dict[str, Any]
Requests = dict[str, int]
"""CPU in thousandths of a core, everything else in bytes or pieces."""
Port = tuple[str, str, int]
"""Address, protocol, number."""

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - the API's word for any address
PREEMPTION = "PreemptionByScheduler"
"""Reason of the condition DisruptionTarget of a pod that makes room."""
FOREVER = "~"
"""Later than every time in RFC 3339: when a pod began that has not begun."""
DEFAULT_CPU = 100
DEFAULT_MEMORY = 200 << 20
"""What a container that requests nothing counts for in scores, as in kube-scheduler."""


@dataclass(frozen=True, slots=True)
class PodInfo:
    """One pod, as filters and scores see it."""

    key: str
    uid: str
    namespace: str
    name: str
    labels: Mapping[str, str]
    owner: str
    """Uid of its controller, "" for none."""
    spec: Object
    priority: int
    requests: tuple[tuple[str, int], ...]
    """Without zeros; "pods" is one of them."""
    score_cpu: int
    score_memory: int
    ports: tuple[Port, ...]
    claims: tuple[str, ...]
    """Names of the claims that it uses."""
    affinity: PodAffinity
    spread: tuple[SpreadConstraint, ...]
    nominated: str
    """The node where others were asked to make room for it, "" for none."""
    preempts: bool
    """Whether it may have others make room."""
    started: str
    """RFC 3339."""
    terminating: bool
    preempted: bool
    """Whether it is terminating because the scheduler made room for another pod."""
    signature: bytes
    """Equal for pods that static filters cannot tell apart."""
    shape: tuple[Any, ...]
    """Equal for pods of which either all or none fit; None in it where that cannot be said."""


def pod_info(pod: Object) -> PodInfo:
    """Return the scheduler's view of a pod."""
    metadata, spec = pod["metadata"], pod["spec"]
    namespace = metadata.get("namespace", "")
    wanted = effective_requests(spec)
    requests = tuple(sorted((wanted | {"pods": 1}).items()))
    ports = host_ports(spec)
    affinity = pod_affinity(spec, namespace)
    signature = static_signature(spec)
    labels = metadata.get("labels") or {}
    claims = claims_of(pod) if "volumes" in spec else ()
    owner = controller_of(pod)
    spread = spread_constraints(spec, namespace, labels) or default_constraints(owner, namespace)
    status, priority = pod.get("status") or {}, spec.get("priority") or 0
    nominated, preempts = status.get("nominatedNodeName") or "", spec.get("preemptionPolicy") != "Never"
    sorted_labels = tuple(sorted(labels.items()))
    shape = (
        signature, requests, ports, namespace, sorted_labels, affinity, spread, priority, nominated, preempts,
        claims,
    )  # fmt: skip
    containers = len(spec.get("containers") or ())
    terminating = bool(metadata.get("deletionTimestamp"))
    return PodInfo(
        key=f"{namespace}/{metadata['name']}",
        uid=metadata.get("uid", ""),
        namespace=namespace,
        name=metadata["name"],
        labels=labels,
        owner=(owner or {}).get("uid", ""),
        spec=spec,
        priority=priority,
        requests=requests,
        score_cpu=wanted.get("cpu") or DEFAULT_CPU * containers,
        score_memory=wanted.get("memory") or DEFAULT_MEMORY * containers,
        ports=ports,
        claims=claims,
        affinity=affinity,
        spread=spread,
        nominated=nominated,
        preempts=preempts,
        started=status.get("startTime") or FOREVER,
        terminating=terminating,
        preempted=terminating and _is_preempted(status),
        signature=signature,
        shape=shape,
    )


def _is_preempted(status: Mapping[str, Any]) -> bool:
    return any(
        (one["type"], one["status"], one.get("reason")) == ("DisruptionTarget", "True", PREEMPTION)
        for one in status.get("conditions") or ()
    )


def effective_requests(spec: Mapping[str, Any]) -> Requests:
    """Return what a pod requests in all, in the integers of `amounts`."""
    return pod_requests(spec, amounts)


def amounts(quantities: Mapping[str, Any]) -> Requests:
    """Return quantities as integers: CPU in millicores, everything else whole."""
    return {name: _amount(name, str(quantity)) for name, quantity in quantities.items()}


@lru_cache(maxsize=4096)
def _amount(name: str, quantity: str) -> int:
    return cpu_millis(quantity) if name == "cpu" else whole(quantity)


def host_ports(spec: Mapping[str, Any]) -> tuple[Port, ...]:
    """Return the ports of the node that a pod wants for itself."""
    containers = (*(spec.get("containers") or ()), *_sidecars(spec))
    ports = (
        port for container in containers for port in container.get("ports") or () if port.get("hostPort")
    )
    return tuple((p.get("hostIP") or ANY_ADDRESS, p.get("protocol") or "TCP", p["hostPort"]) for p in ports)


def static_signature(spec: Mapping[str, Any]) -> bytes:
    """Return what static filters and preferences depend on, as one comparable value."""
    affinity = (spec.get("affinity") or {}).get("nodeAffinity")
    relevant = (spec.get("nodeSelector"), affinity, spec.get("tolerations"))
    return orjson.dumps(relevant, option=orjson.OPT_SORT_KEYS)


def _sidecars(spec: Mapping[str, Any]) -> list[Object]:
    return [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
