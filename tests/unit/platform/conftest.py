"""A real API server in memory, and a node that a test scripts: it binds pods, writes their status and has their logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from seaway.base.clock import SystemClock, rfc3339, rfc3339_nano
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.client.request import MERGE_PATCH
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import ADMIN
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.store.memory import MemoryStore
from seaway.objects.builtin import NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from seaway.objects.errors import Conflict, NotFound
from seaway.platform.engine.carrier import CarrierSettings
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from seaway.platform.history.collector import CollectorSettings
from seaway.platform.server import Server, run_server
from seaway.platform.server_settings import ServerSettings

NAMESPACE = "seaway-default"


class ScriptedNode:
    """Runs pods in thought: a task's command is ("exit", code), ("say", text, code), ("evict", message) or ("hang",)."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.started: list[str] = []
        self.lines: dict[str, list[bytes]] = {}
        self.hold = False
        """New pods are left alone."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping: dict[str, asyncio.Event] = {}
        self._deleted: set[str] = set()
        self.clock = SystemClock()

    async def run(self, ready: Callable[[], None]) -> None:
        listing = await self.client.list(PODS)
        ready()
        async with self.client.watch(PODS, resource_version=listing["metadata"]["resourceVersion"]) as events:
            async for event in events:
                if event.type in ("ADDED", "MODIFIED"):
                    self.take(event.object)

    def take(self, pod: dict[str, Any]) -> None:
        uid, metadata = pod["metadata"]["uid"], pod["metadata"]
        if metadata.get("deletionTimestamp") and uid in self._stopping:
            self._deleted.add(uid)
            self._stopping[uid].set()
        new = uid not in self._tasks and pod.get("status", {}).get("phase") in (None, "Pending")
        if new and not self.hold and not metadata.get("deletionTimestamp"):
            self._stopping[uid] = asyncio.Event()
            self._tasks[uid] = asyncio.create_task(self._run(pod))

    async def _run(self, pod: dict[str, Any]) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        namespace = pod["metadata"]["namespace"]
        env = {e["name"]: e.get("value") for e in pod["spec"]["containers"][0].get("env", ())}
        if "SEAWAY_SPEC" not in env:
            return  # no run's
        kind, *rest = json.loads(env["SEAWAY_SPEC"])["command"]
        if kind == "unplaceable":
            message = "0/1 nodes are available: 1 Insufficient cpu."
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": message,
            }
            await self._status(name, namespace, {"phase": "Pending", "conditions": [condition]})
            return
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name},
            "target": {"kind": "Node", "name": "node-1"},
        }
        try:
            await self.client.create_subresource(PODS, name, "binding", binding, namespace)
        except (NotFound, Conflict):
            return
        self.started.append(name)
        began = rfc3339(self.clock.now())
        self.say(uid, f"hello from {name}")
        await self._status(name, namespace, self._state("Running", {"running": {"startedAt": began}}))
        code = 0
        if kind == "evict":
            await self._status(name, namespace, {"phase": "Failed", "reason": "Evicted", "message": rest[0]})
            return
        if kind == "say":
            self.say(uid, rest[0])
            code = int(rest[1])
        elif kind == "exit":
            code = int(rest[0])
        elif kind == "hang":
            await self._stopping[uid].wait()
            self.say(uid, "stopping in order")
            code = 143
        ended = {
            "startedAt": began,
            "finishedAt": rfc3339(self.clock.now()),
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
        }
        await self._status(
            name, namespace, self._state("Succeeded" if code == 0 else "Failed", {"terminated": ended})
        )
        if uid in self._deleted:  # as the kubelet ends a graceful deletion
            await self.client.delete(PODS, name, namespace, grace_seconds=0, uid=uid)

    def say(self, uid: str, text: str) -> None:
        self.lines.setdefault(uid, []).append(
            f"{rfc3339_nano(int(self.clock.now() * 1e9))} {text}\n".encode()
        )

    def _state(self, phase: str, state: dict[str, Any]) -> dict[str, Any]:
        return {
            "phase": phase,
            "containerStatuses": [
                {
                    "name": "main",
                    "image": "python",
                    "imageID": "",
                    "ready": False,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }

    async def _status(self, name: str, namespace: str, status: dict[str, Any]) -> None:
        try:
            await self.client.patch(
                PODS, name, {"status": status}, namespace, content_type=MERGE_PATCH, subresource="status"
            )
        except NotFound:
            return

    @asynccontextmanager
    async def container_logs(
        self, namespace: str, pod: str, uid: str, container: str, options: LogOptions
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async def chunks() -> AsyncIterator[bytes]:
            sent = 0
            while True:
                for line in self.lines.get(uid, [])[sent:]:
                    sent += 1
                    if options.since_time is None or line.decode() >= options.since_time[:19]:
                        yield line
                if not options.follow or self._tasks[uid].done():
                    return
                await asyncio.sleep(0.01)  # the scripted node has no better signal

        yield chunks()

    async def end_all(self) -> None:
        """Have all programs end by themselves."""
        for stopping in self._stopping.values():
            stopping.set()
        await asyncio.gather(*self._tasks.values())

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


class Kubernetes:
    """The API server, a client of it, and the scripted node."""

    def __init__(self, client: Client, node: ScriptedNode, api: ApiServer) -> None:
        self.client, self.node, self.api = client, node, api


@pytest.fixture
async def kubernetes() -> AsyncIterator[Kubernetes]:
    api = ApiServer(MemoryStore(), BUILTIN_KINDS, ApiServerSettings(), SystemClock())
    await api.start()
    client = Client(InProcessTransport(api, ADMIN))
    node = ScriptedNode(client)
    api.register_node("node-1", node)
    await client.create(NODES, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    await client.create(
        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    )
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
    await client.create(SERVICE_ACCOUNTS, account, NAMESPACE)
    ready = asyncio.Event()
    running = asyncio.create_task(node.run(ready.set))
    await ready.wait()
    yield Kubernetes(client, node, api)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await node.close()
    await client.close()
    await api.stop()


@pytest.fixture
def settings(tmp_path, database_setting) -> ServerSettings:
    """A server's settings, on each of the two databases."""
    return ServerSettings(
        home=tmp_path / "server",
        database=database_setting,
        gateway_url="https://127.0.0.1:1",
        engine=EngineSettings(
            policy=Policy(Backoff(0.01, 1.0, 0.01)), carrier=CarrierSettings(backoff=Backoff(0.01, 1.0, 0.05))
        ),
        collector=CollectorSettings(follow_after=0.01, backoff=Backoff(0.01, 1.0, 0.01)),
    )


@pytest.fixture
async def server(kubernetes: Kubernetes, settings: ServerSettings) -> AsyncIterator[Server]:
    async with run_server(settings, kubernetes.client, random=Random(1)) as running:
        yield running
