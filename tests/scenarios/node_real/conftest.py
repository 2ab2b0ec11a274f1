"""Our nodes under Kubernetes' own API server, scheduler and controllers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seaway import testing
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.client.logs import LogOptions
from seaway.client.request import Request
from seaway.objects.builtin import NAMESPACES, PODS
from seaway.objects.resource import Resource
from tests.controlplanes import new_namespace
from tests.kubectl import BINARIES, NO_KUBECTL
from tests.waiting import until_gone, until_object
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import RunningNode

DEPLOYMENTS = Resource("apps", "v1", "Deployment", "deployments")
SECONDS = 90


class Place:
    """A namespace of the real cluster, for one test."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig, self.namespace = kubeconfig, namespace
        self.client = Client(HttpTransport(load_kubeconfig(kubeconfig)))

    async def prepare(self) -> None:
        """Make the namespace, and wait for what controllers put into it."""
        await new_namespace(self.client, self.namespace)

    async def create(self, resource: Resource, obj: dict[str, Any]) -> dict[str, Any]:
        return await self.client.create(resource, obj, self.namespace)

    async def pod(self, name: str, script: str = "true", **spec: Any) -> dict[str, Any]:
        """Create a pod of one container that runs a script."""
        container = {"name": "main", "image": "python", "command": ["sh", "-c", script]}
        container |= spec.pop("container", {})
        rest = {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 2,
            "containers": [container],
        } | spec
        return await self.create(PODS, {"metadata": {"name": name, "labels": {"app": name}}, "spec": rest})

    async def until(
        self, resource: Resource, name: str, check: Callable[[dict[str, Any]], Any], seconds: float = SECONDS
    ) -> dict[str, Any]:
        """Return an object as soon as it is there and passes the check."""
        return await until_object(self.client, resource, name, self.namespace, check, seconds=seconds)

    async def running(self, name: str) -> dict[str, Any]:
        return await self.until(PODS, name, lambda pod: pod["status"].get("phase") == "Running")

    async def ended(self, name: str) -> dict[str, Any]:
        return await self.until(PODS, name, lambda pod: pod["status"].get("phase") in {"Succeeded", "Failed"})

    async def gone(self, name: str) -> None:
        await until_gone(self.client, PODS, name, self.namespace, seconds=SECONDS)

    async def pods(self, selector: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.list(PODS, self.namespace, label_selector=selector))[
            "items"
        ]
        return found

    async def log(self, name: str, **options: Any) -> str:
        async with self.client.logs(name, self.namespace, "main", LogOptions(**options)) as chunks:
            return b"".join([chunk async for chunk in chunks]).decode()

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        return await self.client.send(Request(method, path, body=body))

    async def remove(self) -> None:
        """Have the namespace and all in it removed."""
        await self.client.delete(NAMESPACES, self.namespace)
        await self.client.close()


@pytest.fixture
async def place(real_control_plane: ControlPlane, real_node: RunningNode) -> AsyncIterator[Place]:
    """A namespace of the real cluster, whose only node is ours."""
    async with made_place(real_control_plane.kubeconfig) as found:
        yield found


@pytest.fixture(scope="session")
def embedded() -> Iterator[Path]:
    """An administrator's kubeconfig of an embedded cluster with one node, for all tests of a worker."""
    with testing.cluster(nodes=1) as running:
        yield running.kubeconfig


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """A namespace of the embedded cluster, then one of the real cluster."""
    kubeconfig: Path
    if request.param == "real":
        plane: ControlPlane = request.getfixturevalue("real_control_plane")
        request.getfixturevalue("real_node")
        kubeconfig = plane.kubeconfig
    else:
        kubeconfig = request.getfixturevalue("embedded")
    async with made_place(kubeconfig) as found:
        yield found


@asynccontextmanager
async def made_place(kubeconfig: Path) -> AsyncIterator[Place]:
    """Make a namespace of a cluster, and remove it at the end."""
    found = Place(kubeconfig, f"t-{uuid.uuid4().hex[:8]}")
    await found.prepare()
    try:
        yield found
    finally:
        await found.remove()


class Kubectl:
    """One kubectl, in one namespace."""

    def __init__(self, binary: Path, place: Place) -> None:
        self._line = [str(binary), f"--kubeconfig={place.kubeconfig}", f"--namespace={place.namespace}"]
        self._started: list[subprocess.Popen[bytes]] = []

    async def __call__(
        self, *arguments: str, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        process = await asyncio.create_subprocess_exec(
            *self._line, *arguments, env=os.environ | environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def command(self, *arguments: str) -> list[str]:
        """Return the whole line, for who starts it in another way."""
        return [*self._line, *arguments]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start it; it is ended with the test."""
        process = subprocess.Popen(
            [*self._line, *arguments], env=os.environ | environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._started.append(process)
        return process

    def end(self) -> None:
        for process in self._started:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture(
    params=sorted({*BINARIES[:1], *BINARIES[-1:]}) or [None], ids=lambda path: path.name if path else "none"
)
def kubectl(request: pytest.FixtureRequest, either: Place) -> Iterator[Kubectl]:
    """The oldest kubectl, then the newest."""
    if request.param is None:
        pytest.skip(NO_KUBECTL)
    found = Kubectl(request.param, either)
    yield found
    found.end()


@pytest.fixture
def last_kubectl(either: Place) -> Iterator[Kubectl]:
    """The newest kubectl, for what does not depend on its version."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    found = Kubectl(BINARIES[-1], either)
    yield found
    found.end()


@pytest.fixture
def last_kubectl_there(place: Place) -> Iterator[Kubectl]:
    """The newest kubectl, on the real cluster."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    found = Kubectl(BINARIES[-1], place)
    yield found
    found.end()
