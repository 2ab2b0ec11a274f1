"""Effects under way: each once at a time, and nothing that happens meanwhile is missed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from seaway.base.clock import SystemClock
from seaway.platform.engine.background import Background
from seaway.platform.engine.carrier import Carrier, CarrierSettings
from seaway.platform.engine.pods import Seen
from seaway.platform.workloads.observation import Observation

RUNNING = Observation("run-1", "uid", "run-uid", "main", 1, "Running", node="n", held=True)
ENDED = replace(RUNNING, phase="Failed", exit_code=137)


class SlowEffects:
    """Lets go of strays when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def release_stray(self, _key: object, seen: Seen) -> None:
        self.asked.append(seen.observation.phase)
        self.begun.set()
        await self.may_end.wait()


async def test_a_pod_that_ends_while_it_is_being_deleted_is_let_go() -> None:
    """The call that deletes it knows it as running: that it has ended is told only once."""
    effects, background = SlowEffects(), Background()
    carrier = Carrier(
        effects, background, SystemClock(), CarrierSettings(), lambda _: None, lambda _state, _attempt: True
    )
    carrier.release_stray(Seen({}, RUNNING))
    await effects.begun.wait()
    carrier.release_stray(Seen({}, RUNNING))
    carrier.release_stray(Seen({}, ENDED))
    effects.may_end.set()
    async with asyncio.timeout(60):
        while background.jobs:
            await asyncio.wait(background.jobs)
    assert effects.asked == ["Running", "Failed"]


async def test_an_ended_pod_is_let_go_once_however_often_it_changes_meanwhile() -> None:
    """Its log is read before it is let go; afterwards the pod is gone, and reading it again would say that its end is missing."""
    effects, background = SlowEffects(), Background()
    carrier = Carrier(
        effects, background, SystemClock(), CarrierSettings(), lambda _: None, lambda _state, _attempt: True
    )
    carrier.release_stray(Seen({}, ENDED))
    await effects.begun.wait()
    carrier.release_stray(Seen({}, ENDED))
    effects.may_end.set()
    async with asyncio.timeout(60):
        while background.jobs:
            await asyncio.wait(background.jobs)
    assert effects.asked == ["Failed"]


async def test_a_pod_that_is_gone_or_free_is_left_alone() -> None:
    effects, background = SlowEffects(), Background()
    carrier = Carrier(
        effects, background, SystemClock(), CarrierSettings(), lambda _: None, lambda _state, _attempt: True
    )
    for observation in (replace(ENDED, gone=True), replace(ENDED, held=False)):
        carrier.release_stray(Seen({}, observation))
    assert not background.jobs
