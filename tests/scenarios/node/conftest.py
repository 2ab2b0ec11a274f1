"""A node with real processes, against a real API server over the memory store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import SystemClock
from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.client.request import Request, Transport, WatchEvent
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import User
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.node.agent import NodeAgent
from seaway.controlplane.node.settings import NodeSettings
from seaway.controlplane.ranges import claim_range
from seaway.controlplane.store.memory import MemoryStore
from seaway.objects.builtin import CONFIG_MAPS, EVENTS, NAMESPACES, PODS, SECRETS, SERVICE_ACCOUNTS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from tests.waiting import until, until_gone, until_object

RESOURCES = {"configmaps": CONFIG_MAPS, "secrets": SECRETS}


class Counting:
    """A transport that notes what is written through it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.writes: list[str] = []
        self.refuse: list[ApiError] = []
        """What the next writes of a pod's status are answered."""

    async def send(self, request: Request) -> Any:
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.path}")
            if self.refuse and request.path.endswith("/status") and "/pods/" in request.path:
                raise self.refuse.pop()
        return await self._transport.send(request)

    def watch(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        return self._transport.watch(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._transport.stream(request)

    async def close(self) -> None:
        await self._transport.close()


class Harness:
    """One node and its API server."""

    def __init__(self, folder: Path, namespaces: bool, server: ApiServer) -> None:
        self.server = server
        transport = InProcessTransport(server, User("admin", ("system:masters", "system:authenticated")))
        self.client = Client(transport)
        self.of_agent = Counting(transport)
        self.uids: dict[str, str] = {}
        # Other tests of this machine have nodes too: each has addresses of its own.
        second, self._claim = claim_range()
        self.settings = NodeSettings(
            name="n1", addresses=f"127.{second}.0.0/16", folder=folder / "node", namespaces=namespaces, hidden=(str(folder / "kept"),), pretend_gpus=2,
            backoff_initial=0.05, refresh_seconds=0.05, measure_seconds=0.1, heartbeat_seconds=0.2, farewell_seconds=600,
        )  # fmt: skip
        self.agent: NodeAgent
        self.task: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """Make a namespace with a service account, as the controllers would."""
        for name in ("d", "kube-node-lease"):
            with contextlib.suppress(AlreadyExists):
                await self.client.create(NAMESPACES, {"metadata": {"name": name}})
        await self.client.create(
            SERVICE_ACCOUNTS,
            {"metadata": {"name": "default", "namespace": "d"}, "automountServiceAccountToken": False},
        )

    async def start(self) -> None:
        self.agent = NodeAgent(Client(self.of_agent), self.settings)
        self.server.register_node("n1", self.agent)
        ready = asyncio.Event()
        self.task = asyncio.create_task(self.agent.run(ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({self.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.task.done():
            self.task.result()

    async def crash(self) -> None:
        assert self.task
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task

    async def stop(self) -> None:
        if self.task is None or self.task.done():
            await self.start()
        await self.agent.shutdown(0)
        await self.crash()
        if self._claim is not None:
            self._claim.close()

    async def create(
        self,
        name: str,
        script: str | None = None,
        *,
        annotations: dict[str, str] | None = None,
        finalizers: Sequence[str] = (),
        **spec: Any,
    ) -> dict[str, Any]:
        pod = {
            "metadata": {"name": name, "namespace": "d", "labels": {"app": name}, "annotations": annotations or {}, "finalizers": [*finalizers]},
            "spec": {
                "nodeName": "n1", "restartPolicy": "Never", "terminationGracePeriodSeconds": 5,
                "containers": [{"name": "main", "image": "python", "command": ["sh", "-c", script or "true"]}],
            } | spec,
        }  # fmt: skip
        made = await self.client.create(PODS, pod)
        self.uids[name] = made["metadata"]["uid"]
        return made

    async def put(self, plural: str, name: str, **rest: Any) -> None:
        obj = {"metadata": {"name": name, "namespace": "d"}} | rest
        try:
            await self.client.create(RESOURCES[plural], obj)
        except AlreadyExists:
            await self.client.patch(RESOURCES[plural], name, rest, "d")

    async def pod(self, name: str) -> dict[str, Any] | None:
        try:
            return await self.client.get(PODS, name, "d")
        except NotFound:
            return None

    def folder(self, name: str) -> Path:
        return self.settings.folder / "pods" / self.uids[name]

    async def until(
        self, name: str, check: Callable[[dict[str, Any]], Any], seconds: float = 60.0
    ) -> dict[str, Any]:
        """Return the pod as soon as its status passes the check."""

        def passes(pod: dict[str, Any]) -> bool:
            return "containerStatuses" in pod["status"] and bool(check(pod["status"]))

        return await until_object(self.client, PODS, name, "d", passes, seconds=seconds)

    async def ended(self, name: str) -> dict[str, Any]:
        return (await self.until(name, lambda s: s.get("phase") in {"Succeeded", "Failed"}))["status"]

    async def gone(self, name: str, seconds: float = 60.0) -> None:
        await until_gone(self.client, PODS, name, "d", seconds=seconds)

    async def log(self, name: str, container: str = "main", **options: Any) -> bytes:
        async with self.client.logs(name, "d", container, LogOptions(**options)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def events(self) -> list[dict[str, Any]]:
        assert self.agent._context
        await self.agent._context.recorder.flush()
        return (await self.client.list(EVENTS))["items"]

    async def reasons(self) -> list[str]:
        return [event["reason"] for event in await self.events()]


@pytest.fixture(params=[True, False], ids=["namespaces", "plain processes"])
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    server = ApiServer(MemoryStore(), BUILTIN_KINDS, ApiServerSettings(), SystemClock())
    await server.start()
    harness = Harness(tmp_path, request.param, server)
    await harness.prepare()
    await harness.start()
    if request.param and not harness.agent.runtime.namespaces:
        await harness.stop()
        await server.stop()
        pytest.skip(f"no namespaces here: {harness.agent.runtime.why_not}")
    yield harness
    await harness.stop()
    await server.stop()
    await no_process(tmp_path)


async def no_process(folder: Path) -> None:
    """Fail where a shim or fork server of this folder is still there a moment later."""

    def left() -> list[str]:
        return [
            p.name for p in Path("/proc").iterdir()
            if p.name.isdigit() and str(folder).encode() in _command(p)
        ]  # fmt: skip

    await until(left, "no process that is left", check=lambda found: not found)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
