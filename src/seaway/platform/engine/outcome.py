"""A run's own phase, message and verdict, from those of its tasks. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from seaway.model.run import Phase
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord

_ORDER = (Phase.STOPPING, Phase.RUNNING, Phase.STARTING)


def run_phase(phases: Counter[Phase]) -> Phase:
    """Return a run's phase from how many of its tasks are in which."""
    for phase in _ORDER:
        if phases[phase]:
            return phase
    if phases[Phase.QUEUED]:
        ended = any(count for phase, count in phases.items() if phase.ended)
        return Phase.RUNNING if ended else Phase.QUEUED
    if phases[Phase.FAILED]:
        return Phase.FAILED
    return Phase.STOPPED if phases[Phase.STOPPED] or phases[Phase.SKIPPED] else Phase.SUCCEEDED


def progress(phases: Counter[Phase], only: TaskRecord | None) -> str:
    """Say where a run stands: its only task's message, or counts."""
    if only is not None:
        return only.message
    total = sum(phases.values())
    shown = [f"{phases[phase]} {phase.value}" for phase in Phase if phases[phase]]
    return f"{total} tasks: {', '.join(shown)}"


def conclude(
    run: RunRecord, phase: Phase, tasks: Iterable[TaskRecord], attempts: dict[str, AttemptRecord], now: float
) -> RunRecord:
    """Return a run whose tasks have all ended: with the first failed task's verdict and exit code.

    Args:
        run: as it was.
        phase: of the whole.
        tasks: all of them.
        attempts: the newest of each task.
        now: when that is.
    """
    told = sorted((task for task in tasks if task.phase is phase), key=lambda task: task.position)
    first = told[0] if told else None
    code: int | None = 0 if phase is Phase.SUCCEEDED else None
    if phase is Phase.FAILED and first is not None and first.name in attempts:
        code = attempts[first.name].exit_code
    verdict = first.verdict if first is not None else None
    return replace(run, phase=phase, finished=now, verdict=verdict, exit_code=code)
