from __future__ import annotations

import asyncio

import pytest

from seaway.base.clock import (
    Every,
    ManualClock,
    SystemClock,
    parse_rfc3339,
    rfc3339,
    rfc3339_micro,
    rfc3339_nano,
)


def test_times_are_written_as_kubernetes_writes_them():
    assert rfc3339(1767323045.9) == "2026-01-02T03:04:05Z"
    assert rfc3339_micro(1767323045.25) == "2026-01-02T03:04:05.250000Z"
    assert rfc3339_nano(1767323045_000000042) == "2026-01-02T03:04:05.000000042Z"


@pytest.mark.parametrize(
    ("text", "epoch"),
    [
        ("2026-01-02T03:04:05Z", 1767323045),
        ("2026-01-02T03:04:05.5Z", 1767323045.5),
        ("2026-01-02T03:04:05.250000Z", 1767323045.25),
        ("2026-01-02T03:04:05.123456789Z", 1767323045.123456),
        ("2026-01-02T05:04:05+02:00", 1767323045),
    ],
)
def test_times_of_any_precision_are_read(text, epoch):
    assert parse_rfc3339(text) == pytest.approx(epoch, abs=1e-6)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z"]
)
def test_what_is_no_time_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="write it like 2026-01-02T03:04:05Z"):
        parse_rfc3339(text)


async def test_a_manual_clock_wakes_sleepers_in_order():
    clock, woken = ManualClock(100.0), []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        woken.append((seconds, clock.now()))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2)]
    await asyncio.sleep(0)
    assert clock.sleepers == 3
    clock.advance(2)
    await asyncio.gather(tasks[1], tasks[2])
    assert (woken, clock.sleepers, clock.monotonic()) == ([(1, 102.0), (2, 102.0)], 1, 2.0)
    clock.advance(1)
    await tasks[0]
    await clock.sleep(0)


async def test_the_system_clock_goes_forwards():
    clock = SystemClock()
    before, start = clock.monotonic(), clock.now()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now() >= start > 1_700_000_000


def test_what_is_done_every_so_many_seconds_is_due_once_each_time():
    clock = ManualClock()
    every, told = Every(clock, 10.0), []
    for _ in range(6):
        told.append((every.is_due(), every.left()))
        clock.advance(4.0)
    assert told == [(False, 10.0), (False, 6.0), (False, 2.0), (True, 10.0), (False, 6.0), (False, 2.0)]
