"""What all pods of a node share."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.node.cpumanager import CpuManager
from seaway.controlplane.node.gpu import Gpu, choose
from seaway.controlplane.node.keptlogs import KeptLogs
from seaway.controlplane.node.names import Neighbours
from seaway.controlplane.node.processes import ProcessRuntime
from seaway.controlplane.node.settings import ImageEnvironment, NodeSettings
from seaway.controlplane.node.trouble import Trouble
from seaway.reconcile.recorder import EventRecorder


class Addresses:
    """The node's loopback range: one address for the node, one for each pod."""

    def __init__(self, network: str) -> None:
        self._network = ipaddress.IPv4Network(network)
        self.node = str(self._network[1])
        self._taken: dict[str, str] = {}
        self._next = 2

    def reserve(self, owner: str, address: str) -> None:
        """Keep an address that a pod has already."""
        self._taken[address] = owner

    def take(self, owner: str) -> str:
        """Return a free address, not one that was given back just now."""
        for _ in range(self._network.num_addresses):
            address = str(self._network[self._next])
            self._next = self._next + 1 if self._next < self._network.num_addresses - 2 else 2
            if address not in self._taken:
                self._taken[address] = owner
                return address
        raise RuntimeError(f"all addresses of {self._network} are taken; give the node a larger range")

    def give_back(self, owner: str) -> None:
        """Free what a pod had."""
        self._taken = {address: who for address, who in self._taken.items() if who != owner}


@dataclass(slots=True)
class GpuLedger:
    """Which container has which GPU."""

    gpus: Sequence[Gpu] = ()
    _held: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    def take(self, pod_uid: str, container: str, count: int) -> tuple[str, ...]:
        """Give GPUs to a container; the same ones again where it has some. Raises NotEnoughGpusError."""
        key = (pod_uid, container)
        if key not in self._held:
            taken = [uuid for uuids in self._held.values() for uuid in uuids]
            self._held[key] = choose(self.gpus, taken, count)
        return self._held[key]

    def restore(self, pod_uid: str, container: str, uuids: Sequence[str]) -> None:
        """Note what a container has that was started before."""
        self._held[pod_uid, container] = tuple(uuids)

    def give_back(self, pod_uid: str) -> None:
        """Free what a pod had."""
        self._held = {key: uuids for key, uuids in self._held.items() if key[0] != pod_uid}


@dataclass(slots=True)
class NodeContext:
    """What a pod's worker works with."""

    client: Client
    settings: NodeSettings
    clock: Clock
    runtime: ProcessRuntime
    recorder: EventRecorder
    images: Mapping[str, ImageEnvironment]
    addresses: Addresses
    gpus: GpuLedger
    allocatable: Mapping[str, str]
    cpus: CpuManager = field(default_factory=CpuManager)
    trouble: Trouble = field(default_factory=Trouble)
    """What somebody practises here."""
    short_of: list[str] = field(default_factory=list)
    """What the node has too little of, of `trouble.KINDS`."""
    pulled: set[str] = field(default_factory=set)
    """Images that a container of this node has been started from."""
    neighbours: Neighbours | None = None
    """What the cluster's network tells of services and names; None for a node that joins another control plane."""
    kept_logs: KeptLogs = field(init=False)
    """Those of pods that are gone."""

    def __post_init__(self) -> None:
        self.kept_logs = KeptLogs(self.settings.folder / "kept-logs")

    def pod_folder(self, uid: str) -> Path:
        """Return where a pod's files lie."""
        return self.settings.folder / "pods" / uid

    def container_folder(self, uid: str, name: str, attempt: int) -> Path:
        """Return where the files of one attempt of a container lie."""
        return self.pod_folder(uid) / "containers" / name / str(attempt)

    def event(
        self, pod: Mapping[str, Any], kind: str, reason: str, message: str, container: str = ""
    ) -> None:
        """Report what happened to a pod, or to one of its containers."""
        inits = {c["name"] for c in pod["spec"].get("initContainers") or ()}
        added = {c["name"] for c in pod["spec"].get("ephemeralContainers") or ()}
        group = "initContainers" if container in inits else "containers"
        group = "ephemeralContainers" if container in added else group
        path = f"spec.{group}{{{container}}}" if container else ""
        self.recorder.event(
            {"apiVersion": "v1", "kind": "Pod", **pod}, kind, reason, message, field_path=path
        )
