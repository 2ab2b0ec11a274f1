"""A node with real processes, against the smallest API server that a node can tell from a real one only by what it lacks."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.client.client import Client
from seaway.client.request import Request, WatchEvent
from seaway.controlplane.node.agent import NodeAgent
from seaway.controlplane.node.settings import NodeSettings
from seaway.objects.errors import AlreadyExists, NotFound, not_found
from seaway.objects.meta import copy


class MemoryApi:
    """Implements `Transport`: create, get, list, merge patch, delete with grace, watch, token requests. No validation."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.revisions = itertools.count(1)
        self.revision = "0"
        self.watchers: list[tuple[str, asyncio.Queue[WatchEvent]]] = []
        self.writes: list[str] = []
        self.changed = asyncio.Event()

    async def send(self, request: Request) -> Any:
        path = request.path.removesuffix("/status")
        if request.method == "GET":
            return self._get(path, _selected(request))
        self.writes.append(f"{request.method} {request.path}")
        if path.endswith("/token"):
            return {"status": {"token": "a-token"}}
        if request.method == "POST":
            name = request.body["metadata"]["name"]
            if f"{path}/{name}" in self.objects:
                raise AlreadyExists(f"{name} already exists")
            obj = copy(request.body)
            obj["metadata"].setdefault("uid", f"uid-{next(self.revisions)}")
            if "/namespaces/" in path:
                obj["metadata"].setdefault("namespace", path.split("/namespaces/")[1].split("/")[0])
            return self.put("ADDED", f"{path}/{name}", obj)
        if path not in self.objects:
            raise not_found(path.split("/")[-2], path.split("/")[-1])
        if request.method == "PATCH":
            return self.put("MODIFIED", path, merged(self.objects[path], request.body))
        return self._delete(path, request)

    def _get(self, path: str, selected: Callable[[Any], bool]) -> Any:
        if path in self.objects:
            return self.objects[path]
        if path.rsplit("/", maxsplit=1)[-1] in {"pods", "nodes"}:
            return {
                "items": [o for o in self.under(path) if selected(o)],
                "metadata": {"resourceVersion": self.revision},
            }
        raise not_found(path.split("/")[-2], path.rsplit("/", maxsplit=1)[-1])

    def under(self, path: str) -> list[Any]:
        last = path.rsplit("/", maxsplit=1)[-1]
        return [o for k, o in self.objects.items() if k.split("/")[-2] == last]

    def _delete(self, path: str, request: Request) -> Any:
        obj = copy(self.objects[path])
        grace = (request.body or {}).get("gracePeriodSeconds", dict(request.query).get("gracePeriodSeconds"))
        grace = obj["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else int(grace)
        if grace == 0 or "/pods/" not in path:
            return self.put("DELETED", path, obj)
        obj["metadata"] |= {
            "deletionTimestamp": rfc3339(time.time() + grace),
            "deletionGracePeriodSeconds": grace,
        }
        return self.put("MODIFIED", path, obj)

    def put(self, kind: str, path: str, obj: dict[str, Any]) -> dict[str, Any]:
        self.revision = str(next(self.revisions))
        obj["metadata"]["resourceVersion"] = self.revision
        self.objects[path] = obj
        if kind == "DELETED":
            del self.objects[path]
        for prefix, queue in self.watchers:
            if path.split("/")[-2] == prefix:
                queue.put_nowait(WatchEvent(kind, obj))
        self.changed.set()
        return obj

    @asynccontextmanager
    async def watch(self, request: Request) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        queue: asyncio.Queue[WatchEvent] = asyncio.Queue()
        selected = _selected(request)
        entry = (request.path.split("/")[-1], queue)
        self.watchers.append(entry)

        async def events() -> AsyncIterator[WatchEvent]:
            while True:
                event = await queue.get()
                if selected(event.object):
                    yield event

        generator = events()
        try:
            yield generator
        finally:
            self.watchers.remove(entry)
            await generator.aclose()

    def stream(self, request: Request) -> Any:
        raise NotFound("logs are read from the agent")

    async def close(self) -> None:
        return


def _selected(request: Request) -> Callable[[Any], bool]:
    """Return the filter of a field selector; `spec.nodeName` is all that a node uses."""
    wanted = dict(request.query).get("fieldSelector", "").removeprefix("spec.nodeName=")
    return lambda obj: not wanted or obj["spec"].get("nodeName") == wanted


def merged(old: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy(patch)
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Harness:
    """One node and its API server."""

    def __init__(self, folder: Path, namespaces: bool) -> None:
        self.api = MemoryApi()
        self.client = Client(self.api)
        self.settings = NodeSettings(
            name="n1", folder=folder / "node", namespaces=namespaces, hidden=(str(folder / "kept"),), pretend_gpus=2,
            backoff_initial=0.05, refresh_seconds=0.05, measure_seconds=0.1, heartbeat_seconds=0.2,
        )  # fmt: skip
        self.agent: NodeAgent
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self.agent = NodeAgent(self.client, self.settings)
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

    def create(self, name: str, script: str | None = None, **spec: Any) -> dict[str, Any]:
        pod = {
            "metadata": {"name": name, "namespace": "d", "uid": f"u-{name}", "labels": {"app": name}},
            "spec": {
                "nodeName": "n1", "restartPolicy": "Never", "serviceAccountName": "default", "terminationGracePeriodSeconds": 5,
                "containers": [{"name": "main", "image": "python", "command": ["sh", "-c", script or "true"]}],
            } | spec,
        }  # fmt: skip
        return self.api.put("ADDED", f"/api/v1/namespaces/d/pods/{name}", pod)

    def put(self, plural: str, name: str, **rest: Any) -> None:
        obj = {"metadata": {"name": name, "namespace": "d", "uid": f"u-{name}"}} | rest
        self.api.put("ADDED", f"/api/v1/namespaces/d/{plural}/{name}", obj)

    def pod(self, name: str) -> dict[str, Any] | None:
        return self.api.objects.get(f"/api/v1/namespaces/d/pods/{name}")

    async def until(
        self, name: str, check: Callable[[dict[str, Any]], Any], seconds: float = 20.0
    ) -> dict[str, Any]:
        """Return the pod as soon as its status passes the check."""
        async with asyncio.timeout(seconds):
            while True:
                self.api.changed.clear()
                pod = self.pod(name)
                if pod is not None and check(pod.get("status") or {}):
                    return pod
                await self.api.changed.wait()

    async def ended(self, name: str) -> dict[str, Any]:
        return (await self.until(name, lambda s: s.get("phase") in {"Succeeded", "Failed"}))["status"]

    async def gone(self, name: str, seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while self.pod(name) is not None:
                self.api.changed.clear()
                await self.api.changed.wait()

    async def log(self, name: str, container: str = "main", **options: Any) -> bytes:
        from seaway.client.logs import LogOptions

        pod = self.agent.container_logs("d", name, f"u-{name}", container, LogOptions(**options))
        async with pod as chunks:
            return b"".join([chunk async for chunk in chunks])

    def reasons(self) -> list[str]:
        return [o["reason"] for k, o in self.api.objects.items() if "/events/" in k]


@pytest.fixture(params=[True, False], ids=["namespaces", "plain processes"])
async def node(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    harness = Harness(tmp_path, request.param)
    await harness.start()
    if request.param and not harness.agent.runtime.namespaces:
        await harness.stop()
        pytest.skip(f"no namespaces here: {harness.agent.runtime.why_not}")
    yield harness
    await harness.stop()
    await no_process(tmp_path)


async def no_process(folder: Path) -> None:
    """Fail where a shim or fork server of this folder is still there a moment later."""
    left: list[str] = []
    for _ in range(200):
        left = [
            p.name for p in Path("/proc").iterdir()
            if p.name.isdigit() and str(folder).encode() in _command(p)
        ]  # fmt: skip
        if not left:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"processes are left: {left}")


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
