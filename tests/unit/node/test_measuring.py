"""What containers use: rates between two looks, taken only when somebody asks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seaway.base.clock import ManualClock
from seaway.controlplane.node.measuring import (
    Key,
    Look,
    Meter,
    Spent,
    base_of,
    look_at_processes,
    usage_between,
)
from seaway.controlplane.node.shim import files

OLD = Key("uid", "old", Path("/old"), 0.0)
NEW = Key("uid", "new", Path("/new"), 105.0)


def look(at: float, machine: float = 0.0, **cpu: float) -> Look:
    keys = {"old": OLD, "new": NEW}
    return Look(at, Spent(machine, 7), {keys[name]: Spent(spent, 5) for name, spent in cpu.items()}, at)


@pytest.mark.parametrize(
    ("ages", "expected"),
    [
        pytest.param([], None, id="nobody asked before"),
        pytest.param([0.5], None, id="just now"),
        pytest.param([61.0], None, id="too long ago"),
        pytest.param([61.0, 5.0, 2.0], 5.0, id="the longest of short windows"),
        pytest.param([50.0, 20.0, 2.0], 20.0, id="the newest that is long enough"),
    ],
)
def test_the_earlier_look(ages: list[float], expected: float | None) -> None:
    found = base_of([look(100.0 - age) for age in ages], 100.0)
    assert (None if found is None else 100.0 - found.at) == expected


def test_a_rate_is_what_was_spent_in_between() -> None:
    used = usage_between(look(100.0, 50.0, old=3.0), look(110.0, 65.0, old=8.0, new=1.0))
    assert (used.node.cpu, used.node.memory, used.node.window) == (1.5, 7, 10.0)
    (pod,) = used.pods
    assert (pod.containers["old"].cpu, pod.containers["old"].window) == (0.5, 10.0)
    assert (pod.containers["new"].cpu, pod.containers["new"].window) == (0.2, 5.0), "since it began"


def test_what_has_just_begun_is_not_known_yet_and_nothing_is_ever_less_than_nothing() -> None:
    used = usage_between(look(100.0, old=3.0), look(105.2, old=2.0, new=0.1))
    assert used.pods[0].containers.keys() == {"old"}
    assert used.pods[0].containers["old"].cpu == 0.0


async def test_who_asks_first_waits_a_second_and_who_asks_again_at_once_gets_the_same() -> None:
    clock, taken = ManualClock(1000.0), []

    def read(now: float, _: object) -> Look:
        taken.append(now)
        return look(now, now / 2)

    meter = Meter(clock, list, read)
    asked = [asyncio.create_task(meter.measure()) for _ in range(3)]
    while not taken:
        await asyncio.sleep(0)
    await _advance(clock, asked)
    answers = [await task for task in asked]
    assert taken == [1000.0, 1001.0]
    assert answers[0] is answers[1] is answers[2]
    assert (answers[0].node.cpu, answers[0].node.window) == (0.5, 1.0)
    clock.advance(30)
    later = await meter.measure()
    assert (later.node.window, len(taken)) == (30.0, 3), "an earlier answer is the first look"


@pytest.mark.parametrize("step", [7200.0, -7200.0], ids=["forward", "back"])
async def test_a_clock_that_is_set_between_two_looks_changes_no_rate(step: float) -> None:
    clock = ManualClock(1000.0)

    def read(now: float, _: object) -> Look:
        return look(now, clock.monotonic() / 2)

    meter = Meter(clock, list, read)
    asked = [asyncio.create_task(meter.measure())]
    while not clock.sleepers:
        await asyncio.sleep(0)
    clock.set_by(step)
    await _advance(clock, asked)
    used = asked[0].result().node
    assert (used.cpu, used.window, used.at) == (0.5, 1.0, 1001.0 + step)


async def _advance(clock: ManualClock, waiting: list[asyncio.Task]) -> None:
    """Let the clock run until somebody sleeps on it and is done."""
    while not any(task.done() for task in waiting):
        clock.advance(0.5 if clock.sleepers else 0.0)
        await asyncio.sleep(0)


def test_a_process_tree_is_measured_whole(tmp_path: Path) -> None:
    """The work of a grandchild counts, also once it has ended and was waited for."""
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    inner = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {burn!r}]); print('done', flush=True); time.sleep(60)"
    outer = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {inner!r}]); p.wait()"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdout=subprocess.PIPE, start_new_session=True
    ) as shim:
        try:
            assert shim.stdout is not None
            assert shim.stdout.readline().strip() == b"done"
            folder = os.open(tmp_path, os.O_RDONLY)
            files.write_json(files.STATE, {"shim": shim.pid}, folder)
            key = Key("uid", "main", tmp_path, time.time())
            gone = Key("uid", "gone", tmp_path / "gone", time.time())
            found = look_at_processes(time.time(), [key, gone])
            os.close(folder)
        finally:
            os.killpg(shim.pid, 9)
    assert found.containers.keys() == {key}
    assert found.containers[key].cpu >= 0.3
    assert found.containers[key].memory > 1 << 20
    assert found.machine.cpu > 0
