"""The node agent: what the kubelet is on real Kubernetes.

`run` may be cancelled at any time: containers go on, and the next agent takes them up. `shutdown` ends them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import cancel_all
from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.client.streams import ATTACH, StreamRequest, Upgrade
from seaway.client.totals import NodeTotals
from seaway.client.usage import NodeUsage
from seaway.client.watch import BACKOFF, Collection, FollowSettings, Snapshot, follow
from seaway.controlplane.node import ports, registration
from seaway.controlplane.node.attach import attach
from seaway.controlplane.node.context import Addresses, GpuLedger, NodeContext
from seaway.controlplane.node.cpumanager import CpuManager, look_at_cpus
from seaway.controlplane.node.evictions import Evictions
from seaway.controlplane.node.forks import RuntimeUnavailableError
from seaway.controlplane.node.gpu import GpuSource, NvmlGpus, PretendedGpus
from seaway.controlplane.node.heartbeat import Heartbeat
from seaway.controlplane.node.hosts import keep_tables
from seaway.controlplane.node.images import default_images
from seaway.controlplane.node.logs import LogReader, attempt_asked
from seaway.controlplane.node.names import Neighbours
from seaway.controlplane.node.processes import ProcessRuntime, log_path
from seaway.controlplane.node.serving.run import run_server
from seaway.controlplane.node.settings import NodeSettings
from seaway.controlplane.node.state import ContainerState, Exit, Object, Running
from seaway.controlplane.node.streaming.command import Command
from seaway.controlplane.node.streaming.host import Connect
from seaway.controlplane.node.streaming.link import LateLink, Opener
from seaway.controlplane.node.trouble import Trouble
from seaway.controlplane.node.volumes import remove_folder
from seaway.controlplane.node.worker import PodWorker
from seaway.objects.builtin import PODS
from seaway.objects.errors import BadRequest, NotFound, ServiceUnavailable, not_found
from seaway.objects.pods import has_ended
from seaway.reconcile.recorder import EventRecorder

if TYPE_CHECKING:
    from seaway.controlplane.node.measuring import Key, Meter

log = logging.getLogger(__name__)
_FLUSH_SECONDS = 2.0
_FOLLOW = FollowSettings(backoff=replace(BACKOFF, cap=5.0))
"""Pods wait for their node: an API server that comes back is found soon."""


class NodeAgent:
    """One node of the cluster: runs the pods that are bound to it as processes of this machine.

    Args:
        client: of the cluster, as a user that may do what a node does.
        settings: of the node.
        clock: measures heartbeats, probes, back-off.
        trouble: what is pretended to be wrong with the node.
        neighbours: what the cluster's network tells of services; None where nothing does.
    """

    def __init__(
        self,
        client: Client,
        settings: NodeSettings,
        clock: Clock | None = None,
        trouble: Trouble | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._neighbours = neighbours
        self._client, self._settings, self._clock = client, settings, clock or SystemClock()
        pretended = settings.pretend_gpus
        self._gpus: GpuSource = (
            NvmlGpus() if pretended is None else PretendedGpus(pretended, settings.pretend_gpu_model)
        )
        self._trouble = trouble or Trouble()
        self._runtime = ProcessRuntime(settings.folder, namespaces=settings.namespaces)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._taken_up = asyncio.Event()
        """All pods of the node were seen, and what earlier agents left of others is removed."""
        self._context: NodeContext | None = None
        self._evictions: Evictions | None = None
        self._meter: Meter | None = None

    @property
    def runtime(self) -> ProcessRuntime:
        """What starts containers here: says whether namespaces are available, and why not."""
        return self._runtime

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Register the node, take up its pods, and keep them as their specs want until cancelled.

        Raises:
            RuntimeUnavailableError: processes cannot be started on this machine; the message says why.
        """
        context, machine = await self._prepare()
        address = context.addresses.node
        try:
            async with self._served(address) as port, asyncio.TaskGroup() as group:
                evictions = self._evictions = Evictions(context, lambda: tuple(self._workers.values()))
                await evictions.look()
                heartbeat = Heartbeat(context, machine, evictions.changed, address, port)
                group.create_task(context.recorder.run(), name=f"events of {self._settings.name}")
                # Pods first: a node that says it is ready knows what it runs.
                group.create_task(self._follow(), name=f"pods of {self._settings.name}")
                await self._taken_up.wait()
                tables = keep_tables(context, self._workers.values)
                group.create_task(tables, name=f"tables of hosts of {self._settings.name}")
                group.create_task(heartbeat.run(ready), name=f"heartbeat of {self._settings.name}")
                group.create_task(evictions.run(), name=f"evictions of {self._settings.name}")
        finally:
            try:
                await cancel_all(self._tasks.values())
            finally:
                self._runtime.close()

    async def shutdown(self, grace: float = 30.0) -> None:
        """End every container, with at most this grace in seconds, and the fork server: no process is left.

        Call it while `run` still runs; the pods' statuses are then written too. Afterwards cancel `run`.
        """
        for worker in self._workers.values():
            worker.shut_down(grace)
        tasks = [task for task in self._tasks.values() if not task.done()]
        if tasks:
            await asyncio.wait(tasks, timeout=grace + 15.0)
        if self._context is not None:
            with suppress(
                TimeoutError
            ):  # events explain, they decide nothing: an API server that is away is not waited for
                async with asyncio.timeout(_FLUSH_SECONDS):
                    await self._context.recorder.flush()
        await self._kill_strays(set())
        await self._runtime.stop()

    async def cut_power(self) -> None:
        """End every process of this node as a power cut does: at once, and nothing says so. `run` has ended before."""
        for attempt in (self._settings.folder / "pods").glob("*/containers/*/*"):
            if isinstance(await self._runtime.settle(attempt), Running):
                self._runtime.cut(attempt)
                await self._runtime.wait(attempt)
        await self._runtime.stop()

    def look_again(self) -> None:
        """Look at once whether the node is short of anything: what is pretended has changed."""
        if self._evictions is not None:
            self._evictions.look_again()

    def pods(self) -> list[Object]:
        """Return the pods of this node."""
        return [worker.pod for worker in self._workers.values() if not worker.gone]

    def find(self, namespace: str, name: str) -> Object:
        """Return a pod of this node. Raises NotFound, ServiceUnavailable."""
        for worker in reversed(self._workers.values()):
            metadata = worker.pod["metadata"]
            if (metadata["namespace"], metadata["name"]) == (namespace, name) and not worker.gone:
                return worker.pod
        self._check_taken_up()
        raise NotFound(f'pod "{name}" in namespace "{namespace}" is not on this node')

    async def usage(self) -> NodeUsage:
        """Measure what the node and its containers use now. Raises ServiceUnavailable."""
        if self._context is None:
            raise ServiceUnavailable(f"node {self._settings.name} is starting", retry_after=1)
        if self._meter is None:
            # late: most clusters are never asked
            from seaway.controlplane.node.measuring import Meter

            self._meter = Meter(self._clock, self._running)
        return await self._meter.measure()

    async def totals(self) -> NodeTotals:
        """Return what the node has used and holds, without its pods' names. Raises ServiceUnavailable."""
        from seaway.controlplane.node.measuring import totals

        if self._context is None:
            raise ServiceUnavailable(f"node {self._settings.name} is starting", retry_after=1)
        pods = sum(not has_ended(pod) for pod in self.pods())
        return totals(self._settings.name, self._settings.folder, pods=pods, containers=len(self._running()))

    def _running(self) -> list[Key]:
        from seaway.controlplane.node.measuring import Key

        assert self._context is not None
        return [
            Key(
                uid,
                state.name,
                self._context.container_folder(uid, state.name, state.attempt),
                state.current.started_ns / 1e9,
            )
            for uid, worker in self._workers.items()
            for state in worker.state.containers.values()
            if isinstance(state.current, Running)
        ]

    @asynccontextmanager
    async def container_logs(
        self, namespace: str, pod: str, uid: str, container: str, options: LogOptions
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a container's log as a byte stream; see `NodeHandler` of the API server.

        Raises:
            NotFound: the pod is not here.
            BadRequest: the container is waiting to start, or has no previous instance.
        """
        state = await self._state(namespace, pod, uid, container)
        number = attempt_asked(pod, state, previous=options.previous)
        assert self._context is not None
        path = log_path(self._context.container_folder(uid, container, number))
        reader = LogReader(
            path, options, self._clock.now(), lambda: state.attempt != number or not state.running
        )
        async with aclosing(reader.chunks()) as chunks:
            yield chunks

    @asynccontextmanager
    async def kept_logs(
        self, pod: str, uid: str, container: str, number: int, options: LogOptions
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open the log of a container of a pod that is gone; see `NodeHandler` of the API server, which says what is raised."""
        self._check_taken_up()
        assert self._context is not None
        path = self._context.kept_logs.path(uid, container, number)
        if not path.exists():
            if uid in self._workers:
                raise ServiceUnavailable(f'the node has not let go of pod "{pod}" yet', retry_after=1)
            raise not_found("pods", pod)
        reader = LogReader(path, replace(options, follow=False), self._clock.now(), lambda: True)
        async with aclosing(reader.chunks()) as chunks:
            yield chunks

    async def stream(self, request: StreamRequest, upgrade: Upgrade, connect: Opener) -> None:
        """Serve exec, attach or port-forward for the API server of this process; see its `NodeHandler`."""
        from seaway.controlplane.node.streaming.serve import serve_stream  # late: see serving.server

        await serve_stream(self, request, upgrade, LateLink(connect))

    async def start_command(self, request: StreamRequest) -> Command:
        """Run a command in a running container, or attach to its program.

        Raises:
            NotFound: the pod or the container is not here.
            BadRequest: the container does not run.
            ServiceUnavailable: no command can be started on this machine now.
        """
        state = await self._state(request.namespace, request.pod, request.uid, request.container)
        if not state.running:
            raise BadRequest(f'container "{state.name}" of pod "{request.pod}" does not run')
        assert self._context is not None
        folder = self._context.container_folder(request.uid, state.name, state.attempt)
        try:
            if request.kind == ATTACH:
                return await attach(folder, state, self._clock.now(), stdin=request.stdin)
            return await self._runtime.open_session(
                folder, request.command, stdin=request.stdin, terminal=request.terminal
            )
        except (RuntimeUnavailableError, OSError) as error:
            raise ServiceUnavailable(str(error)) from error

    def connector(self, request: StreamRequest) -> Connect:
        """Return what connects to ports of a pod. Raises NotFound."""
        worker = self._workers.get(request.uid)
        if worker is None:
            raise not_found("pods", request.pod)
        return lambda port: ports.connect(worker.state.ip, port, request.uid, self._running)

    async def _state(self, namespace: str, pod: str, uid: str, container: str) -> ContainerState:
        worker = self._workers.get(uid)
        if worker is None or worker.gone:  # the latter's logs are on their way to those that are kept
            self._check_taken_up()
            raise not_found("pods", pod)
        await worker.loaded.wait()
        state = worker.state.containers.get(container)
        if state is None:
            raise NotFound(f'container "{container}" not found in pod "{pod}_{namespace}"')
        return state

    def _check_taken_up(self) -> None:
        """Raise ServiceUnavailable until it is known which pods are here: one that is not seen yet need not be gone."""
        if not self._taken_up.is_set():
            raise ServiceUnavailable(f"node {self._settings.name} is starting", retry_after=1)

    def _served(self, address: str) -> AbstractAsyncContextManager[int]:
        """Run the node's server where the settings ask for one; its port, or 0, is yielded."""
        if self._settings.serving is None:
            return nullcontext(0)
        return run_server(self, self._client, self._settings, address, self._clock)

    async def _prepare(self) -> tuple[NodeContext, registration.Machine]:
        folder = self._settings.folder
        (folder / "pods").mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        await self._runtime.prepare()
        found = await asyncio.to_thread(self._gpus.find)
        machine = await asyncio.to_thread(registration.look_at_machine, folder, found)
        if not self._runtime.namespaces:
            log.warning(
                "node %s runs plain processes, without namespaces: %s",
                self._settings.name,
                self._runtime.why_not,
            )
        images = self._settings.images
        self._context = NodeContext(
            client=self._client,
            settings=self._settings,
            clock=self._clock,
            runtime=self._runtime,
            recorder=EventRecorder(self._client, "kubelet", self._clock, instance=self._settings.name),
            images=default_images() if images is None else images,
            addresses=Addresses(self._settings.addresses),
            gpus=GpuLedger(found),
            allocatable=registration.allocatable(machine, self._settings),
            cpus=CpuManager(
                look_at_cpus() if self._settings.exclusive_cpus else {}, self._settings.reserved_cpus
            ),
            trouble=self._trouble,
            neighbours=self._neighbours,
        )
        return self._context, machine

    async def _follow(self) -> None:
        collection = Collection(PODS, field_selector=f"spec.nodeName={self._settings.name}")
        following = follow(self._client, collection, clock=self._clock, settings=_FOLLOW)
        async with aclosing(following) as changes:
            async for change in changes:
                if isinstance(change, Snapshot):
                    await self._take_up(change.items)
                    self._taken_up.set()
                elif change.type == "DELETED":
                    self._vanish(change.object["metadata"]["uid"])
                elif change.type in {"ADDED", "MODIFIED"}:
                    self._update(change.object)

    async def _take_up(self, pods: list[Object]) -> None:
        there = {pod["metadata"]["uid"] for pod in pods}
        for uid in list(self._workers):
            if uid not in there:
                self._vanish(uid)
        await self._kill_strays(there | set(self._workers))
        # Those that have an address keep it: they come first.
        for pod in sorted(pods, key=lambda pod: "podIP" not in (pod.get("status") or {})):
            self._update(pod)
        await asyncio.gather(
            *(w.loaded.wait() for u, w in self._workers.items() if not self._tasks[u].done())
        )

    def _update(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(pod)
            return
        assert self._context is not None
        worker = self._workers[uid] = PodWorker(self._context, pod)
        task = self._tasks[uid] = asyncio.create_task(worker.run(), name=f"pod {pod['metadata']['name']}")
        task.add_done_callback(lambda done: self._ended(uid, done))

    def _vanish(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None:
            worker.vanish()

    def _ended(self, uid: str, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the worker of pod %s failed", uid, exc_info=error)
        worker = self._workers.get(uid)
        if worker is not None and worker.gone:
            del self._workers[uid], self._tasks[uid]

    async def _kill_strays(self, known: set[str]) -> None:
        """End containers of pods that are not in the API any more, and remove their files."""
        folders = self._settings.folder / "pods"
        for folder in folders.iterdir() if folders.exists() else ():
            if folder.name not in known:
                await self._kill_folder(folder)

    async def _kill_folder(self, folder: Path) -> None:
        for attempt in folder.glob("containers/*/*"):
            if isinstance(await self._runtime.settle(attempt), Running):
                self._runtime.kill(attempt)
                end: Exit = await self._runtime.wait(attempt)
                log.info(
                    "ended %s: its pod is gone (exit code %d)", attempt.relative_to(folder), end.exit_code
                )
        if folder.name not in self._workers:
            assert self._context is not None
            await asyncio.to_thread(self._context.kept_logs.keep, folder.name, folder, self._clock.now())
            await asyncio.to_thread(remove_folder, folder)
