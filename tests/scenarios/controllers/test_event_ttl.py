"""Events go an hour after their last write: a cluster that runs for weeks does not fill up with them."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.eventttl import AT_ONCE, written
from seaway.objects.builtin import EVENTS
from tests.scenarios.controllers.conftest import FastClock, World, running_world
from tests.waiting import until

CREATED, LATER = "2026-03-01T10:00:00Z", "2026-03-01T10:30:00.000000Z"


@pytest.mark.parametrize(
    ("more", "at"),
    [
        pytest.param({}, CREATED, id="once"),
        pytest.param({"lastTimestamp": "2026-03-01T10:30:00Z", "count": 7}, LATER, id="counted"),
        pytest.param({"series": {"count": 2, "lastObservedTime": LATER}}, LATER, id="a series"),
        pytest.param({"eventTime": LATER}, LATER, id="its own time"),
        pytest.param({"lastTimestamp": None, "series": None}, CREATED, id="nothing more"),
    ],
)
def test_an_event_says_when_it_was_written_last(more: dict[str, Any], at: str) -> None:
    assert written({"metadata": {"creationTimestamp": CREATED}, **more}) == parse_rfc3339(at)


def event(name: str, **more: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "default", "name": "p"}
    return {
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": about,
        "type": "Normal",
    } | more


async def names(world: World) -> set[str]:
    return {found["metadata"]["name"] for found in await world.items(EVENTS)}


async def test_old_events_go_and_what_is_still_told_stays() -> None:
    clock = FastClock(3600.0)
    async with running_world(clock) as world:
        lasting = event("told-again", lastTimestamp=rfc3339(clock.now() + 1000 * 3600))
        await world.client.create(EVENTS, lasting)
        for number in range(AT_ONCE + 1):  # more than go at once
            await world.client.create(EVENTS, event(f"once-{number}"))
        await until(
            lambda: names(world), "all but the one are gone", check=lambda left: left == {"told-again"}
        )
