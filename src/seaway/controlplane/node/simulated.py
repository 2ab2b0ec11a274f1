"""Hollow nodes: they register, send heartbeats and report their pods as running, but run nothing. For scale tests and learning.

A pod ends after the seconds of its annotation `seaway.dev/simulated-seconds`, with the exit code of
`seaway.dev/simulated-exit-code` (0 where it has none); without the first it runs until it is deleted.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from seaway.base.clock import Clock, SystemClock, rfc3339, rfc3339_micro
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.client.watch import Collection, Snapshot, follow
from seaway.controlplane.node import registration
from seaway.controlplane.node.settings import NodeSettings
from seaway.controlplane.node.state import Exit, Object, PodState, Running, states_of
from seaway.controlplane.node.status import Now, pod_status
from seaway.objects.builtin import LEASES, NAMESPACES, NODES, PODS
from seaway.objects.errors import AlreadyExists, ApiError, Conflict, NotFound
from seaway.objects.meta import get_condition
from seaway.objects.pods import has_ended

log = logging.getLogger(__name__)
SECONDS_ANNOTATION = "seaway.dev/simulated-seconds"
EXIT_CODE_ANNOTATION = "seaway.dev/simulated-exit-code"
SIMULATED_LABEL = "seaway.dev/simulated"
"""Label of hollow nodes, with the value "true"; also the key of their taint in an embedded cluster."""


@dataclass(frozen=True, slots=True)
class SimulatedSettings:
    """What the hollow nodes pretend to be."""

    prefix: str = "simulated-"
    """Nodes are named so, with a number from 0."""
    cpus: int = 32
    memory: int = 128 << 30
    """Bytes."""
    max_pods: int = 110
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    """That nodes are made with."""
    heartbeat_seconds: float = 20.0
    """Each node's Lease is renewed this often; spread evenly over the time."""
    writers: int = 16
    """Calls to the API server at once."""


