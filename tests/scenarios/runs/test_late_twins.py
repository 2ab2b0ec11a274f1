"""A machine that stands still past its leases and comes back: by then the next attempts run, and others hold the locks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import psutil
import pytest

from seaway.controlplane.cluster import Cluster
from seaway.model.run import RunSpec, TaskSpec
from seaway.objects.builtin import NODES
from tests.chaos.storm import judge
from tests.chaos.storm.remains import programs
from tests.chaos.storm.witness import Execution, Witness, run_witness
from tests.chaos.storm.workload import PROGRAM
from tests.scenarios.runs.conftest import embedded_cluster
from tests.scenarios.runs.test_lost_nodes import LEASE, SETTINGS, CutTransport, attempts, take_away
from tests.waiting import until
from tools.clusters import TestCluster
from tools.platforms import Platform, run_platform

FIRST, SECOND = "node-1", "node-2"


@dataclass
class Place:
    """Two nodes, of which the first can be cut off as one whose agent stands still."""

    cluster: TestCluster
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def use(self, node: str) -> None:
        """Have new pods go to one node."""
        for name in (FIRST, SECOND):
            await self.cluster.admin.patch(NODES, name, {"spec": {"unschedulable": name != node}})


@pytest.fixture
async def place(tmp_path, plain_tools, monkeypatch) -> AsyncIterator[Place]:
    cut, client = asyncio.Event(), Cluster.client

    def cuttable(self, user, groups=()):
        made = client(self, user, groups)
        if user == f"system:node:{FIRST}":
            made.transport = CutTransport(made.transport, cut)
        return made

    monkeypatch.setattr(Cluster, "client", cuttable)
    async with embedded_cluster(tmp_path / "home", plain_tools, nodes=2) as cluster:
        yield Place(cluster, cut)


def task(witness: Witness, lock: str, lines: int) -> TaskSpec:
    env = {"WITNESS": str(witness.port), "LINES": str(lines), "PAUSE": "0.05", "LOCK": lock}
    env |= {"CHILD": "", "HANGS": "", "FILLS": ""}
    return TaskSpec(command=("python", "-c", PROGRAM), env=env, lock=lock)


def container(witness: Witness, run: str) -> list[psutil.Process]:
    """Return a run's shim, runner and program."""
    (program,) = [p for p in programs(witness.port) if p.environ()["SEAWAY_RUN"] == run]
    return [*reversed(program.parents()[:2]), program]


async def began(witness: Witness, run: str, attempt: int) -> Execution:
    """Wait until an attempt has written some lines."""

    def found() -> Execution | None:
        return next((e for e in witness.of(run, "main") if e.attempt == attempt and e.lines > 3), None)

    return await until(found, f"attempt {attempt} of {run} writes")


async def outcome(platform: Platform, run: str) -> list[str]:
    view = await platform.server.runs.wait(run, timeout=90)
    return [attempt.verdict.cause for attempt in view.tasks[0].attempts]


async def committed_once(platform: Platform, run: str) -> None:
    """The outputs are those of the second attempt, and no line of a log is there twice."""
    (output,) = await platform.server.runs.outputs(run)
    _, content = await platform.server.runs.open_output(run, "main", output.path)
    assert b"".join([chunk async for chunk in content]).split()[:3] == [run.encode(), b"main", b"2"]
    for attempt in (1, 2):
        logs = await platform.server.runs.logs(run, task="main", attempt=attempt)
        text = b"".join([chunk async for chunk in logs]).decode()
        said = [int(line.split()[-1]) for line in text.splitlines() if line.startswith(f"line {attempt} ")]
        assert said == list(range(len(said))), text


async def test_what_comes_back_late_ends_commits_nothing_and_runs_beside_nobody(
    place: Place, tmp_path
) -> None:
    with run_witness() as witness:
        async with run_platform(
            place.cluster, tmp_path / "server", lease_seconds=LEASE, **SETTINGS
        ) as platform:
            await place.use(FIRST)
            runs = platform.server.runs
            frozen = (await runs.submit(RunSpec(tasks=(task(witness, "data", 100),)), user="ada")).name
            done = (await runs.submit(RunSpec(tasks=(task(witness, "other", 80),)), user="ada")).name
            waits = (await runs.submit(RunSpec(tasks=(task(witness, "data", 20),)), user="bob")).name
            for name in (frozen, done):  # they end by themselves, but not before they are cut off
                await began(witness, name, 1)
            place.cut.set()
            still, supervisors = container(witness, frozen), container(witness, done)[:2]
            for process in (*still, *supervisors):
                process.suspend()
            await place.use(SECOND)
            for name in (frozen, done):
                await take_away(platform, name)
            await attempts(platform, done, 2)
            await began(witness, waits, 1)
            for process in (*still[:2], *supervisors):  # the program is not quicker than its runner
                process.resume()
            await until(lambda: not any(p.is_running() for p in (*still, *supervisors)), "the twins are gone")
            place.cut.clear()
            assert await outcome(platform, waits) == ["Completed"]
            for name in (frozen, done):
                assert await outcome(platform, name) == ["NodeLost", "Completed"]
                await committed_once(platform, name)
        for lock in ("data", "other"):
            holders = [each for each in witness.executions if each.lock == lock]
            assert judge.overlaps(holders, lock) == []
