"""The other way round: our scheduler binds the pods of Kubernetes' own API server, with the rights of Kubernetes' own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.base.clock import SystemClock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.node.simulated import SimulatedNodes, SimulatedSettings
from seaway.controlplane.scheduler.scheduler import Scheduler, SchedulerSettings
from seaway.objects.builtin import EVENTS, NODES, PODS
from seaway.objects.meta import get_condition
from seaway.reconcile.informer import Informers
from seaway.reconcile.manager import Manager
from seaway.reconcile.recorder import EventRecorder
from tools.real_kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.real

SECONDS = 60.0


def connected(kubeconfig: Path) -> Client:
    return Client(HttpTransport(load_kubeconfig(kubeconfig)))


@pytest.fixture
async def admin(bare: ControlPlane) -> AsyncIterator[Client]:
    """An administrator's client; four simulated nodes and our scheduler run beside it."""
    clock = SystemClock()
    client, nodes, scheduling = (
        connected(path)
        for path in (bare.kubeconfig, bare.kubeconfig, bare.user_kubeconfig("system:kube-scheduler"))
    )
    informers = Informers(scheduling, clock)
    settings = SchedulerSettings()
    recorder = EventRecorder(scheduling, settings.name, clock)
    scheduler = Scheduler(scheduling, informers, recorder, clock, settings)
    async with Services() as services:
        simulated = SimulatedNodes(nodes, 4, SimulatedSettings(cpus=8))
        await services.start("nodes", simulated.run)
        for (
            name
        ) in simulated.names:  # the API server marks each new node as not ready; a controller takes that back
            await client.patch(NODES, name, {"spec": {"taints": None}})
        await services.start("scheduler", Manager(informers, (scheduler,), (recorder,)).run)
        yield client
    for one in (client, nodes, scheduling):
        await one.close()


async def create(admin: Client, name: str, cpu: str = "100m", **spec: object) -> None:
    container = {"name": "main", "image": "python", "resources": {"requests": {"cpu": cpu}}}
    pod = {
        "metadata": {"name": name, "labels": {"app": "parts"}},
        "spec": {"containers": [container], **spec},
    }
    await admin.create(PODS, pod, "default")


async def pod_when(admin: Client, name: str, check) -> dict:
    async with asyncio.timeout(SECONDS):
        while not check(pod := await admin.get(PODS, name, "default")):
            await asyncio.sleep(0.05)
    return pod


async def test_our_scheduler_binds_on_kubernetes_own_api_server(admin: Client) -> None:
    apart = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "parts"}}}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
    for number in range(4):
        await create(admin, f"p{number}", affinity=affinity)
    pods = [
        await pod_when(admin, f"p{number}", lambda pod: pod["status"].get("phase") == "Running")
        for number in range(4)
    ]
    nodes = {node["metadata"]["name"] for node in (await admin.list(NODES))["items"]}
    assert {pod["spec"]["nodeName"] for pod in pods} == nodes
    assert all(get_condition(pod, "PodScheduled")["status"] == "True" for pod in pods)
    await create(admin, "large", cpu="64")
    waiting = await pod_when(admin, "large", lambda pod: get_condition(pod, "PodScheduled"))
    message = get_condition(waiting, "PodScheduled")["message"]
    assert message.startswith("0/4 nodes are available: 4 Insufficient cpu.")
    async with asyncio.timeout(SECONDS):
        while True:
            told = {
                (event["reason"], event["involvedObject"]["name"])
                for event in (await admin.list(EVENTS, "default"))["items"]
            }
            if {("Scheduled", "p0"), ("FailedScheduling", "large")} <= told:
                return
            await asyncio.sleep(0.05)
