"""Nodes that are lost, deleted or short of memory: who listens hears of it once, with the runs it hit and what was done."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from seaway.base.clock import parse_rfc3339
from seaway.base.tasks import Backoff
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.controlplane.practice import Practice
from seaway.model.notification import NotificationSpec
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Level
from seaway.objects.builtin import NODES
from seaway.platform.callers import Caller
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from seaway.platform.notifications.pace import Pace
from seaway.platform.notifications.settings import NotifySettings
from tests.waiting import until
from tools.clusters import namespace_on
from tools.platforms import Platform, run_platform
from tools.receiver import Receiver, run_receiver

ADMIN = Caller("root", admin=True)
QUICK = Backoff(0.05, 2.0, 0.5)
SETTINGS = {
    "notify": NotifySettings(pace=Pace(gather=0.05, burst=100, most=1000), backoff=QUICK, look=0.2),
    "engine": EngineSettings(policy=Policy(QUICK, late=1.0, silence=3.0)),
    "lease_seconds": 6,
}
STAY = ("python", "-c", "import time\nwhile True: time.sleep(0.05)")


@dataclass
class Scene:
    """A server on a cluster of two nodes, whose power can be cut, and somebody who listens."""

    platform: Platform
    practice: Practice
    receiver: Receiver

    async def run_on_a_node(self, name: str) -> str:
        """Start a run that stays; return its node once it runs there."""
        await self.platform.server.runs.submit(
            RunSpec(name=name, tasks=(TaskSpec(command=STAY),)), user="ada"
        )
        return await self.node_of(name, 1)

    async def node_of(self, name: str, attempt: int) -> str:
        """Wait until an attempt runs, and return where."""

        async def node() -> str:
            tried = (await self.platform.server.runs.get(name)).tasks[0].attempts
            last = tried[-1] if tried else None
            return (
                (last.node or "") if last and last.number == attempt and last.phase is Phase.RUNNING else ""
            )

        return str(await until(node, f"attempt {attempt} of {name}", seconds=120))

    async def told(self, title: str) -> dict:
        """Wait for a message."""

        def find() -> dict | None:
            return next((each for each in self.receiver.got if each["title"] == f"Seaway: {title}"), None)

        return await until(find, title, seconds=120)

    def count(self, title: str) -> int:
        return sum(each["title"] == f"Seaway: {title}" for each in self.receiver.got)

    async def all_is_sent(self) -> None:
        server = self.platform.server
        await until(lambda: server.notifications.list(ADMIN), "nothing waits", check=lambda all_: not any(v.pending for v in all_))  # fmt: skip


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    settings = ClusterSettings(
        home=tmp_path / "home", nodes=2, node_heartbeat=0.3, node_stop_seconds=0.5,
        controllers=ControllersSettings(
            node_grace=4.0, node_monitor=0.2, orphan_quarantine=1.0, pod_gc_period=0.5
        ),
    )  # fmt: skip
    with run_receiver() as receiver:
        async with (
            run_cluster(settings) as cluster,
            namespace_on("embedded", cluster.kubeconfig, cache=tmp_path / "cache") as place,
        ):
            # a view of nodes, as `rbac.nodes` gives it
            client = cluster.client("admin", ["system:masters"])
            async with run_platform(
                replace(place, server=client), tmp_path / "server", **SETTINGS
            ) as platform:
                practice = Practice(client, cluster.nodes)
                spec = NotificationSpec(name="web", url=receiver.url)
                await platform.server.notifications.add(spec, ADMIN)
                yield Scene(platform, practice, receiver)
                await platform.server.runs.stop("train")
                await platform.server.runs.wait("train", timeout=60)


async def test_a_node_that_is_lost_for_good_is_told_with_its_runs_and_what_became_of_them(
    scene: Scene,
) -> None:
    lost = await scene.run_on_a_node("train")
    await scene.practice.kill(lost)
    alert = await scene.told(f"node {lost} does not answer")
    assert "it has train: each goes on elsewhere from its last checkpoint" in alert["message"]
    assert (alert["event"], alert["type"]) == ("node", "warning")
    (shown,) = (await scene.platform.server.status())["alerts"]
    assert (shown["node"], shown["what"], [run["run"] for run in shown["runs"]]) == (
        lost,
        "does not answer",
        ["train"],
    )
    for run in (await scene.platform.server.runs.get("train"), *await scene.platform.server.runs.list()):
        assert f"its node {lost} has not answered since" in run.doubt
    told = await until(
        lambda: scene.platform.server.runs.why("train"),
        "why it waits",
        check=lambda told: told.cause == "NodeSilent",
    )
    assert (told.level, told.message) == (Level.NODE, f"its node {lost} does not answer")
    await scene.platform.client.delete(
        NODES, lost
    )  # what an administrator or a cloud does with a machine that is gone
    gone = await scene.told(f"node {lost} was deleted")
    assert "it had train: each goes on elsewhere" in gone["message"]
    why = await scene.platform.server.runs.why_object("node", lost)
    assert (why.cause, "it had the run train" in why.done) == ("NodeRemoved", True), why
    loss = await scene.told("train was lost and is tried again")
    assert lost in loss["message"], loss
    other = await scene.node_of("train", 2)
    assert other != lost
    back = await scene.told("train goes on")
    assert f"attempt 2 runs on {other}" in back["message"].lower()
    await scene.all_is_sent()
    for title in (
        f"node {lost} does not answer",
        f"node {lost} was deleted",
        "train was lost and is tried again",
        "train goes on",
    ):
        assert scene.count(title) == 1, title


async def test_a_node_that_is_deleted_without_a_run_on_it_is_nobodys_trouble(scene: Scene) -> None:
    """Clusters that shrink delete empty nodes all the time."""
    busy = await scene.run_on_a_node("train")
    empty = next(name for name in ("node-1", "node-2") if name != busy)
    await scene.practice.kill(empty)
    await scene.told(f"node {empty} does not answer")
    await scene.platform.client.delete(NODES, empty)
    await until(
        lambda: scene.platform.server.status(),
        "nothing is the matter",
        check=lambda status: not status["alerts"],
    )
    await scene.practice.press(busy, ["memory"])
    await scene.told(f"node {busy} is short of memory")
    await scene.all_is_sent()
    assert scene.count(f"node {empty} was deleted") == 0


async def test_a_node_under_pressure_is_told_once_and_again_when_it_comes_again(scene: Scene) -> None:
    pressed = await scene.run_on_a_node("train")
    await scene.practice.press(pressed, ["disk"])
    title = f"node {pressed} is short of disk space"
    alert = await scene.told(title)
    assert "it has train: no new pod is placed there" in alert["message"]
    (shown,) = (await scene.platform.server.status())["alerts"]
    await scene.practice.restore(pressed)
    await until(
        lambda: scene.platform.server.status(),
        "it has enough again",
        check=lambda status: not status["alerts"],
    )
    assert scene.count(title) == 1
    # since when a node is short of something is told in whole seconds
    await until(lambda: time.time() >= parse_rfc3339(shown["since"]) + 1, "another second")
    await scene.practice.press(pressed, ["disk"])
    await until(lambda: scene.count(title) == 2, "told again")
