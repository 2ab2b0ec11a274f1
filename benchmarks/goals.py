"""What the design asks for, beside which each measurement is printed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Measurement:
    """One measured figure."""

    name: str
    value: float
    unit: str
    note: str = ""


@dataclass(frozen=True)
class Goal:
    """What a figure should be; `better` says on which side of it."""

    value: float
    better: Literal["less", "more"]

    def reached(self, value: float) -> bool:
        """Whether a measured value meets the goal."""
        return value <= self.value if self.better == "less" else value >= self.value


GOALS = {
    "up: command to ready, first start": Goal(1.0, "less"),
    "up: command to ready, later start": Goal(1.0, "less"),
    "idle memory of all processes": Goal(120, "less"),
    "CLI: seaway ps": Goal(150, "less"),
    "CLI: seaway --version": Goal(150, "less"),
    "run: submit to verdict of a no-op, median": Goal(100, "less"),
    "chain of 20 no-op tasks, each": Goal(15, "less"),
    "fan-out of 500 no-op tasks": Goal(100, "more"),
    "API: ConfigMap creates, 16 connections": Goal(1380, "more"),
    "API: Pod creates, 16 connections": Goal(980, "more"),
    "API: list 5,000 pods": Goal(97, "less"),
    "API: list 10,000 pods": Goal(193, "less"),
    "API: create to watch, median": Goal(2, "less"),
    "scheduler: 1,000 simulated nodes": Goal(300, "more"),
    "Deployment of 500 pods: created to ready [embedded]": Goal(10, "less"),
    "recorder: 200 pods, 1,000 lines/s each": Goal(100, "less"),
    "recorder: 200 pods, 1,000 lines/s each [HTTPS]": Goal(100, "less"),
    "pages of 100,000 runs: first [SQLite]": Goal(100, "less"),
    "pages of 100,000 runs: 99 % [SQLite]": Goal(100, "less"),
    "pages of 100,000 runs: slowest [SQLite]": Goal(100, "less"),
    "pages of 100,000 runs: first [PostgreSQL]": Goal(100, "less"),
    "pages of 100,000 runs: 99 % [PostgreSQL]": Goal(100, "less"),
    "pages of 100,000 runs: slowest [PostgreSQL]": Goal(100, "less"),
}
"""Names are those of the measurements. The API goals are twice (writes) and three times (lists) kube-apiserver + etcd's
690 ConfigMap and 490 Pod creates/s and 290 ms for 5,000 pods, as measured on the design's 2-core machine."""


def as_row(measurement: Measurement) -> dict[str, object]:
    """Return the measurement with its goal, as it is written to `results.json`."""
    goal = GOALS.get(measurement.name)
    reached = None if goal is None else goal.reached(measurement.value)
    return asdict(measurement) | {
        "goal": goal and goal.value,
        "better": goal and goal.better,
        "reached": reached,
    }
