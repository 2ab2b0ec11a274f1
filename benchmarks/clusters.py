"""The embedded cluster and Kubernetes' own control plane side by side: same machine, same run, same client.

Each measurement is taken on one right after the other. Kubernetes' own has its watch cache, its default admission and a
durable etcd; the client limits of its scheduler and controllers are raised, as large clusters do.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import api, scheduler
from benchmarks.goals import Measurement
from benchmarks.home import Address, address, running_home
from benchmarks.runs import client_of, no_ops
from benchmarks.team import team_server
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.objects.builtin import NAMESPACES, SERVICE_ACCOUNTS
from seaway.objects.errors import AlreadyExists
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import Settings, run_control_plane, run_scheduler


@dataclass(frozen=True)
class Cluster:
    """A cluster by its administrator's kubeconfig."""

    kubeconfig: Path
    pid: int = 0
    """Of the process that is all of it; 0 where there are several."""

    def kubernetes(self) -> Address:
        """Return where its API server is."""
        return address(self.kubeconfig)


@contextmanager
def embedded() -> Iterator[Cluster]:
    """Run the embedded control plane in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.serve_cluster", folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            yield Cluster(Path(process.stdout.readline().strip()), process.pid)
            process.communicate()


@contextmanager
def real() -> Iterator[Cluster]:
    """Run Kubernetes' own: etcd, API server, controllers and scheduler."""
    flags = tuple(f"--kube-api-{limit}=5000" for limit in ("qps", "burst"))
    with (
        tempfile.TemporaryDirectory(prefix="seaway-bench-") as folder,
        run_control_plane(
            Path(folder), Settings(durable=True, scheduler=False, controller_flags=flags)
        ) as plane,
        run_scheduler(plane.kubeconfig, plane.folder, flags),
    ):
        yield Cluster(plane.kubeconfig)


async def bind_all(cluster: Cluster) -> float:
    """Return the pods that the cluster's scheduler binds per second, from the first create to the last binding."""
    client = Client(HttpTransport(load_kubeconfig(cluster.kubeconfig)))
    try:
        await client.create(NAMESPACES, {"metadata": {"name": scheduler.NAMESPACE}})
        with contextlib.suppress(AlreadyExists):  # without controllers nobody else makes it
            await client.create(
                SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": scheduler.NAMESPACE}}
            )
        nodes = SimulatedNodes(client, scheduler.NODES)
        ready = asyncio.Event()
        task = asyncio.create_task(nodes.run(ready.set))
        await ready.wait()
        begin = time.perf_counter()
        await scheduler.create_all(client)
        await scheduler.wait_until_bound(client)
        took = time.perf_counter() - begin
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return scheduler.PODS_MADE / took
    finally:
        await client.close()


def measure_api(cluster: Cluster) -> list[Measurement]:
    """Measure creates, lists and watches."""
    return asyncio.run(api.measure_all(cluster))


def measure_scheduler(cluster: Cluster) -> list[Measurement]:
    """Measure bindings on simulated nodes that this process plays."""
    import uvloop

    rate = uvloop.run(bind_all(cluster))
    note = f"{scheduler.NODES} simulated nodes, {scheduler.PODS_MADE} pods, over TLS"
    return [Measurement("scheduler: pods bound", rate, "pods/s", note)]


def measure_on_both(measure_one: Callable[[Cluster], list[Measurement]]) -> list[Measurement]:
    """Measure the embedded cluster, then Kubernetes' own; return both with their ratio."""
    with embedded() as cluster:
        ours = measure_one(cluster)
    with real() as cluster:
        theirs = measure_one(cluster)
    return [half for pair in zip(ours, theirs, strict=True) for half in side_by_side(*pair)]


def measure_runs() -> list[Measurement]:
    """Measure a no-op run on each: with the daemon's own cluster, and with a team's server."""
    with running_home() as home:
        ours = no_ops(client_of(home))
    with team_server() as client:
        theirs = no_ops(client)
    return side_by_side(ours, theirs)


def side_by_side(ours: Measurement, theirs: Measurement) -> list[Measurement]:
    """Return both figures under names that tell them apart."""
    note = f"ours : kube's = {ours.value:.1f} : {theirs.value:.1f} = {ours.value / theirs.value:.2f}"
    return [
        replace(ours, name=f"{ours.name} [embedded]", note=note),
        replace(theirs, name=f"{theirs.name} [kube]"),
    ]


def measure() -> list[Measurement]:
    """Measure both, where Kubernetes' own is built."""
    if not TOOL.is_built():
        print(NOT_BUILT)
        return []
    return [*measure_on_both(measure_api), *measure_on_both(measure_scheduler), *measure_runs()]
