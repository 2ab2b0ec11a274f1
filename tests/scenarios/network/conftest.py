"""A whole cluster with real pods, and what tests of its network do with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.controlplane.cluster import Cluster, ClusterSettings, run_cluster
from seaway.controlplane.network.settings import NetworkSettings
from seaway.objects.builtin import (
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    EVENTS,
    NAMESPACES,
    PODS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from seaway.objects.errors import ApiError, NotFound
from tests.waiting import until

SAY = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        text = (os.environ["HOSTNAME"] + " " + self.path).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(text)))
        self.send_header("x-host", self.headers.get("host", ""))
        self.send_header("x-for", self.headers.get("x-forwarded-for", ""))
        self.end_headers()
        self.wfile.write(text)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Handler).serve_forever()
"""
"""A server that says which pod it is, and what it was asked for."""
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
HOSTNAME = {"name": "HOSTNAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
PROBE = {
    "httpGet": {"path": "/", "port": 8080},
    "periodSeconds": 1,
    "timeoutSeconds": 30,
    "failureThreshold": 1,
}


class World:
    """A namespace of the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.client: Client = cluster.client("tests", ("system:masters",))

    async def server(self, name: str, script: str = SAY, *, probe: Any = PROBE, **spec: Any) -> None:
        """Run a pod with a program in Python."""
        container: dict[str, Any] = {
            "name": "main", "image": "python", "command": ["python3", "-c", script], "env": [POD_IP, HOSTNAME],
            "ports": [{"name": "web", "containerPort": 8080}],
        }  # fmt: skip
        if probe:
            container["readinessProbe"] = probe
        labels = spec.pop("labels", {"app": "web"})
        metadata = {"name": name, "namespace": "d", "labels": labels}
        whole = {"terminationGracePeriodSeconds": 1, "containers": [container]} | spec
        await self.client.create(PODS, {"metadata": metadata, "spec": whole})

    async def service(self, name: str = "web", **spec: Any) -> dict[str, Any]:
        ports = [{"name": "http", "port": 8000, "targetPort": "web"}]
        whole = {"selector": {"app": "web"}, "ports": ports} | spec
        spec = {field: value for field, value in whole.items() if value is not None}
        return await self.client.create(
            SERVICES, {"metadata": {"name": name, "namespace": "d"}, "spec": spec}
        )

    async def until(self, what: Callable[[], Any], seconds: float = 60.0) -> Any:
        """Return the first true answer; what cannot be reached yet is asked again."""
        return await until(what, seconds=seconds, ignore=(ApiError, OSError, asyncio.IncompleteReadError))

    async def ready(self, name: str, count: int) -> None:
        """Wait until a service has so many ready endpoints."""

        async def there() -> bool:
            selector = f"kubernetes.io/service-name={name}"
            listed = await self.client.list(ENDPOINT_SLICES, "d", label_selector=selector)
            found = [e for s in listed["items"] for e in s.get("endpoints") or () if e["conditions"]["ready"]]
            return len(found) == count

        await self.until(there)

    async def ended(self, name: str) -> str:
        """Return the log of a pod that has ended."""

        async def done() -> bool:
            return (await self.client.get(PODS, name, "d"))["status"].get("phase") in ("Succeeded", "Failed")

        await self.until(done)
        async with self.client.logs(name, "d", "main") as chunks:
            return b"".join([chunk async for chunk in chunks]).decode()

    async def run(self, name: str, script: str, **spec: Any) -> str:
        """Run a program in a pod to its end; return what it printed."""
        await self.server(name, script, probe=None, labels={"app": name}, restartPolicy="Never", **spec)
        return await self.ended(name)

    async def events(self, kind: str, name: str) -> list[dict[str, Any]]:
        selector = f"involvedObject.kind={kind},involvedObject.name={name}"
        return (await self.client.list(EVENTS, "d", field_selector=selector))["items"]


async def ask(
    address: str, port: int, path: str = "/", host: str = "web", **headers: str
) -> tuple[str, dict[str, str]]:
    """Send one HTTP request over a connection of its own; return the body, and the headers with ":status"."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: {host}",
            *(f"{k}: {v}" for k, v in headers.items()),
            "Connection: close",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
    finally:
        writer.close()
    first, *rest = head.split("\r\n")
    return body, {":status": first.split()[1]} | {
        k.lower(): v for k, v in (line.split(": ", 1) for line in rest)
    }


@contextlib.asynccontextmanager
async def running(tmp_path: Path, **settings: Any) -> AsyncIterator[World]:
    """Run a cluster with a namespace; skip where services can have no addresses."""
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.77.0.1", 0))
        except OSError:
            pytest.skip(
                "only 127.0.0.1 is a loopback address of this machine: services have none of their own"
            )
    network = NetworkSettings(**settings)
    whole = ClusterSettings(home=tmp_path / "home", node_stop_seconds=1.0, network=network)
    async with run_cluster(whole) as cluster:
        world = World(cluster)
        await world.client.create(NAMESPACES, {"metadata": {"name": "d"}})

        async def settled() -> bool:
            await world.client.get(CONFIG_MAPS, "kube-root-ca.crt", "d")
            return bool(await world.client.get(SERVICE_ACCOUNTS, "default", "d"))

        await world.until(settled)
        yield world
        for pod in (await world.client.list(PODS, "d"))["items"]:
            with contextlib.suppress(NotFound):
                await world.client.delete(PODS, pod["metadata"]["name"], "d", grace_seconds=0)


@pytest.fixture
async def network(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path) as world:
        yield world
