"""A real API server over the memory store, with the real controllers and scheduler, and nodes that are only objects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import Clock, SystemClock, rfc3339
from seaway.client.client import Client
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.objects.builtin import NODES, PODS
from seaway.objects.errors import ApiError, NotFound
from tests.controlplanes import in_memory
from tests.waiting import until, until_gone

SETTINGS = ControllersSettings(
    ca_certificate="the authority",
    node_monitor=0.1,
    orphan_quarantine=0.2,
    pod_gc_period=0.1,
    terminated_pods=3,
    job_backoff=0.05,
    volumes_measured=0.1,
    volumes_rest=1.0,
)


class World:
    """What a test does with the cluster."""

    def __init__(self, client: Client, server: ApiServer) -> None:
        self.client, self.server = client, server

    async def node(self, name: str, cpu: str = "4", ready: str = "True", **spec: Any) -> None:
        """Create a hollow node."""
        now = rfc3339(SystemClock().now())
        condition = {"type": "Ready", "status": ready, "lastHeartbeatTime": now, "lastTransitionTime": now}
        allocatable = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        status = {"capacity": allocatable, "allocatable": allocatable, "conditions": [condition]}
        labels = {"kubernetes.io/hostname": name}
        created = await self.client.create(
            NODES, {"metadata": {"name": name, "labels": labels}, "spec": spec}
        )
        await self.client.replace(NODES, {**created, "status": status}, "status")

    async def pod(self, name: str, cpu: str = "1", **more: Any) -> dict:
        """Create a pod in the namespace default."""
        metadata = {"name": name, "namespace": "default", **more.pop("metadata", {})}
        container = {"name": "main", "image": "python", "resources": {"requests": {"cpu": cpu}}}
        return await self.client.create(
            PODS, {"metadata": metadata, "spec": {"containers": [container], **more}}
        )

    async def end(self, pod: dict, phase: str = "Succeeded") -> None:
        """End a pod as its node would."""
        now = rfc3339(SystemClock().now())
        code = 0 if phase == "Succeeded" else 1
        state = {"terminated": {"exitCode": code, "finishedAt": now, "startedAt": now}}
        statuses = [
            {
                "name": "main",
                "image": "python",
                "imageID": "",
                "ready": False,
                "restartCount": 0,
                "state": state,
            }
        ]
        patch = {"status": {"phase": phase, "containerStatuses": statuses}}
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        await self.client.patch(
            PODS, name, patch, namespace, content_type=STRATEGIC_MERGE_PATCH, subresource="status"
        )

    async def read(self, resource: Any, name: str, namespace: str | None = "default") -> dict | None:
        """Return an object, None where there is none."""
        try:
            return await self.client.get(resource, name, namespace)
        except NotFound:
            return None

    async def items(self, resource: Any, namespace: str | None = "default", **selectors: str) -> list[dict]:
        """Return the objects of a collection."""
        return (await self.client.list(resource, namespace, **selectors))["items"]

    async def until(self, what: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Return the first true answer; an error of the API means "not yet"."""
        return await until(what, seconds=seconds, ignore=(ApiError,))

    async def gone(self, resource: Any, name: str, namespace: str | None = "default") -> None:
        """Wait until an object is gone."""
        await until_gone(self.client, resource, name, namespace)


class FastClock(SystemClock):
    """A clock that shows a minute where others show a second."""

    def __init__(self, factor: float = 60.0) -> None:
        self._factor = factor
        self._start, self._mark = super().now(), super().monotonic()

    def now(self) -> float:
        return self._start + self.monotonic()

    def monotonic(self) -> float:
        return (super().monotonic() - self._mark) * self._factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds / self._factor))


@pytest.fixture
def volumes_folder(tmp_path: Path) -> Path:
    """Where volumes are made."""
    return tmp_path / "volumes"


@pytest.fixture
async def world(volumes_folder: Path) -> AsyncIterator[World]:
    async with running_world(SystemClock(), volumes_folder) as running:
        yield running


@pytest.fixture
async def fast_world() -> AsyncIterator[World]:
    """A world whose minutes take a second."""
    async with running_world(FastClock()) as running:
        yield running


@asynccontextmanager
async def running_world(clock: Clock, volumes: Path | None = None, **settings: Any) -> AsyncIterator[World]:
    """Run the API server, the controllers and the scheduler. Nobody beats for hollow nodes: they are missed after 40 s."""
    async with in_memory(replace(SETTINGS, volumes=volumes, **settings), clock) as plane:
        yield World(plane.client, plane.server)
