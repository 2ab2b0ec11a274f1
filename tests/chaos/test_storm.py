"""Many runs under random faults, watched from outside: nothing is lost or doubled, every verdict is right, all ends.

`SEAWAY_CHAOS_SEED` repeats a storm as far as a machine can, `SEAWAY_CHAOS_RUNS` says how large it is, `SEAWAY_CHAOS_ONLY`
which faults strike ("node killed,pod evicted").
"""

from __future__ import annotations

import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.clocks import ClockHome
from tests.chaos.storm.home import HomeStage
from tests.chaos.storm.storm import Storm
from tests.chaos.storm.witness import run_witness

SEED = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
RUNS = int(os.environ.get("SEAWAY_CHAOS_RUNS", "25"))
FEW_RUNS = int(os.environ.get("SEAWAY_CHAOS_RUNS", "10"))
ONLY = tuple(filter(None, os.environ.get("SEAWAY_CHAOS_ONLY", "").split(",")))
DISK_MIB = 48
_RUN = re.compile(r"storm-\d+")


def ride(storm: Storm) -> None:
    """Run a storm, print what happened, and fail where something is wrong."""
    print(f"SEAWAY_CHAOS_SEED={storm.seed}")
    with run_witness() as witness:
        faults = storm.ride(witness)
    print(f"{len(storm.works)} runs, {len(witness.executions)} programs; {dict(faults.counts())}")
    print(f"{dict(storm.verdicts)}; {storm.missing_lines} last lines were lost with their machines")
    for strike in faults.strikes:
        print(f"{strike.began:.3f}-{strike.ended:.3f} {strike.fault}: {strike.target}")
    print("\n".join(storm.violations))
    for name in sorted({found for violation in storm.violations for found in _RUN.findall(violation)}):
        print(storm.stage.story(name))
    assert storm.violations == []


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_storm(home) -> None:
    stage = HomeStage(home)
    stage.up()
    ride(Storm(stage, SEED, RUNS, only=ONLY))


@pytest.fixture
def clock_home(home) -> ClockHome:
    """A home with a clock that can be set, cleared away as other homes are."""
    return ClockHome(home.path)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_storm_while_the_clock_is_set(clock_home: ClockHome) -> None:
    only = (
        "clock set",
        "daemon killed",
        "daemon paused",
        "shim killed",
        "pod evicted",
        "pod deleted",
        "node killed",
    )
    stage = HomeStage(clock_home)
    stage.up()
    ride(Storm(stage, SEED, FEW_RUNS, only=ONLY or only))


@pytest.fixture
def small_disk(home) -> Iterator[Path]:
    """A small file system that holds what the server keeps: its database, logs and artifacts."""
    folder = home.path / "server"
    folder.mkdir(parents=True, mode=0o700)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"a file system of its own cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    home.seaway("down", check=False)
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_a_storm_over_a_disk_that_is_full_at_times(home, small_disk: Path) -> None:
    only = ("disk filled", "daemon killed", "shim killed", "pod evicted")
    stage = HomeStage(home, disk=small_disk)
    stage.up()
    ride(Storm(stage, SEED, min(RUNS, 40), only=ONLY or only))