class SimulatedNodes:
    """So many hollow nodes.

    Args:
        client: of the cluster.
        count: how many nodes.
        settings: what they pretend to be.
        clock: measures heartbeats and pods' run times.
    """

    def __init__(
        self,
        client: Client,
        count: int,
        settings: SimulatedSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._client, self._settings, self._clock = (
            client,
            settings or SimulatedSettings(),
            clock or SystemClock(),
        )
        self.names = tuple(f"{self._settings.prefix}{number}" for number in range(count))
        self._known = frozenset(self.names)
        self._begun: set[str] = set()
        self._ending: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(self._settings.writers)
        self._uids: dict[str, str] = {}
        self._silent: set[str] = set()
        self._missed: dict[str, Object] = {}
        self.pressure: dict[str, set[str]] = {}
        """What nodes pretend to be short of."""

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Register the nodes, then play them until cancelled."""
        await self._ensure_lease_namespace()
        await self._each(self._register, self.names)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(), name="simulated pods")
                group.create_task(self._beat(), name="simulated heartbeats")
                ready()
        finally:
            for task in self._tasks:
                task.cancel()

    @property
    def silent(self) -> frozenset[str]:
        """Nodes that say nothing any more."""
        return frozenset(self._silent)

    def silence(self, name: str) -> None:
        """Have a node say nothing any more, neither of itself nor of its pods."""
        self._silent.add(name)

    async def wake(self, name: str) -> None:
        """Have a node speak again: it catches up with what happened to its pods, which go on as they were."""
        self._silent.discard(name)
        await self._register(name)
        missed = [pod for pod in self._missed.values() if pod["spec"]["nodeName"] == name]
        for pod in missed:
            del self._missed[pod["metadata"]["uid"]]
            self._see(pod)

    async def say_pressure(self, name: str) -> None:
        """Write a node's conditions anew, unless it is silent."""
        if name not in self._silent:
            await self._register(name)

    async def _each(self, work: Callable[[str], Awaitable[None]], names: Iterable[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._in_turn(work, name))

    async def _in_turn(self, work: Callable[[str], Awaitable[None]], name: str) -> None:
        async with self._room:
            await work(name)

    async def _ensure_lease_namespace(self) -> None:
        try:
            await self._client.create(NAMESPACES, {"metadata": {"name": registration.LEASE_NAMESPACE}})
        except AlreadyExists:
            return

    async def _register(self, name: str) -> None:
        settings = self._settings
        machine = registration.Machine(settings.cpus, settings.memory, 1 << 40, name)
        node = NodeSettings(
            name=name,
            folder=Path(),
            max_pods=settings.max_pods,
            labels={SIMULATED_LABEL: "true", **settings.labels},
            reserved_memory=0,
        )
        try:
            wanted = registration.node_object(machine, node)
            wanted["spec"] = {"taints": [dict(taint) for taint in settings.taints]} if settings.taints else {}
            made = await self._client.create(NODES, wanted)
        except AlreadyExists:
            made = await self._client.get(NODES, name)
        self._uids[name] = made["metadata"]["uid"]
        old = (made.get("status") or {}).get("conditions") or []
        status = registration.node_status(
            machine, node, "127.0.0.1", old, self.pressure.get(name, ()), self._clock.now()
        )
        await self._client.patch(NODES, name, {"status": status}, subresource="status")
        await self._renew(name)

    async def _renew(self, name: str) -> None:
        if name in self._silent:
            return
        now = self._clock.now()
        try:
            patch = {"spec": {"renewTime": rfc3339_micro(now)}}
            await self._client.patch(LEASES, name, patch, registration.LEASE_NAMESPACE)
        except NotFound:
            lease = registration.lease(name, self._uids[name], now, self._settings.heartbeat_seconds)
            await self._client.create(LEASES, lease, registration.LEASE_NAMESPACE)

    async def _beat(self) -> None:
        pause = self._settings.heartbeat_seconds / max(len(self.names), 1)
        batch = max(1, math.ceil(0.1 / pause))
        while True:
            for start in range(0, len(self.names), batch):
                await self._clock.sleep(pause * batch)
                try:
                    await self._each(self._renew, self.names[start : start + batch])
                except* (ApiError, Unreachable) as errors:
                    log.warning("simulated heartbeats: %s", errors.exceptions[0])

    async def _follow(self) -> None:
        async with aclosing(follow(self._client, Collection(PODS), clock=self._clock)) as changes:
            async for change in changes:
                if isinstance(change, Snapshot):
                    for pod in change.items:
                        self._see(pod)
                elif change.type == "DELETED":
                    self._missed.pop(change.object["metadata"]["uid"], None)
                    self._begun.discard(change.object["metadata"]["uid"])
                    self._ending.discard(change.object["metadata"]["uid"])
                elif change.type != "BOOKMARK":
                    self._see(change.object)

    def _see(self, pod: Object) -> None:
        if pod["spec"].get("nodeName") not in self._known:
            return
        uid = pod["metadata"]["uid"]
        if pod["spec"]["nodeName"] in self._silent:
            self._missed[uid] = pod
            return
        if "deletionTimestamp" in pod["metadata"]:
            if uid not in self._ending:
                self._ending.add(uid)
                self._spawn(self._delete(pod))
        elif uid not in self._begun:
            self._begun.add(uid)
            if not has_ended(pod):
                self._spawn(self._play(pod))
        elif _is_said_not_ready(pod):
            self._spawn(self._say_ready(pod))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except (NotFound, Conflict):
            return
        except (ApiError, Unreachable) as error:
            log.warning("simulated pod: %s", error)

    async def _play(self, pod: Object) -> None:
        annotations = pod["metadata"].get("annotations") or {}
        began = int(self._clock.now() * 1e9)
        state = PodState(containers=states_of(pod), ip="127.0.0.1", sandbox=True)
        for container in state.containers.values():
            done = container.init and not container.sidecar
            container.current = Exit(0, started_ns=began, finished_ns=began) if done else Running(began)
            container.attempt, container.started, container.ready = 0, True, True
        await self._write(pod, state, ended=False)
        seconds = annotations.get(SECONDS_ANNOTATION)
        if seconds is None:
            return
        await self._clock.sleep(float(seconds))
        end = Exit(
            int(annotations.get(EXIT_CODE_ANNOTATION) or 0),
            started_ns=began,
            finished_ns=int(self._clock.now() * 1e9),
        )
        for container in state.containers.values():
            container.current = container.exit or end
        await self._write(pod, state, ended=True)

    async def _write(self, pod: Object, state: PodState, *, ended: bool) -> None:
        status = pod_status(pod, state, Now(self._clock.now(), "127.0.0.1", ended))
        metadata = pod["metadata"]
        body = {"metadata": {"uid": metadata["uid"]}, "status": status}
        async with self._room:
            await self._client.patch(
                PODS, metadata["name"], body, metadata["namespace"], subresource="status"
            )

    async def _say_ready(self, pod: Object) -> None:
        metadata = pod["metadata"]
        condition = {"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(self._clock.now())}
        body = {"metadata": {"uid": metadata["uid"]}, "status": {"conditions": [condition]}}
        async with self._room:
            await self._client.patch(
                PODS, metadata["name"], body, metadata["namespace"],
                subresource="status", content_type=STRATEGIC_MERGE_PATCH,
            )  # fmt: skip

    async def _delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        async with self._room:
            await self._client.delete(
                PODS, metadata["name"], metadata["namespace"], grace_seconds=0, uid=metadata["uid"]
            )


def _is_said_not_ready(pod: Object) -> bool:
    """Tell whether others say that a pod is not ready whose containers are: its node was silent for a while."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or ()
    ready = get_condition(pod, "Ready")
    return bool(
        status.get("phase") == "Running"
        and not pod["spec"].get("readinessGates")
        and ready
        and ready["status"] != "True"
        and all(container.get("ready") for container in containers)
    )
