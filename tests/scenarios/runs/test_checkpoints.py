"""A checkpoint goes with the task, not with the node; one that is damaged is told, once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from seaway.base.tasks import Backoff
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NODES
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from tests.scenarios.runs.conftest import embedded_cluster, real_cluster
from tests.waiting import until
from tools.clusters import TestCluster
from tools.platforms import Platform, run_platform
from tools.real_kubernetes.node import run_node

WAIT = 90.0
SETTINGS = {"engine": EngineSettings(policy=Policy(Backoff(0.05, 2.0, 0.5)))}
PROGRAM = """
import time, seaway
state = seaway.checkpoint_folder() / "step"
if state.exists():
    print("found", state.read_text())
    raise SystemExit
state.write_text("7")
print("saved", seaway.checkpoint(), flush=True)
while True: time.sleep(0.05)
"""


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def two_nodes(request, tmp_path) -> AsyncIterator[TestCluster]:
    if request.param == "embedded":
        tools = request.getfixturevalue("plain_tools")
        async with embedded_cluster(tmp_path / "home", tools, nodes=2) as cluster:
            yield cluster
        return
    async with real_cluster(request, tmp_path / "cache") as cluster:
        if not cluster.own_nodes:
            yield cluster
            return
        name = f"second-{cluster.namespace}"
        with run_node(request.getfixturevalue("real_control_plane"), tmp_path / name, name):
            yield cluster


async def submit(platform: Platform) -> None:
    task = TaskSpec(command=("python", "-c", PROGRAM))
    await platform.server.runs.submit(RunSpec(name="run", tasks=(task,)), user="ada")


async def log_of(platform: Platform, attempt: int | None = None) -> str:
    chunks = await platform.server.runs.logs("run", attempt=attempt)
    return b"".join([chunk async for chunk in chunks]).decode()


async def says(platform: Platform, text: str) -> None:
    await until(
        lambda: log_of(platform),
        f"{text!r} in its log",
        check=lambda log: text in log,
        seconds=WAIT,
        pause=0.05,
    )


async def test_the_next_attempt_finds_the_checkpoint_on_another_node(two_nodes, tmp_path) -> None:
    async with run_platform(two_nodes, tmp_path / "server", **SETTINGS) as platform:
        await submit(platform)
        await says(platform, "saved True")
        first = (await platform.server.runs.get("run")).tasks[0].attempts[0]
        await platform.client.patch(NODES, first.node, {"spec": {"unschedulable": True}})
        try:
            loss = await platform.server.runs.lose("run", "main")
            view = await platform.server.runs.wait("run", timeout=WAIT)
        finally:
            await platform.client.patch(NODES, first.node, {"spec": {"unschedulable": None}})
        assert loss.checkpoint is not None
        assert view.phase is Phase.SUCCEEDED, view.message
        lost, second = view.tasks[0].attempts
        assert (lost.verdict.class_, lost.verdict.cause) == (VerdictClass.INFRASTRUCTURE, "LostOnPurpose")
        assert second.node not in (None, lost.node)
        log = await log_of(platform, attempt=2)
        assert "found 7" in log
        assert f"restored from the last attempt ({loss.checkpoint.sha256[:12]})" in log


async def test_a_damaged_checkpoint_ends_the_run_and_can_be_left_behind(cluster, tmp_path) -> None:
    async with run_platform(cluster, tmp_path / "server", **SETTINGS) as platform:
        await submit(platform)
        await says(platform, "saved True")
        (kept,) = await platform.server.runs.checkpoints("run")
        for block in (tmp_path / "server").rglob("checkpoints/*/*/*/" + "?" * 64):
            if block.name != kept.sha256:
                block.write_bytes(b"X" * block.stat().st_size)
        await platform.server.runs.lose("run", "main")
        view = await platform.server.runs.wait("run", timeout=WAIT)
        assert (view.phase, view.verdict.cause) == (Phase.FAILED, "CheckpointDamaged"), view.message
        assert len(view.tasks[0].attempts) == 2, "what is certain is not tried again"
        why = await platform.server.runs.why("run")
        assert "seaway retry run --fresh" in why.next_step
        await platform.server.runs.retry("run", fresh=True)
        await until(
            lambda: log_of(platform), "a second save",
            check=lambda log: log.count("saved True") >= 2, seconds=WAIT, pause=0.05,
        )  # fmt: skip
        await platform.server.runs.stop("run")
        assert (await platform.server.runs.wait("run", timeout=WAIT)).phase is Phase.STOPPED
