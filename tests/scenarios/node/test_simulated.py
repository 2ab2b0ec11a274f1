"""Hollow nodes run nothing and say that everything runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.objects.builtin import NODES, PODS


def is_ready(status: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in status["conditions"])


async def test_pods_of_hollow_nodes(node: Any, tmp_path: Path) -> None:
    """They run at once, end as annotated, and go when deleted."""
    hollow = SimulatedNodes(node.client, 3)
    ready = asyncio.Event()
    task = asyncio.create_task(hollow.run(ready.set))
    await ready.wait()
    assert {n["metadata"]["name"] for n in (await node.client.list(NODES))["items"]} >= set(hollow.names)
    await node.create("p", nodeName="simulated-1")
    await node.until("p", is_ready)
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-02T03:04:05Z"}
    said = await node.client.patch(
        PODS, "p", {"status": {"conditions": [condition]}}, "d", subresource="status", content_type=STRATEGIC_MERGE_PATCH
    )  # fmt: skip
    assert not is_ready(said["status"])
    await node.until("p", is_ready)  # as a controller says of a node that was silent, and that is back
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
