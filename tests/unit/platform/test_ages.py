"""For how long an attempt has lasted, and when a task is looked at again, though the clock is set meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from seaway.base.clock import ManualClock
from seaway.model.run import Phase
from seaway.platform.database.records import AttemptRecord
from seaway.platform.engine.ages import AttemptAges
from seaway.platform.engine.situation import Ages
from seaway.platform.engine.timers import Timers
from seaway.platform.workloads.observation import Observation

HOUR = 3600.0
STARTING = AttemptRecord(1, "main", 1, 1, "run-1", Phase.STARTING, 0.0)


@pytest.mark.parametrize("step", [0.0, 2 * HOUR, -2 * HOUR], ids=["as it was", "set forward", "set back"])
def test_an_attempt_ages_whatever_the_clock_says(step: float) -> None:
    clock = ManualClock()
    ages, created = AttemptAges(clock, None), clock.now() - 20
    attempt = AttemptRecord(1, "main", 1, 1, "run-1", Phase.RUNNING, created)
    pod = Observation(
        "run-1", "u", "r", "main", 1, "Running", node="n", started=clock.now() - 10, deleting=True
    )
    assert ages.of(attempt, pod) == Ages(attempt=20.0, program=10.0, deletion=0.0, silence=0.0)
    clock.set_by(step)
    clock.advance(5.0)
    ages.renew("run-1")
    clock.advance(1.0)
    assert ages.of(attempt, pod) == Ages(attempt=26.0, program=16.0, deletion=6.0, silence=1.0)
    ages.forget("run-1")
    assert ages.of(attempt, pod).deletion == 0.0


def test_a_clock_that_is_set_before_a_start_is_seen_makes_no_program_older() -> None:
    clock = ManualClock()
    ages, attempt = (
        AttemptAges(clock, None),
        AttemptRecord(1, "main", 1, 1, "run-1", Phase.STARTING, clock.now()),
    )
    pod = Observation("run-1", "u", "r", "main", 1, "Pending", node="n")
    assert ages.of(attempt, pod).program == 0.0
    clock.advance(1.0)
    running = replace(pod, phase="Running", started=clock.now())
    clock.set_by(2 * HOUR)
    clock.advance(1.0)
    assert ages.of(attempt, running).program == 2.0
    clock.advance(1.0)
    assert ages.of(attempt, running).program == 3.0


@pytest.mark.parametrize(
    ("boot", "step", "attempt_age", "program_age"),
    [
        pytest.param("this", 0.0, 20.0, 10.0, id="as it was"),
        pytest.param("this", 2 * HOUR, 20.0, 10.0, id="set forward"),
        pytest.param("this", -2 * HOUR, 20.0, 10.0, id="set back"),
        pytest.param("another", 0.0, 20.0, 10.0, id="as it was, on another machine"),
        pytest.param("another", 2 * HOUR, 2 * HOUR + 20, 2 * HOUR + 10, id="set forward, on another machine"),
        pytest.param("another", -2 * HOUR, 0.0, 0.0, id="set back, on another machine"),
        pytest.param(None, 2 * HOUR, 2 * HOUR + 20, 2 * HOUR + 10, id="set forward, no Linux"),
    ],
)
def test_a_server_that_is_started_again_goes_on_measuring_where_the_machine_was_not(
    boot: str | None, step: float, attempt_age: float, program_age: float
) -> None:
    clock = ManualClock()
    ages, attempt = AttemptAges(clock, boot and "this"), replace(STARTING, created=clock.now())
    attempt = ages.measured(attempt)
    clock.advance(10.0)
    attempt = replace(attempt, phase=Phase.RUNNING, started=clock.now())
    clock.advance(5.0)
    ages.of(attempt, None)
    attempt = ages.measured(attempt)
    clock.set_by(step)
    clock.advance(5.0)
    later = AttemptAges(clock, boot).of(attempt, None)
    assert (later.attempt, later.program) == (attempt_age, program_age)


def test_a_program_whose_start_was_not_stored_is_no_older_than_its_attempt() -> None:
    clock = ManualClock()
    attempt = AttemptAges(clock, "this").measured(replace(STARTING, created=clock.now()))
    clock.advance(10.0)
    running = Observation("run-1", "u", "r", "main", 1, "Running", node="n", started=clock.now())
    clock.set_by(2 * HOUR)
    clock.advance(5.0)
    assert AttemptAges(clock, "this").of(attempt, running) == Ages(attempt=15.0, program=15.0)


@pytest.mark.parametrize("step", [0.0, 2 * HOUR, -2 * HOUR], ids=["as it was", "set forward", "set back"])
async def test_a_task_is_looked_at_after_the_shortest_while_that_was_asked_for(step: float) -> None:
    clock, looked_at = ManualClock(), []
    timers = Timers(clock, lambda _, task: looked_at.append((task, clock.monotonic())))
    state = SimpleNamespace(run=SimpleNamespace(uid="u"))
    timers.set(state, "main", 100.0)
    clock.set_by(step)
    timers.set(state, "main", 50.0)
    timers.set(state, "main", 70.0)
    timers.set(state, "other", 60.0)
    for _ in range(2):
        await asyncio.sleep(0)
    for _ in range(6):
        clock.advance(20.0)
        for _ in range(2):
            await asyncio.sleep(0)
    assert looked_at == [("main", 60.0), ("other", 60.0)]
