"""Hollow nodes run nothing and say that everything runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.objects.builtin import NODES, PODS


async def test_pods_of_hollow_nodes(node: Any, tmp_path: Path) -> None:
    """They run at once, end as annotated, and go when deleted."""
    hollow = SimulatedNodes(node.client, 3)
    ready = asyncio.Event()
    task = asyncio.create_task(hollow.run(ready.set))
    await ready.wait()
    assert {n["metadata"]["name"] for n in (await node.client.list(NODES))["items"]} >= set(hollow.names)
    await node.create("p", nodeName="simulated-1")
    await node.until("p", lambda s: s.get("phase") == "Running")
    annotations = {"seaway.dev/simulated-seconds": "0.05", "seaway.dev/simulated-exit-code": "3"}
    await node.create("q", nodeName="simulated-1", annotations=annotations)
    status = await node.ended("q")
    assert (status["phase"], status["containerStatuses"][0]["state"]["terminated"]["exitCode"]) == (
        "Failed",
        3,
    )
    await node.client.delete(PODS, "p", "d")
    await node.gone("p")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
