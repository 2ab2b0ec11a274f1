"""The loop: pods without a node get one.

Choosing is quick and alone, binding takes a write and runs beside it: a chosen pod counts as placed at once (assumed),
and is taken back where its binding fails. Everything else is level-triggered: on start the informers say what is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff, cancel_all
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.controlplane.scheduler.podinfo import PodInfo, pod_info
from seaway.controlplane.scheduler.preemption import Room
from seaway.controlplane.scheduler.queue import PodQueue
from seaway.controlplane.scheduler.scores import Strategy
from seaway.controlplane.scheduler.select import Choice, Selector, make_room
from seaway.controlplane.scheduler.state import ClusterState
from seaway.controlplane.scheduler.storage import Wanted
from seaway.controlplane.scheduler.volumebinder import VolumeBinder
from seaway.controlplane.scheduler.writes import Writes
from seaway.objects.builtin import NAMESPACES, NODES, PODS
from seaway.objects.errors import ApiError, Conflict, NotFound
from seaway.objects.meta import labels, name, uid
from seaway.objects.pods import has_ended
from seaway.reconcile.informer import Informers
from seaway.reconcile.recorder import EventRecorder

log = logging.getLogger(__name__)
Object = dict[str, Any]
TURN = 0.003
"""Seconds after which the loop lets others run."""
RETRY = Backoff(initial=0.1, cap=10.0)


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """How the scheduler works."""

    name: str = "default-scheduler"
    """Pods whose spec.schedulerName differs are left to others."""
    strategy: Strategy = "spread"
    """"spread" puts a pod where most is free, "pack" where least is: whole nodes stay free for large pods."""
    enough_nodes: int = 100
    """So many feasible nodes are compared, 0 for all; only larger clusters notice (kube's percentageOfNodesToScore)."""
    bindings: int = 64
    """How many bindings are written at once."""
    volume_seconds: float = 600.0
    """How long the claims of a pod may take to be bound, as kube-scheduler's bindTimeoutSeconds."""


class Scheduler:
    """Binds pods to nodes."""

    name = "scheduler"

    def __init__(
        self,
        client: Client,
        informers: Informers,
        recorder: EventRecorder,
        clock: Clock,
        settings: SchedulerSettings | None = None,
    ) -> None:
        self._clock = clock
        self._settings = settings or SchedulerSettings()
        self._pods = informers.informer(PODS)
        self._write = Writes(client, self._pods, recorder, clock, self._settings.name)
        self._nodes = informers.informer(NODES)
        self._namespaces = informers.informer(NAMESPACES)
        self.state = ClusterState()
        self.queue = PodQueue()
        self._selector = Selector(self._settings.strategy, self._settings.enough_nodes)
        self._wake = asyncio.Event()
        seconds = self._settings.volume_seconds
        self._volumes = VolumeBinder(client, informers, self.state, self._wake.set, seconds)
        self._eased = 0
        self._failures: dict[str, int] = {}
        self._said: dict[str, str] = {}
        self._preempting: set[str] = set()
        self._writes: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(self._settings.bindings)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Schedule until cancelled; `ready` is called when the cluster is known."""
        ends = [self._nodes.subscribe(self._on_node), self._namespaces.subscribe(self._on_namespace)]
        try:
            for informer in (self._namespaces, self._nodes, self._pods):
                await informer.synced()
            ends += await self._volumes.follow()
            ends.append(self._pods.subscribe(self._on_pod))
            ready()
            await self._schedule_all()
        finally:
            for end in ends:
                end()
            await cancel_all(self._writes)

    async def _schedule_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = self._clock.monotonic()
            while True:
                if self._eased != self.state.eased:
                    self._eased = self.state.eased
                    self.queue.retry_blocked()
                pod = self.queue.pop()
                if pod is None:
                    break
                self.schedule_one(pod)
                if self._slots.locked() or self._clock.monotonic() - began > TURN:
                    async with self._slots:
                        await asyncio.sleep(0)
                    began = self._clock.monotonic()

    def schedule_one(self, pod: PodInfo) -> None:
        """Choose a node and start to bind, or put the pod aside and say why."""
        eased = self.state.eased
        message = self.queue.refusal(pod, eased)
        if message is None:
            choice = self._choose(pod)
            if choice.node is not None:
                self._assume(pod, choice.node)
                return
            message = choice.message
            if choice.may_preempt:
                self.queue.block(pod, eased, None)
                if pod.uid not in self._preempting:
                    self._preempting.add(pod.uid)
                    self._start(self._make_room(pod))
                return
        self.queue.block(pod, eased, message)
        if self._said.get(pod.uid) != message:
            self._start(self._say(pod, message))

    def _assume(self, pod: PodInfo, node: str) -> None:
        """Count the pod as being on the node, and have it bound: its claims first."""
        if not pod.claims:
            self.state.place(pod, node)
            self._start(self._bind(pod, node))
            return
        plan = self._volumes.promise(pod, node)
        self.state.place(pod, node)
        self._keep(self._bind_claims(pod, node, plan))

    def _choose(self, pod: PodInfo) -> Choice:
        """Return the choice; a pod that breaks the scheduler must not keep all others waiting."""
        try:
            return self._selector.choose(pod, self.state)
        except Exception as error:
            log.exception("choosing a node for pod %s failed", pod.key)
            return Choice(None, f"the scheduler failed on this pod: {error}")

    def _on_node(self, event_type: str, node: Object, _: Object | None) -> None:
        if event_type == "DELETED":
            self.state.remove_node(name(node))
        elif self.state.set_node(node):
            self._wake.set()

    def _on_namespace(self, event_type: str, namespace: Object, _: Object | None) -> None:
        self.state.set_namespace(name(namespace), None if event_type == "DELETED" else labels(namespace))

    def _on_pod(self, event_type: str, pod: Object, old: Object | None) -> None:
        spec = pod["spec"]
        if event_type == "DELETED" or has_ended(pod):
            self._forget(uid(pod))
        elif node := spec.get("nodeName"):
            self.queue.remove(uid(pod))
            self.state.nominated.pop(uid(pod), None)
            if self.state.node_of(uid(pod)) != node:
                self.state.place(pod_info(pod), node)
            elif old is not None and _counted(old) != _counted(pod):
                self.state.update(pod_info(pod))
        elif not is_waiting(pod, self._settings.name):
            self._leave(uid(pod))
        elif self._must_try(pod, old):
            self._enqueue(pod)
        if len(self.queue) or self._eased != self.state.eased:
            self._wake.set()

    def _enqueue(self, pod: Object) -> None:
        info = pod_info(pod)
        if info.nominated:
            self.state.nominated[info.uid] = info
        else:
            self.state.nominated.pop(info.uid, None)
        self.queue.add(info, pod["metadata"].get("creationTimestamp") or "")

    def _must_try(self, pod: Object, old: Object | None) -> bool:
        """Tell whether a pending pod is new here or changed in what scheduling depends on."""
        if self.state.node_of(uid(pod)) is not None:
            return False  # assumed: its binding is under way
        if not self.queue.knows(uid(pod)):
            return True
        return old is None or _asked(old) != _asked(pod)

    def _forget(self, pod_uid: str) -> None:
        self._leave(pod_uid)
        self.state.remove(pod_uid)
        self._said.pop(pod_uid, None)
        self._failures.pop(pod_uid, None)

    def _leave(self, pod_uid: str) -> None:
        self.queue.remove(pod_uid)
        if self.state.nominated.pop(pod_uid, None) is not None:
            self.state.eased += 1

    def _start(self, write: Coroutine[Any, Any, None]) -> None:
        self._keep(self._limited(write))

    def _keep(self, write: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(write, name="scheduler write")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)

    async def _limited(self, write: Coroutine[Any, Any, None]) -> None:
        async with self._slots:
            await write

    async def _bind_claims(self, pod: PodInfo, node: str, plan: Wanted | None) -> None:
        """Bind a pod after its claims; they may take long, so no slot is held meanwhile."""
        try:
            if plan is None:
                raise Conflict("another pod got the volume")
            await self._volumes.bind(pod, node, plan)
        except (ApiError, Unreachable, TimeoutError) as error:
            why = str(error) or "context deadline exceeded"
            message = f'running PreBind plugin "VolumeBinding": binding volumes: {why}'
            if not isinstance(error, Conflict):
                await self._say(pod, message)
            await self._binding_failed(pod, node, error)
            return
        await self._limited(self._bind(pod, node))

    async def _bind(self, pod: PodInfo, node: str) -> None:
        try:
            await self._write.bind(pod, node)
        except (ApiError, Unreachable) as error:
            await self._binding_failed(pod, node, error)
            return
        self._failures.pop(pod.uid, None)
        self._said.pop(pod.uid, None)

    async def _binding_failed(self, pod: PodInfo, node: str, error: Exception) -> None:
        """Take the assumption back and try the pod again, where it still waits."""
        level = logging.DEBUG if isinstance(error, (Conflict, NotFound)) else logging.WARNING
        log.log(level, "pod %s was not bound to %s: %s", pod.key, node, error)
        failures = self._failures[pod.uid] = self._failures.get(pod.uid, 0) + 1
        await self._clock.sleep(RETRY.delay(failures))
        current = self._pods.get(pod.key)
        if current is not None and uid(current) == pod.uid and current["spec"].get("nodeName"):
            return
        self.state.remove(pod.uid)
        if current is None or uid(current) != pod.uid or not is_waiting(current, self._settings.name):
            self._failures.pop(pod.uid, None)
            return
        self._enqueue(current)
        self._wake.set()

    async def _make_room(self, pod: PodInfo) -> None:
        """Have pods of lower priority make room, or say why none can; what fails is tried again later."""
        try:
            if await self._made_room(pod):
                self._failures.pop(pod.uid, None)
                return
        except (ApiError, Unreachable) as error:
            log.warning("nobody makes room for pod %s: %s", pod.key, error)
        finally:
            self._preempting.discard(pod.uid)
            self._wake.set()
        failures = self._failures[pod.uid] = self._failures.get(pod.uid, 0) + 1
        await self._clock.sleep(RETRY.delay(failures))
        self.state.eased += 1
        self._wake.set()

    async def _made_room(self, pod: PodInfo) -> bool:
        """Return whether all was written."""
        budgets = await self._write.budgets()
        if not self.queue.knows(pod.uid):
            return True
        room = make_room(pod, self.state, budgets)
        if room.node:
            return await self._preempt(pod, room)
        if room.hopeless and pod.nominated:
            self.state.nominated.pop(pod.uid, None)
            pod = replace(pod, nominated="")
            await self._say(pod, room.message, "")
        elif self._said.get(pod.uid) != room.message:
            await self._say(pod, room.message)
        if self.queue.knows(pod.uid):
            self.queue.block(pod, self._eased, room.message)
        return True

    async def _preempt(self, pod: PodInfo, room: Room) -> bool:
        """Nominate the node and have the victims end; who was nominated there with a lower priority looks elsewhere."""
        for other in [one for one in self.state.nominated.values() if one.nominated == room.node]:
            if other.priority < pod.priority:
                del self.state.nominated[other.uid]
                await self._write.clear_nomination(other)
        nominated = self.state.nominated[pod.uid] = replace(pod, nominated=room.node)
        self.queue.block(nominated, self._eased, None)
        await self._say(nominated, room.message, room.node)
        if not await self._write.evict(pod, room):
            return False
        for victim in room.victims:
            self.state.update(replace(victim, terminating=True, preempted=True))
        return True

    async def _say(self, pod: PodInfo, message: str, nominated: str | None = None) -> None:
        self._said[pod.uid] = message
        if not await self._write.say_unschedulable(pod, message, nominated):
            self._said.pop(pod.uid, None)


def _asked(pod: Object) -> tuple[Any, ...]:
    """Return what of a pod without a node scheduling depends on."""
    return pod["spec"], labels(pod), (pod.get("status") or {}).get("nominatedNodeName")


def _counted(pod: Object) -> tuple[Any, ...]:
    """Return what of a pod on a node others' scheduling depends on."""
    return labels(pod), pod["metadata"].get("deletionTimestamp"), (pod.get("status") or {}).get("startTime")


def is_waiting(pod: Object, scheduler: str) -> bool:
    """Tell whether a pod waits for this scheduler: no node, not being deleted, no gate closed."""
    spec = pod["spec"]
    return (
        not spec.get("nodeName")
        and not pod["metadata"].get("deletionTimestamp")
        and not spec.get("schedulingGates")
        and (spec.get("schedulerName") or "default-scheduler") == scheduler
        and not has_ended(pod)
    )
