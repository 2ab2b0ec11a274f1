"""What the engine holds in memory of one run that has not ended: a mirror of the database, and what is under way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Verdict
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.engine.situation import Blocker, Need


@dataclass(slots=True)
class RunState:
    """One run. Changed only after what it mirrors was stored."""

    run: RunRecord
    specs: dict[str, TaskSpec]
    tasks: dict[str, TaskRecord]
    attempts: dict[str, AttemptRecord]
    """The newest of each task."""
    dependants: dict[str, list[str]]
    phases: Counter[Phase]
    """How many tasks are in each phase."""
    dirty: dict[str, None] = field(default_factory=dict)
    """Tasks to look at, in order."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """By pod: diagnosis' judgement of an attempt that has ended."""
    blockers: dict[str, Blocker] = field(default_factory=dict)
    """By pod: what it waits for."""
    unread: set[str] = field(default_factory=set)
    """Ended pods whose log is not all stored; the run does not end before."""
    said: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """By task: sentences, each with its time in nanoseconds, that its next attempt's log begins with."""
    has_token: bool = False
    """Its pods' token Secret exists."""

    @property
    def single(self) -> bool:
        """The run has one task."""
        return len(self.specs) == 1

    @property
    def in_flight(self) -> int:
        """How many attempts are under way."""
        return self.phases[Phase.STARTING] + self.phases[Phase.RUNNING] + self.phases[Phase.STOPPING]

    def mark(self, tasks: Iterable[str] | None = None) -> None:
        """Have tasks looked at; None for all."""
        self.dirty.update(dict.fromkeys(self.specs if tasks is None else tasks))


def run_state(
    run: RunRecord, spec: RunSpec, tasks: Iterable[TaskRecord], attempts: Iterable[AttemptRecord]
) -> RunState:
    """Return the mirror of a run as the database has it, all of its tasks to be looked at."""
    specs = {task.name: task for task in spec.tasks}
    dependants: dict[str, list[str]] = {}
    for task in spec.tasks:
        for need in task.after:
            dependants.setdefault(need, []).append(task.name)
    records = {task.name: task for task in tasks}
    state = RunState(
        run,
        specs,
        records,
        {a.task: a for a in attempts},
        dependants,
        Counter(t.phase for t in records.values()),
    )
    state.mark()
    return state


def need_of(spec: TaskSpec, phases: dict[str, Phase]) -> tuple[Need, str]:
    """Return whether a task may start, and the task that this is about.

    Args:
        spec: the task.
        phases: at least those of the tasks that it comes after.
    """
    open_ = ""
    for name in spec.after:
        phase = phases[name]
        if phase.ended and phase is not Phase.SUCCEEDED:
            return Need.BROKEN, name
        if not phase.ended and not open_:
            open_ = name
    return (Need.OPEN, open_) if open_ else (Need.MET, "")
