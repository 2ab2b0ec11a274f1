"""How long `up` and the command line take, and what an idle Seaway weighs."""

from __future__ import annotations

import statistics
import time

import psutil

from benchmarks.goals import Measurement
from benchmarks.home import Home, fresh_home, timed


def settle(home: Home) -> None:
    """Wait until the home's processes have used no more than 2 % of a core for a second."""
    for _ in range(30):
        before = sum(sum(p.cpu_times()[:2]) for p in home.processes())
        time.sleep(1)
        if sum(sum(p.cpu_times()[:2]) for p in home.processes()) - before < 0.02:
            return


def measure() -> list[Measurement]:
    """Start, weigh, stop and start again."""
    with fresh_home() as home:
        first = timed(home, "up")
        settle(home)
        memory = home.memory()
        count = len([p for p in home.processes() if p.status() != psutil.STATUS_ZOMBIE])
        listing = [timed(home, "ps") for _ in range(9)]
        version = [timed(home, "--version") for _ in range(9)]
        later = []
        for _ in range(3):
            home.seaway("down")
            later.append(timed(home, "up"))
    return [
        Measurement("up: command to ready, first start", first, "s"),
        Measurement("up: command to ready, later start", statistics.median(later), "s", "median of 3"),
        Measurement(
            "idle memory of all processes", memory, "MB", f"{count} processes, proportional set size"
        ),
        Measurement("CLI: seaway ps", statistics.median(listing) * 1e3, "ms", "whole process, median of 9"),
        Measurement(
            "CLI: seaway --version", statistics.median(version) * 1e3, "ms", "whole process, median of 9"
        ),
    ]
