"""What a node says of itself, and when."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from seaway.base.clock import SystemClock
from seaway.client.errors import Unreachable
from seaway.controlplane.node.heartbeat import Heartbeat
from seaway.controlplane.node.registration import Machine
from seaway.controlplane.node.settings import NodeSettings
from seaway.objects.builtin import LEASES, NODES
from tests.waiting import until

NODE = {"metadata": {"name": "n", "uid": "u"}}


class Cluster:
    """Takes what a node writes, unless it is cut off."""

    def __init__(self) -> None:
        self.cut, self.said = False, 0
        self.missed = 0

    async def create(self, _: Any, obj: dict[str, Any], *__: Any) -> dict[str, Any]:
        return obj | NODE

    async def get(self, *_: Any) -> dict[str, Any]:
        return NODE

    async def patch(self, resource: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if self.cut:
            self.missed += resource is LEASES
            raise Unreachable("cut off")
        self.said += resource is NODES
        return NODE


async def test_a_node_that_was_cut_off_says_how_it_is_as_soon_as_it_is_heard_again(tmp_path: Path) -> None:
    """It may have been taken for lost meanwhile, and its next regular word is a minute away."""
    cluster, settings = Cluster(), NodeSettings(name="n", folder=tmp_path, heartbeat_seconds=0.01)
    context = SimpleNamespace(client=cluster, settings=settings, clock=SystemClock(), short_of=[])
    heartbeat = Heartbeat(context, Machine(1, 1024, 1024, "host"), asyncio.Event(), "127.0.0.1")
    running = asyncio.create_task(heartbeat.run(lambda: None))
    try:
        await until(lambda: cluster.said == 1, "it is registered")
        cluster.cut = True
        await until(lambda: cluster.missed, "it notices")
        assert cluster.said == 1
        cluster.cut = False
        await until(lambda: cluster.said == 2, "it says how it is")
    finally:
        running.cancel()
