"""Programs that hang, on both clusters, and GPUs that are asked for and not used: it is seen, told once, explained with evidence, and ended where that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.node.images import default_images
from seaway.model.notification import Event, NotificationSpec
from seaway.model.resources import Resources
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.callers import Caller
from seaway.platform.notifications.pace import Pace
from seaway.platform.notifications.settings import NotifySettings
from tests.waiting import until
from tools.clusters import TestCluster, namespace_on
from tools.platforms import Platform, run_platform
from tools.pretended_nvml import build
from tools.receiver import Receiver, run_receiver

ADMIN = Caller("root", admin=True)
LIMIT = 6.0
"""Seconds; what are half an hour and more in real life."""
NOTIFY = NotifySettings(pace=Pace(gather=0.05, burst=100, most=1000), look=0.5, hung=LIMIT)
SLEEPS = "import time\nprint('step 1 done', flush=True)\ntime.sleep(3600)"
DEADLOCKS = "import threading\nprint('step 1 done', flush=True)\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()"
WORKS = "import time\nbegan = time.monotonic()\nwhile time.monotonic() - began < {}: pass"
TALKS = "import time\nfor i in range(int({} * 2)):\n    print(i, flush=True)\n    time.sleep(0.5)"


@pytest.fixture
async def platform(cluster: TestCluster, tmp_path: Path) -> AsyncIterator[Platform]:
    async with run_platform(cluster, tmp_path / "server", notify=NOTIFY) as running:
        yield running
        assert await running.server.drain(timeout=60)


@pytest.fixture
async def receiver(platform: Platform) -> AsyncIterator[Receiver]:
    with run_receiver() as running:
        spec = NotificationSpec(name="web", url=running.url, events=(Event.HUNG, Event.FAILED))
        await platform.server.notifications.add(spec, ADMIN)
        yield running


def program(text: str, name: str = "train", **fields) -> RunSpec:
    return RunSpec(name=name, tasks=(TaskSpec(command=("python", "-c", text), **fields),))


@pytest.mark.timeout(240)
async def test_programs_that_hang_and_programs_that_do_not(platform: Platform, receiver: Receiver) -> None:
    """All at once: what is looked for comes after a while, and the runs have nothing to do with each other."""
    runs, limited = platform.server.runs, {"stop_if_hung_seconds": LIMIT}
    for name, text, fields in (
        ("hangs", SLEEPS, {}),
        ("sleeps", SLEEPS, limited),
        ("deadlocks", DEADLOCKS, limited),
        ("works", WORKS.format(3 * LIMIT), limited),
        ("talks", TALKS.format(3 * LIMIT), limited),
    ):
        await runs.submit(program(text, name, **fields), user="ada")
    await asyncio.gather(
        is_explained_and_told_once_and_goes_on(platform, receiver, "hangs"),
        is_ended_where_that_was_asked_for(platform, receiver, "sleeps"),
        is_ended_where_that_was_asked_for(platform, receiver, "deadlocks"),
        is_left_alone(platform, "works"),
        is_left_alone(platform, "talks"),
    )
    assert {each["run"] for each in receiver.got} == {"hangs", "sleeps", "deadlocks"}


async def is_ended_where_that_was_asked_for(platform: Platform, receiver: Receiver, name: str) -> None:
    ended = await platform.server.runs.wait(name, timeout=120)
    assert ended.phase is Phase.FAILED
    (attempt,) = ended.tasks[0].attempts
    assert (attempt.verdict.class_, attempt.verdict.cause) == (VerdictClass.DEADLINE, "StoppedAsHung")
    lasted = (attempt.finished - attempt.started).total_seconds()
    assert lasted >= LIMIT, "it was ended before its time"
    explanation = await platform.server.runs.why(name)
    assert (explanation.level, explanation.cause) == (Level.CODE, "StoppedAsHung")
    quotes = [piece.quote for piece in explanation.evidence]
    assert quotes[0] == "step 1 done"
    assert explanation.evidence[0].time is not None
    assert any("--stop-if-hung" in quote for quote in quotes)
    await until(lambda: "failed" in "".join(titles(receiver, name)), "it is told that it failed")
    told = titles(receiver, name)
    assert told.count(f"Seaway: {name} seems to hang") == 1, told


async def is_explained_and_told_once_and_goes_on(platform: Platform, receiver: Receiver, name: str) -> None:
    async def hangs():
        found = await platform.server.runs.why(name)
        return found if found.cause == "Hung" else None

    # without a limit of its own, runners look every 30 s
    found = await until(hangs, "it is said that it hangs", seconds=180)
    assert found.message.startswith("it runs but seems to hang: it has written nothing for ")
    assert found.evidence[0].quote == "step 1 done"
    assert found.evidence[0].time is not None
    assert found.evidence[1].quote.startswith("no CPU used since 20")
    assert f"seaway stop {name}" in found.next_step
    await until(lambda: titles(receiver, name), "it is told")
    assert (await platform.server.runs.get(name)).phase is Phase.RUNNING
    await platform.server.runs.stop(name)
    await platform.server.runs.wait(name, timeout=60)
    (told,) = (each for each in receiver.got if each["run"] == name)
    assert told["event"] == "hung"
    assert "used no CPU" in told["message"]


async def is_left_alone(platform: Platform, name: str) -> None:
    ended = await platform.server.runs.wait(name, timeout=120)
    assert ended.phase is Phase.SUCCEEDED, ended.verdict


def titles(receiver: Receiver, run: str) -> list[str]:
    return [each["title"] for each in receiver.got if each["run"] == run]


async def test_a_gpu_that_was_asked_for_and_is_not_used_is_seen_by_measurement(tmp_path: Path) -> None:
    """The library that measures stands in for the hardware: the machines of the tests have no GPU."""
    cache = tmp_path / "cache"
    cache.mkdir()
    nvml = build(tmp_path)
    python = default_images()["python"]
    seeing = replace(python, visible=(*python.visible, str(nvml.folder)))
    home = tmp_path / "home"
    settings = ClusterSettings(
        home=home, pretend_gpus=(("a100", 1),), images=default_images() | {"python": seeing}
    )
    notify = replace(NOTIFY, hung=0, gpu=4.0)
    with run_receiver() as receiver:
        async with (
            run_cluster(settings) as cluster,
            namespace_on("embedded", cluster.kubeconfig, cache=cache) as place,
            run_platform(place, tmp_path / "server", notify=notify) as platform,
        ):
            server = platform.server
            await server.notifications.add(
                NotificationSpec(name="web", url=receiver.url, events=(Event.GPU,)), ADMIN
            )
            fields = {
                "resources": Resources(gpu=1),
                "env": {"LD_LIBRARY_PATH": str(nvml.folder)},
                "stop_if_hung_seconds": 12,  # how often its runner looks depends on it
            }
            await server.runs.submit(program(WORKS.format(3600), **fields), user="ada")

            async def why() -> str:
                return (await server.runs.why("train")).cause

            await until(
                why,
                "it is said that its GPU is not used",
                check=lambda cause: cause == "GpuUnused",
                seconds=90,
            )
            explanation = await server.runs.why("train")
            assert "no use of its GPUs since 20" in explanation.evidence[0].quote
            (told,) = await asyncio.to_thread(receiver.wait, 1)
            assert told["title"] == "Seaway: train uses no GPU"
            assert "it has not used its gpu for" in told["message"].lower()
            nvml.set(0, busy=80)
            await until(why, "it is used now", check=lambda cause: cause == "Running", seconds=90)

            async def busy() -> int | None:
                (attempt,) = server.runs.live()
                return attempt.usage.gpu if attempt.usage is not None else None

            await until(busy, "how busy it is is measured", check=bool, seconds=90)
            await server.runs.stop("train")
            await server.runs.wait("train", timeout=60)
            assert len(receiver.got) == 1
