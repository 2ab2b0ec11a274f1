"""What the Kubernetes API costs over TLS, from another process: creates, lists, create to watch."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import Any

from benchmarks.goals import Measurement
from benchmarks.home import Reachable, running_home
from benchmarks.wire import Wire

CONNECTIONS = 16
CREATES = 4000
NAMESPACE = "bench"
BASE = f"/api/v1/namespaces/{NAMESPACE}"


def config_map(number: int) -> dict[str, Any]:
    """Return a small ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"c{number}"},
        "data": {"key": "value" * 10},
    }


def pod(number: int) -> dict[str, Any]:
    """Return an ordinary Pod that no node will take."""
    container = {
        "name": "main", "image": "python", "command": ["python", "-c", "pass"],
        "env": [{"name": "A", "value": "1"}], "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }  # fmt: skip
    spec = {"containers": [container], "nodeSelector": {"bench": "none"}, "schedulerName": "none"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p{number}", "labels": {"app": "bench"}},
        "spec": spec,
    }


async def creates(cluster: Reachable, plural: str, bodies: list[bytes]) -> float:
    """Create all bodies over 16 connections; return creates per second."""
    wires = [await Wire.open(*cluster.kubernetes()) for _ in range(CONNECTIONS)]
    queue = iter(bodies)

    async def worker(wire: Wire) -> None:
        for body in queue:
            await wire.call("POST", f"{BASE}/{plural}", body)

    begin = time.perf_counter()
    await asyncio.gather(*(worker(wire) for wire in wires))
    took = time.perf_counter() - begin
    for wire in wires:
        wire.close()
    return len(bodies) / took


async def lists(cluster: Reachable, limit: int, times: int = 7) -> float:
    """Return the median seconds of a list of so many pods, whole body received and counted."""
    wire = await Wire.open(*cluster.kubernetes())
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        body = await wire.call("GET", f"{BASE}/pods?limit={limit}")
        took.append(time.perf_counter() - begin)
        if (count := len(json.loads(body)["items"])) != limit:
            raise RuntimeError(f"listed {count} pods instead of {limit}")
    wire.close()
    return statistics.median(took)


async def create_to_watch(cluster: Reachable, times: int = 200) -> float:
    """Return the median seconds between sending a create and seeing its event in a watch."""
    watch, write = await Wire.open(*cluster.kubernetes()), await Wire.open(*cluster.kubernetes())
    revision = json.loads(await write.call("GET", f"{BASE}/configmaps?limit=1"))["metadata"][
        "resourceVersion"
    ]
    await watch.send("GET", f"{BASE}/configmaps?watch=1&resourceVersion={revision}")
    await watch.receive()
    events = watch.chunks()
    took = []
    for number in range(10**6, 10**6 + times):
        begin = time.perf_counter()
        call = asyncio.ensure_future(
            write.call("POST", f"{BASE}/configmaps", json.dumps(config_map(number)).encode())
        )
        while f'"c{number}"'.encode() not in await anext(events):
            pass  # a namespace gets ConfigMaps from controllers too
        took.append(time.perf_counter() - begin)
        await call
    watch.close()
    write.close()
    return statistics.median(took)


async def prepare(cluster: Reachable) -> None:
    """Make the namespace and its service account, which only a controller makes otherwise."""
    wire = await Wire.open(*cluster.kubernetes())
    for path, name in (("/api/v1/namespaces", NAMESPACE), (f"{BASE}/serviceaccounts", "default")):
        await wire.send("POST", path, json.dumps({"metadata": {"name": name}}).encode())
        status, headers = await wire.receive()
        await wire.body(headers)
        if status not in {201, 409}:
            raise RuntimeError(f"POST {path}: {status}")
    wire.close()


async def measure_all(cluster: Reachable) -> list[Measurement]:
    """Measure everything against one API server."""
    await prepare(cluster)
    latency = await create_to_watch(cluster)
    config_maps = await creates(
        cluster, "configmaps", [json.dumps(config_map(i)).encode() for i in range(CREATES)]
    )
    pods = await creates(cluster, "pods", [json.dumps(pod(i)).encode() for i in range(10_000)])
    return [
        Measurement(
            "API: ConfigMap creates, 16 connections",
            config_maps,
            "creates/s",
            f"{CREATES} over TLS from another process",
        ),
        Measurement(
            "API: Pod creates, 16 connections", pods, "creates/s", "10,000 over TLS from another process"
        ),
        Measurement(
            "API: list 5,000 pods", await lists(cluster, 5000) * 1e3, "ms", "median of 7, whole body"
        ),
        Measurement(
            "API: list 10,000 pods", await lists(cluster, 10_000) * 1e3, "ms", "median of 7, whole body"
        ),
        Measurement("API: create to watch, median", latency * 1e3, "ms", "200 creates, one after the other"),
    ]


def measure() -> list[Measurement]:
    """Measure everything against a home of its own."""
    with running_home() as home:
        return asyncio.run(measure_all(home))
