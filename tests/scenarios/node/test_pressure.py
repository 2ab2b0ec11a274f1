"""A node that is short of something says so, evicts, and takes nothing new until it has room again."""

from __future__ import annotations

import asyncio
from typing import Any

from seaway.objects.builtin import NODES
from tests.waiting import until_object


async def until_condition(node: Any, kind: str, status: str) -> dict[str, Any]:
    def found(node: dict[str, Any]) -> dict[str, Any]:
        return next(c for c in node["status"]["conditions"] if c["type"] == kind)

    return found(await until_object(node.client, NODES, "n1", None, lambda n: found(n)["status"] == status))


async def test_memory_pressure(node: Any) -> None:
    """It evicts the pod that uses more than it asked for, rejects what asks for nothing, and then takes pods again."""
    modest = {
        "name": "main",
        "image": "python",
        "command": ["sleep", "600"],
        "resources": {"requests": {"memory": "1Gi"}},
    }
    await node.create("modest", containers=[modest])
    await node.create("greedy", "sleep 600")
    for name in ("modest", "greedy"):
        await node.until(name, lambda s: s.get("phase") == "Running")
    trouble = node.agent._trouble
    trouble.pressure.add("memory")
    node.agent.look_again()
    condition = await until_condition(node, "MemoryPressure", "True")
    assert condition["reason"] == "KubeletHasInsufficientMemory"
    status = await node.ended("greedy")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    assert status["message"].startswith("The node was low on resource: memory. Container main was using ")
    disrupted = next(c for c in status["conditions"] if c["type"] == "DisruptionTarget")
    assert (disrupted["status"], disrupted["reason"]) == ("True", "TerminationByKubelet")
    await node.create("late")
    async with asyncio.timeout(60):
        while (late := await node.pod("late")) is None or late["status"].get("phase") != "Failed":
            await asyncio.sleep(0.01)
    assert late["status"]["message"] == "Pod was rejected: The node had condition: [MemoryPressure]. "
    assert (await node.pod("modest"))["status"]["phase"] == "Running"
    assert {"EvictionThresholdMet", "NodeHasInsufficientMemory", "Evicted"} <= set(await node.reasons())
    trouble.pressure.clear()
    node.agent.look_again()
    await until_condition(node, "MemoryPressure", "False")
    await node.create("later")
    assert (await node.ended("later"))["phase"] == "Succeeded"


async def test_storage_limits_are_not_the_nodes_trouble(node: Any) -> None:
    """A pod that goes over its own limit is evicted alone, without being called disrupted."""
    await node.create("other", "sleep 600")
    script = "head -c 3000000 /dev/zero > big; sleep 600"
    limited = {
        "name": "main",
        "image": "python",
        "command": ["sh", "-c", script],
        "resources": {"limits": {"ephemeral-storage": "1Mi"}},
    }
    await node.create("p", containers=[limited])
    status = await node.ended("p")
    assert (status["reason"], status["message"]) == (
        "Evicted",
        "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
    )
    assert not any(c["type"] == "DisruptionTarget" for c in status["conditions"])
    assert (await node.until("other", lambda s: s.get("phase") == "Running"))["status"]["phase"] == "Running"


async def test_registry_outage(node: Any) -> None:
    """An image that the node has stays usable; one that must be pulled waits, and starts when the registry is back."""
    main = {"name": "main", "image": "python:3.12", "command": ["true"], "imagePullPolicy": "IfNotPresent"}
    await node.create("before", containers=[main])
    await node.ended("before")
    node.agent._trouble.registry_out = True
    await node.create("cached", containers=[main])
    assert (await node.ended("cached"))["phase"] == "Succeeded"
    await node.create("pulls", containers=[main | {"imagePullPolicy": "Always"}])
    waits = await node.until("pulls", lambda s: "waiting" in s["containerStatuses"][0]["state"])
    waiting = waits["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] in {"ErrImagePull", "ImagePullBackOff"}
    assert "connection refused" in waiting["message"]
    node.agent._trouble.registry_out = False
    assert (await node.ended("pulls"))["phase"] == "Succeeded"
