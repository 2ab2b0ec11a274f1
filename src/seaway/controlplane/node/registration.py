"""The Node object, its conditions and its Lease."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from seaway.base.clock import rfc3339, rfc3339_micro
from seaway.controlplane.node.gpu import RESOURCE, Gpu
from seaway.controlplane.node.settings import NodeSettings

Object = dict[str, Any]
LEASE_NAMESPACE = "kube-node-lease"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_VERSION = "v1.36.0"
_PRESSURES = {
    "memory": (
        "MemoryPressure",
        ("SufficientMemory", "sufficient memory available"),
        ("InsufficientMemory", "insufficient memory available"),
    ),
    "disk": ("DiskPressure", ("NoDiskPressure", "no disk pressure"), ("DiskPressure", "disk pressure")),
    "pid": (
        "PIDPressure",
        ("SufficientPID", "sufficient PID available"),
        ("InsufficientPID", "insufficient PID available"),
    ),
}
"""By what is short: the condition, and reason and message for enough and for too little."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has."""

    cpus: int
    memory: int
    """Bytes."""
    storage: int
    """Bytes of the file system that the node's folder lies on."""
    hostname: str
    gpus: Sequence[Gpu] = ()


def look_at_machine(folder: Path, gpus: Sequence[Gpu]) -> Machine:
    """Return what this machine has, as far as this process may use it."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(
        usable,
        psutil.virtual_memory().total,
        shutil.disk_usage(folder).total,
        socket.gethostname(),
        tuple(gpus),
    )


def capacity(machine: Machine, settings: NodeSettings) -> dict[str, str]:
    """Return the Node's capacity."""
    found = {
        "cpu": str(machine.cpus),
        "memory": f"{machine.memory >> 10}Ki",
        "ephemeral-storage": f"{machine.storage >> 10}Ki",
        "pods": str(settings.max_pods),
    }
    return found | ({RESOURCE: str(len(machine.gpus))} if machine.gpus else {})


def allocatable(machine: Machine, settings: NodeSettings) -> dict[str, str]:
    """Return what of the capacity pods may ask for."""
    free = max(machine.memory - settings.reserved_memory, 0)
    kept = min(settings.reserved_cpus, machine.cpus) if settings.exclusive_cpus else 0
    return capacity(machine, settings) | {"memory": f"{free >> 10}Ki", "cpu": str(machine.cpus - kept)}


def node_object(machine: Machine, settings: NodeSettings) -> Object:
    """Return the Node as it is registered; its status is written apart."""
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    system = sys.platform if sys.platform != "linux" else "linux"
    labels = {
        "kubernetes.io/hostname": settings.name,
        "kubernetes.io/os": system,
        "kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": system,
        "beta.kubernetes.io/arch": architecture,
    }
    if machine.gpus:
        labels["nvidia.com/gpu.product"] = _label(machine.gpus[0].model)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": settings.name, "labels": labels | dict(settings.labels)},
        "spec": {},
    }


def node_status(
    machine: Machine,
    settings: NodeSettings,
    address: str,
    old: Sequence[Mapping[str, Any]],
    short_of: Collection[str],
    now: float,
    port: int = 0,
) -> Object:
    """Return the Node's status.

    Args:
        machine: what there is.
        settings: of the node.
        address: of the node.
        old: conditions as written before, for the times of their last change.
        short_of: those of "memory", "disk" and "pid" that the machine runs short of.
        now: seconds since the epoch.
        port: of the node's server; 0 where it has none.
    """
    # Its API server hands WebSockets on to a node that declares this (KEP-4006), and speaks SPDY to it otherwise.
    declared = {"declaredFeatures": ["ExtendWebSocketsToKubelet"]} if port else {}
    return declared | {
        "capacity": capacity(machine, settings),
        "allocatable": allocatable(machine, settings),
        "conditions": conditions(old, short_of, now),
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": settings.name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port or 10250}},
        "nodeInfo": node_info(),
    }


def node_info() -> Object:
    """Return the Node's description of its system."""
    return {
        "machineID": f"{uuid.getnode():032x}",
        "systemUUID": str(uuid.UUID(int=uuid.getnode())),
        "bootID": str(int(psutil.boot_time())),
        "kernelVersion": platform.release(),
        "osImage": _system_name(),
        "containerRuntimeVersion": "seaway://0.1.0",
        "kubeletVersion": f"{_VERSION}+seaway",
        "kubeProxyVersion": "",
        "operatingSystem": sys.platform,
        "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
    }


def conditions(old: Sequence[Mapping[str, Any]], short_of: Collection[str], now: float) -> list[Object]:
    """Return the Node's conditions."""
    wanted = [
        *(_pressure(kind, bad=kind in short_of) for kind in _PRESSURES),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
    before = {c["type"]: c for c in old}
    found = []
    for kind, status, reason, message in wanted:
        known = before.get(kind)
        since = known["lastTransitionTime"] if known and known.get("status") == status else rfc3339(now)
        found.append({
            "type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": rfc3339(now), "lastTransitionTime": since,
        })  # fmt: skip
    own = {kind for kind, *_ in wanted}
    return [*found, *(dict(c) for c in old if c["type"] not in own)]


def lease(name: str, node_uid: str, now: float, seconds: float) -> Object:
    """Return the node's Lease, renewed now."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": name,
            "namespace": LEASE_NAMESPACE,
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": name, "uid": node_uid}],
        },
        "spec": {
            "holderIdentity": name,
            "leaseDurationSeconds": max(int(seconds * 4), 1),
            "renewTime": rfc3339_micro(now),
        },
    }


def _pressure(kind: str, *, bad: bool) -> tuple[str, str, str, str]:
    condition, words, bad_words = _PRESSURES[kind]
    said = bad_words if bad else words
    return condition, "True" if bad else "False", f"KubeletHas{said[0]}", f"kubelet has {said[1]}"


def _system_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _label(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in text)[:63].strip("-_.")
