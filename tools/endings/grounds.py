"""Clusters on which endings are produced: some nodes are there for one ending alone, which may do to them what it wants."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from seaway.controlplane.cluster import Cluster, ClusterSettings, run_cluster
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.controlplane.practice import Practice
from tools.endings.ending import Ending, Trouble
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import RunningNode, run_node


class Ground(Protocol):
    """A cluster whose nodes can be troubled."""

    kind: str
    """"embedded" or "real"."""
    kubeconfig: Path
    shared: str
    """The node of the endings that have none to themselves; nothing happens to it."""

    async def own_node(self, name: str, ending: Ending, /) -> str:
        """Return the node that an ending has to itself."""
        ...

    async def provoke(self, trouble: Trouble, node: str) -> None:
        """Have something happen to a node."""
        ...


@dataclass(slots=True)
class EmbeddedGround:
    """The embedded cluster: its nodes are there from the start."""

    kubeconfig: Path
    cluster: Cluster
    practice: Practice
    nodes: Mapping[str, str]
    """Of the endings that have one to themselves, by their names."""
    kind: str = "embedded"
    shared: str = "node-1"

    async def own_node(self, name: str, _ending: Ending, /) -> str:
        """Return the node that an ending has to itself."""
        return self.nodes[name]

    async def provoke(self, trouble: Trouble, node: str) -> None:
        """Have something happen to a node."""
        if trouble == "registry":
            next(one for one in self.cluster.nodes if one.name == node).trouble.registry_out = True
        elif trouble in ("kill", "kill and restore"):
            await self.practice.kill(node)
            if trouble == "kill and restore":
                await self.practice.restore(node)
        else:
            await self.practice.press(node, [trouble])


@asynccontextmanager
async def embedded_ground(folder: Path, endings: Mapping[str, Ending]) -> AsyncIterator[EmbeddedGround]:
    """Run an embedded cluster with the node that endings share, and one for each that wants it to itself."""
    own = {name: ending for name, ending in endings.items() if ending.node is not None}
    settings = ClusterSettings(
        home=folder / "home", nodes=len(own) + 1, node_stop_seconds=1.0, node_heartbeat=2.0,
        controllers=ControllersSettings(node_grace=12.0, node_monitor=1.0),
        pretend_gpus=[("a100", 0), *(("a100", int((ending.node or {}).get("gpus", 0))) for ending in own.values())],
    )  # fmt: skip
    async with run_cluster(settings) as cluster:
        practice = Practice(cluster.client("admin", ["system:masters"]), cluster.nodes)
        nodes = dict(zip(own, (node.name for node in cluster.nodes[1:]), strict=True))
        yield EmbeddedGround(cluster.kubeconfig, cluster, practice, nodes)


@dataclass(slots=True)
class RealGround:
    """Kubernetes' own control plane, with nodes of Seaway's, each a process."""

    plane: ControlPlane
    folder: Path
    stack: AsyncExitStack
    running: dict[str, RunningNode] = field(default_factory=dict)
    kind: str = "real"
    shared: str = "node-of-endings"

    @property
    def kubeconfig(self) -> Path:
        """Return an administrator's kubeconfig."""
        return self.plane.kubeconfig

    async def own_node(self, name: str, ending: Ending, /) -> str:
        """Start the node that an ending has to itself."""
        node = f"own-{name}"
        await self.start(node, int((ending.node or {}).get("gpus", 0)))
        return node

    async def start(self, node: str, gpus: int) -> None:
        """Start a node, which is stopped when the ground is left."""
        flags = ("--pretend-gpus", str(gpus), "--heartbeat-seconds", "3")
        running = run_node(self.plane, self.folder / node, node, flags)
        self.running[node] = await asyncio.to_thread(running.__enter__)
        self.stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)

    async def provoke(self, trouble: Trouble, node: str) -> None:
        """Have something happen to a node."""
        if trouble == "kill":
            await asyncio.to_thread(self.running[node].kill)
        else:
            self.running[node].tell(trouble)


@asynccontextmanager
async def real_ground(plane: ControlPlane, folder: Path) -> AsyncIterator[RealGround]:
    """Give a control plane the node that endings share; those with one to themselves start it."""
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        ground = RealGround(plane, folder, stack)
        await ground.start(ground.shared, 0)
        yield ground
