"""Controllers whose clock is set while they wait: what is due comes in time, and nothing comes that is not due."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from seaway.objects.builtin import JOBS, NODES, PODS
from seaway.objects.meta import get_condition
from tests.clocks import SetClock
from tests.scenarios.controllers.conftest import World, running_world

HOUR = 3600.0
TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "python"}]}}


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
async def world(clock: SetClock) -> AsyncIterator[World]:
    async with running_world(clock) as running:
        yield running


async def job(world: World, name: str, **spec) -> None:
    body = {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": TEMPLATE, **spec}}
    await world.client.create(JOBS, body)

    async def begun() -> bool:
        found = await world.read(JOBS, name)
        return bool(found and (found.get("status") or {}).get("active"))

    await world.until(begun)


async def test_a_job_ends_at_its_deadline_though_the_clock_was_set_back(world, clock) -> None:
    await job(world, "short", activeDeadlineSeconds=2)
    clock.ahead = -2 * HOUR

    async def failed():
        return get_condition(await world.read(JOBS, "short"), "Failed")

    assert (await world.until(failed))["reason"] == "DeadlineExceeded"


async def test_a_job_goes_on_whose_clock_was_set_forward(world, clock) -> None:
    await job(world, "long", activeDeadlineSeconds=600, completions=4)
    clock.ahead = 2 * HOUR
    await world.client.patch(JOBS, "long", {"spec": {"parallelism": 2}}, "default")

    async def looked_at() -> bool:
        return (await world.read(JOBS, "long"))["status"].get("active") == 2

    await world.until(looked_at)
    assert get_condition(await world.read(JOBS, "long"), "FailureTarget") is None


async def test_pods_leave_a_tainted_node_in_time_though_the_clock_was_set_back(world, clock) -> None:
    leaving = {"key": "gone", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 2}
    await world.node("n")
    await world.pod("p", nodeName="n", tolerations=[leaving], terminationGracePeriodSeconds=0)
    taint = {"key": "gone", "effect": "NoExecute", "timeAdded": "2126-01-01T00:00:00Z"}
    await world.client.patch(NODES, "n", {"spec": {"taints": [taint]}})
    clock.ahead = -2 * HOUR
    await world.gone(PODS, "p")
