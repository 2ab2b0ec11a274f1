"""What is provoked in an embedded cluster has Kubernetes' consequences: taints, evictions, pods elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.controlplane.cluster import Cluster, ClusterSettings, run_cluster
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.controlplane.practice import Practice
from seaway.objects.builtin import NODES, PODS
from seaway.objects.errors import InternalError, NotFound
from seaway.objects.workloads import POD_DISRUPTION_BUDGETS
from tests.waiting import until, until_gone, until_object

UNREACHABLE = "node.kubernetes.io/unreachable"
NAMESPACE = "default"


@dataclass
class Ground:
    """A cluster of two nodes and two hollow ones, on which nodes are soon missed."""

    cluster: Cluster
    client: Client
    practice: Practice

    async def pod(self, name: str, **spec: Any) -> dict[str, Any]:
        leaving = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
        hollow = {"key": "seaway.dev/simulated", "operator": "Exists", "effect": "NoSchedule"}
        container = {"name": "main", "image": "python", "command": ["sleep", "600"]}
        body = {
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1, "tolerations": [leaving, hollow]} | spec,
        }  # fmt: skip
        return await self.client.create(PODS, body)

    async def until(self, look: Callable[[], Awaitable[Any]]) -> Any:
        return await until(look, seconds=90)

    async def until_pod(self, name: str, check: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        return await until_object(self.client, PODS, name, NAMESPACE, check, seconds=90)

    async def gone(self, name: str) -> None:
        await until_gone(self.client, PODS, name, NAMESPACE, seconds=90)

    async def until_node(self, name: str, check: Callable[[dict[str, Any]], Any]) -> None:
        await until(lambda: self.practice.node(name), name, check=check, seconds=90)


def runs(pod: dict[str, Any]) -> bool:
    return bool(pod.get("status", {}).get("phase") == "Running")


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    settings = ClusterSettings(
        home=tmp_path / "home", nodes=2, simulated_nodes=2, node_heartbeat=0.3, node_stop_seconds=0.5,
        controllers=ControllersSettings(node_grace=4.0, node_monitor=0.2), pretend_gpus=(("a100", 2), ("t4", 1)),
    )  # fmt: skip
    async with run_cluster(settings) as cluster:
        client = cluster.client("admin", ["system:masters"])
        yield Ground(cluster, client, Practice(client, cluster.nodes, cluster.simulated))


async def test_a_lost_node(ground: Ground) -> None:
    """Silent, it is tainted and its pods have to leave; when it is back it finishes them, and takes pods again."""
    await ground.pod("p", nodeSelector={"kubernetes.io/hostname": "node-2"})
    await ground.until_pod("p", runs)
    await ground.practice.kill("node-2")
    assert runs(await ground.client.get(PODS, "p", NAMESPACE))
    await ground.until_node("node-2", lambda node: UNREACHABLE in node["taints"] and not node["ready"])
    pod = await ground.until_pod("p", lambda pod: pod["metadata"].get("deletionTimestamp"))
    conditions = {c["type"]: c for c in pod["status"]["conditions"]}
    assert conditions["DisruptionTarget"]["reason"] == "DeletionByTaintManager"
    assert conditions["Ready"]["status"] == "False"
    with pytest.raises(InternalError, match="no route to host"):
        async with ground.client.logs("p", NAMESPACE, "main", LogOptions()) as chunks:
            await anext(chunks)
    assert (await ground.practice.node("node-2"))["killed"]
    await ground.practice.restore("node-2")
    await ground.gone("p")
    await ground.until_node("node-2", lambda node: node["ready"] and not node["taints"])
    await ground.pod("q", nodeSelector={"kubernetes.io/hostname": "node-2"})
    await ground.until_pod("q", runs)


async def test_a_node_that_is_back_soon(ground: Ground) -> None:
    """Nobody missed it: what was to run always runs again, what was to run once is lost and said to be."""
    await ground.pod("always", nodeSelector={"kubernetes.io/hostname": "node-1"})
    await ground.pod("once", nodeSelector={"kubernetes.io/hostname": "node-1"}, restartPolicy="Never")
    for name in ("always", "once"):
        await ground.until_pod(name, runs)
    await ground.practice.kill("node-1")
    await ground.practice.restore("node-1")
    pod = await ground.until_pod("once", lambda pod: pod["status"]["phase"] == "Failed")
    terminated = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["exitCode"], terminated["reason"]) == (137, "ContainerStatusUnknown")
    pod = await ground.until_pod(
        "always",
        lambda pod: (
            pod["status"]["containerStatuses"][0]["restartCount"] == 1 and pod["status"]["phase"] == "Running"
        ),
    )


async def test_drain(ground: Ground) -> None:
    """Pods leave but for those that a budget holds; the node takes nothing new until it is uncordoned."""
    here = {"kubernetes.io/hostname": "node-1"}
    for name in ("free", "held"):
        await ground.pod(name, nodeSelector=here)
        await ground.until_pod(name, runs)
    budget = {
        "metadata": {"name": "b", "namespace": NAMESPACE},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "held"}}},
    }
    await ground.client.create(POD_DISRUPTION_BUDGETS, budget)

    async def counted() -> bool:
        found = await ground.client.get(POD_DISRUPTION_BUDGETS, "b", NAMESPACE)
        return bool(found.get("status", {}).get("currentHealthy") == 1)

    await ground.until(counted)
    left = {pod["name"]: pod["reason"] for pod in await ground.practice.drain("node-1")}
    assert left["free"] == "is ending"
    assert "disruption budget" in left["held"]
    await ground.client.delete(POD_DISRUPTION_BUDGETS, "b", NAMESPACE)

    async def empty() -> bool:
        return not await ground.practice.drain("node-1")

    await ground.until(empty)
    node = await ground.practice.node("node-1")
    assert (node["cordoned"], node["pods"]) == (True, 0)
    await ground.practice.cordon("node-1", wanted=False)
    assert not (await ground.practice.node("node-1"))["cordoned"]
    with pytest.raises(NotFound):
        await ground.practice.drain("node-9")


async def test_hollow_nodes(ground: Ground) -> None:
    """They can be lost and be under pressure like the others; GPUs' kinds are labels of the nodes that run something."""
    labels = {
        n["metadata"]["name"]: n["metadata"]["labels"] for n in (await ground.client.list(NODES))["items"]
    }
    assert labels["node-1"]["nvidia.com/gpu.product"] == "a100"
    assert labels["node-2"]["nvidia.com/gpu.product"] == "t4"
    hollow = {"kubernetes.io/hostname": "simulated-1"}
    await ground.pod("p", nodeSelector=hollow)
    await ground.until_pod("p", runs)
    await ground.practice.press("simulated-1", ["disk"])
    await ground.until_node(
        "simulated-1", lambda n: n["taints"] == ["seaway.dev/simulated", "node.kubernetes.io/disk-pressure"]
    )
    await ground.practice.kill("simulated-1")
    await ground.client.delete(PODS, "p", NAMESPACE)
    assert (await ground.practice.node("simulated-1"))["killed"]
    await ground.practice.restore("simulated-1")
    await ground.gone("p")
    await ground.until_node("simulated-1", lambda n: n["taints"] == ["seaway.dev/simulated"])


async def test_a_killed_node_whose_object_is_deleted_can_be_restored(ground: Ground) -> None:
    """Without power it cannot make itself known again: it must be shown, or nobody knows what to restore."""
    await ground.practice.kill("node-2")
    await ground.client.delete(NODES, "node-2")
    shown = await ground.practice.node("node-2")
    assert (shown["killed"], shown["ready"]) == (True, False)
    with pytest.raises(NotFound):
        await ground.practice.cordon("node-2", wanted=True)
    await ground.practice.restore("node-2")
    await ground.until_node("node-2", lambda node: node["ready"])
