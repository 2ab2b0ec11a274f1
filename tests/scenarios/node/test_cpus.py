"""Containers of Guaranteed pods have whole CPUs for themselves; the others stay on the rest."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import pytest

CPUS = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
SHOW = "import os, time\nwhile True:\n    print(sorted(os.sched_getaffinity(0)), flush=True)\n    time.sleep(0.05)"
WHOLE = {"limits": {"cpu": "1", "memory": "256Mi"}}


@pytest.mark.skipif(len(CPUS) < 2, reason="one CPU cannot be shared out")
async def test_exclusive_cpus(node: Any) -> None:
    """They leave the others' pool, which running containers notice, survive the agent's restart, and come back."""
    await node.agent.shutdown(0)
    await node.crash()
    kept = len(CPUS) - 1
    node.settings = replace(node.settings, exclusive_cpus=True, reserved_cpus=kept)
    await node.start()
    show = {"name": "main", "image": "python", "command": ["python3", "-c", SHOW]}

    async def on(name: str, cpus: list[int]) -> None:
        async with asyncio.timeout(60):
            while True:
                lines = (await node.log(name, tail_lines=1)).decode().strip()
                if lines == str(cpus):
                    return
                await asyncio.sleep(0.02)

    await node.create("others", containers=[show])
    await node.until("others", lambda s: s.get("phase") == "Running")
    await on("others", CPUS)
    await node.create("alone", containers=[show | {"resources": WHOLE}])
    await node.until("alone", lambda s: s.get("phase") == "Running")
    await on("alone", CPUS[kept:])
    await on("others", CPUS[:kept])
    await node.crash()
    await node.start()
    await node.create("late", containers=[show | {"resources": WHOLE}])
    status = await node.ended("late")
    assert status["reason"] == "UnexpectedAdmissionError"
    assert "not enough cpus available to satisfy request: requested=1, available=0" in status["message"]
    command = ["python3", "-c", "import os; raise SystemExit(len(os.sched_getaffinity(0)))"]
    state = node.agent._workers[node.uids["alone"]].state.containers["main"]
    folder = node.agent._context.container_folder(node.uids["alone"], "main", state.attempt)
    assert (await node.agent.runtime.execute(folder, command, 30)).exit_code == 1
    await node.client.delete(*_pod("alone"), grace_seconds=0)
    await node.gone("alone")
    await on("others", CPUS)


def _pod(name: str) -> Any:
    from seaway.objects.builtin import PODS

    return PODS, name, "d"
