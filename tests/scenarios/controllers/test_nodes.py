"""Nodes that go silent or go away, and the pods they had."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from seaway.base.clock import SystemClock, rfc3339_micro
from seaway.objects.builtin import EVENTS, LEASES, NODES, PODS
from seaway.objects.errors import AlreadyExists
from seaway.objects.meta import deletion_timestamp, get_condition
from tests.scenarios.controllers.conftest import World, running_world

NOW = {
    "key": "node.kubernetes.io/unreachable",
    "operator": "Exists",
    "effect": "NoExecute",
    "tolerationSeconds": 0,
}


@pytest.fixture
async def watchful() -> AsyncIterator[World]:
    """A world in which nodes are soon missed."""
    async with running_world(SystemClock(), node_grace=2.0) as running:
        yield running


async def beat(world, name: str) -> None:
    """Renew a node's lease, as its agent does."""
    spec = {
        "holderIdentity": name,
        "leaseDurationSeconds": 40,
        "renewTime": rfc3339_micro(SystemClock().now()),
    }
    try:
        await world.client.create(
            LEASES, {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec}
        )
    except AlreadyExists:
        await world.client.patch(LEASES, name, {"spec": spec}, "kube-node-lease")


async def ready(world, name: str) -> str:
    return get_condition(await world.read(NODES, name, None), "Ready")["status"]


async def taints(world, name: str) -> set[str]:
    node = await world.read(NODES, name, None)
    return {
        f"{t['key'].removeprefix('node.kubernetes.io/')}:{t['effect']}"
        for t in node["spec"].get("taints") or ()
    }


async def test_a_silent_node_is_marked_tainted_and_emptied(watchful) -> None:
    world = watchful
    await world.node("n")
    await world.pod("a", tolerations=[NOW])
    await world.pod("patient")

    async def gone_silent():
        return await ready(world, "n") == "Unknown" and await taints(world, "n") == {
            "unreachable:NoSchedule",
            "unreachable:NoExecute",
        }

    await world.until(gone_silent)

    async def leaving():
        pod = await world.read(PODS, "a")
        return deletion_timestamp(pod) and pod

    pod = await world.until(leaving)
    assert get_condition(pod, "DisruptionTarget")["reason"] == "DeletionByTaintManager"
    assert deletion_timestamp(await world.read(PODS, "patient")) is None, (
        "it tolerates an unreachable node for a while"
    )

    async def told():
        return "TaintManagerEviction" in {e["reason"] for e in await world.items(EVENTS)}

    await world.until(told)


async def test_a_node_that_renews_its_lease_stays(watchful) -> None:
    world = watchful
    await world.node("n")
    await beat(world, "n")
    await world.node("silent")

    async def silent_is_found_out():
        await beat(world, "n")
        return await ready(world, "silent") == "Unknown"

    await world.until(silent_is_found_out)
    assert (await ready(world, "n"), await taints(world, "n")) == ("True", set())


async def test_a_node_that_says_it_is_not_ready_and_then_is(world) -> None:
    await world.node("n", ready="False")

    async def tainted():
        return await taints(world, "n") == {"not-ready:NoSchedule", "not-ready:NoExecute"}

    await world.until(tainted)
    node = await world.read(NODES, "n", None)
    condition = {"type": "Ready", "status": "True"}
    await world.client.replace(
        NODES, {**node, "status": {**node["status"], "conditions": [condition]}}, "status"
    )

    async def clean():
        return await taints(world, "n") == set()

    await world.until(clean)


async def test_a_cordoned_node_is_tainted_too(world) -> None:
    await world.node("n")
    await world.client.patch(NODES, "n", {"spec": {"unschedulable": True}})

    async def tainted():
        return "unschedulable:NoSchedule" in await taints(world, "n")

    await world.until(tainted)


async def test_pods_of_a_node_that_is_gone_end_as_failed(world) -> None:
    await world.node("n")
    pod = await world.pod("a", metadata={"finalizers": ["example.com/hold"]})
    assert pod

    async def bound():
        return (await world.read(PODS, "a"))["spec"].get("nodeName")

    await world.until(bound)
    await world.client.delete(NODES, "n")

    async def marked():
        current = await world.read(PODS, "a")
        return current["status"]["phase"] == "Failed" and current

    current = await world.until(marked)
    assert get_condition(current, "DisruptionTarget")["reason"] == "DeletionByPodGC"
    await world.client.patch(PODS, "a", {"metadata": {"finalizers": None}}, "default")
    await world.gone(PODS, "a")


async def test_the_oldest_ended_pods_above_the_threshold_go(world) -> None:
    await world.node("n", cpu="64")
    for number in range(5):
        await world.end(await world.pod(f"p{number}"))

    async def three_left():
        return len(await world.items(PODS)) == 3

    await world.until(three_left)
