"""How many pods a second the scheduler binds on 1,000 simulated nodes, through the API server and its store."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.goals import Measurement
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.objects.builtin import NAMESPACES, PODS

NODES = 1000
PODS_MADE = 2000
NAMESPACE = "bench"


def pod(number: int) -> dict[str, Any]:
    """Return a pod that asks for a tenth of a core."""
    container = {
        "name": "main",
        "image": "python",
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    return {"metadata": {"name": f"p{number}", "namespace": NAMESPACE}, "spec": {"containers": [container]}}


async def create_all(client: Client) -> None:
    """Create the pods, 16 at a time."""
    queue = iter([pod(number) for number in range(PODS_MADE)])

    async def worker() -> None:
        for body in queue:
            await client.create(PODS, body, NAMESPACE)

    async with asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(worker())


async def wait_until_bound(client: Client, seconds: float = 300) -> None:
    """Return when every pod has a node.

    Raises:
        TimeoutError: some had none after so many seconds.
    """
    async with asyncio.timeout(seconds):
        while True:
            waiting = await client.list(PODS, NAMESPACE, field_selector="spec.nodeName=", limit=1)
            if not waiting["items"]:
                return
            await asyncio.sleep(0.05)


async def bind_all(folder: Path) -> float:
    """Return the pods bound per second, from the first create to the last binding."""
    async with run_cluster(ClusterSettings(home=folder, nodes=0)) as cluster:
        client = cluster.client("bench", ("system:masters",))
        await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        async with Services() as services:
            await services.start("nodes", SimulatedNodes(client, NODES).run)
            begin = time.perf_counter()
            await create_all(client)
            await wait_until_bound(client)
            took = time.perf_counter() - begin
    return PODS_MADE / took


def measure() -> list[Measurement]:
    """Measure in a process and home of its own."""
    import uvloop

    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as folder:
        rate = uvloop.run(bind_all(Path(folder)))
    note = f"{PODS_MADE} pods created, bound and reported running by hollow nodes, one process"
    return [Measurement("scheduler: 1,000 simulated nodes", rate, "pods/s", note)]
