"""How long a Deployment of 500 pods takes until it is ready, on simulated nodes, on both control planes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from benchmarks.clusters import Cluster, embedded, measure_on_both
from benchmarks.goals import Measurement
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import NotFound
from seaway.objects.workloads import DEPLOYMENTS
from tools.real_kubernetes.build import TOOL

NODES = 20
REPLICAS = 500
NAMESPACE = "bench"
SECONDS = 300
NAME = f"Deployment of {REPLICAS} pods: created to ready"


def deployment() -> dict[str, Any]:
    """Return the deployment."""
    labels = {"app": "web"}
    container = {"name": "main", "image": "python", "resources": {"requests": {"cpu": "10m"}}}
    return {
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


async def until_ready(client: Client) -> None:
    """Return when all pods are available.

    Raises:
        TimeoutError: some were not after `SECONDS`.
    """
    async with asyncio.timeout(SECONDS):
        while True:
            found = await client.get(DEPLOYMENTS, "web", NAMESPACE)
            if (found.get("status") or {}).get("availableReplicas") == REPLICAS:
                return
            await asyncio.sleep(0.05)


async def roll_out(cluster: Cluster) -> float:
    """Return the seconds from creating the deployment until it is ready."""
    client = Client(HttpTransport(load_kubeconfig(cluster.kubeconfig)))
    try:
        await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
        async with Services() as services:
            await services.start("nodes", SimulatedNodes(client, NODES).run)
            begin = time.perf_counter()
            await client.create(DEPLOYMENTS, deployment())
            await until_ready(client)
            took = time.perf_counter() - begin
        with contextlib.suppress(NotFound):
            await client.delete(DEPLOYMENTS, "web", NAMESPACE)
        return took
    finally:
        await client.close()


def measure_rollout(cluster: Cluster) -> list[Measurement]:
    """Measure one deployment on nodes that this process plays."""
    import uvloop

    note = f"{NODES} simulated nodes, over TLS"
    return [Measurement(NAME, uvloop.run(roll_out(cluster)), "s", note)]


def measure() -> list[Measurement]:
    """Measure on the embedded control plane, and on Kubernetes' own where that is built."""
    if TOOL.is_built():
        return measure_on_both(measure_rollout)
    with embedded() as cluster:
        return measure_rollout(cluster)
