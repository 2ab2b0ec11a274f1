"""What many watchers of many objects cost: how long until all have seen all, and how much memory the server takes for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.api import BASE, creates, prepare
from benchmarks.clusters import Cluster, embedded
from benchmarks.goals import Measurement
from benchmarks.wire import Wire

OBJECTS = 5000
WATCHERS = 50
_SECONDS = 300
_MARK = b'{"type":"ADDED"'


@dataclass
class Round:
    """What one round cost."""

    seconds: float
    """From the first create until every watcher that reads had seen every object."""
    growth: float
    """Memory of the server's own at its highest above that before, in MB (10**6 bytes)."""


def body(number: int) -> bytes:
    """Return an object of about a kilobyte."""
    made: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"key": "value" * 150}}
    return json.dumps(made | {"metadata": {"name": f"w{number}", "labels": {"watched": ""}}}).encode()


async def open_watch(cluster: Cluster, revision: str) -> Wire:
    """Open a watch from a revision on and read its headers; the events wait."""
    wire = await Wire.open(*cluster.kubernetes())
    await wire.send("GET", f"{BASE}/configmaps?watch=1&labelSelector=watched&resourceVersion={revision}")
    status, _ = await wire.receive()
    if status != 200:
        raise RuntimeError(f"a watch was answered with {status}")
    return wire


async def see_all(wire: Wire, objects: int) -> None:
    """Read a watch until so many objects were added."""
    seen, rest = 0, b""
    while seen < objects:
        data = await wire.some()
        if not data:
            raise RuntimeError(f"a watch ended after {seen} of {objects} objects")
        rest += data
        seen += rest.count(_MARK)
        rest = rest[-len(_MARK) + 1 :]


def own_memory(pid: int) -> float:
    """Return what memory a process has for itself alone, in MB."""
    return psutil.Process(pid).memory_full_info().uss / 1e6


@contextlib.contextmanager
def highest(pid: int) -> Iterator[list[float]]:
    """Keep the highest memory of a process in a list of one, while the block runs in a loop."""
    found = [own_memory(pid)]

    async def look() -> None:
        while True:
            await asyncio.sleep(0.1)
            found[0] = max(found[0], own_memory(pid))

    looking = asyncio.ensure_future(look())
    try:
        yield found
    finally:
        looking.cancel()
        found[0] = max(found[0], own_memory(pid))


async def watch_all(
    cluster: Cluster, *, objects: int = OBJECTS, watchers: int = WATCHERS, read: bool = True
) -> Round:
    """Create objects under the eyes of watchers, then delete them.

    Args:
        cluster: whose API server it is; one process.
        objects: how many are made.
        watchers: how many watch, each over a connection of its own.
        read: whether they read what they are sent.
    """
    await prepare(cluster)
    caller = await Wire.open(*cluster.kubernetes())
    revision = json.loads(await caller.call("GET", f"{BASE}/configmaps?limit=1"))["metadata"][
        "resourceVersion"
    ]
    wires = [await open_watch(cluster, revision) for _ in range(watchers)]
    before = own_memory(cluster.pid)
    begin = time.perf_counter()
    async with asyncio.timeout(_SECONDS):
        with highest(cluster.pid) as most:
            making = creates(cluster, "configmaps", [body(number) for number in range(objects)])
            await asyncio.gather(making, *(see_all(wire, objects) for wire in wires if read))
    took = time.perf_counter() - begin
    for wire in wires:
        wire.close()
    await caller.call("DELETE", f"{BASE}/configmaps?labelSelector=watched")
    caller.close()
    return Round(took, most[0] - before)


def measure() -> list[Measurement]:
    """Measure the embedded control plane: it is one process, whose memory is all of it."""
    with embedded() as cluster:
        found = asyncio.run(watch_all(cluster))
    note = f"{OBJECTS:,} ConfigMaps of 1 kB created and watched over TLS by {WATCHERS} connections"
    name = f"{OBJECTS:,} objects seen by {WATCHERS} watchers"
    return [
        Measurement(name, found.seconds, "s", note),
        Measurement(f"{name}: memory", found.growth, "MB", "highest above that before, of the server's own"),
    ]
