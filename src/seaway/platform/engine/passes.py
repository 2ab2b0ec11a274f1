"""One look at a run: decisions about all tasks that want one, and what follows from them in the same breath. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from seaway.model.run import Phase
from seaway.platform.database import attempts, locks, notices, runs, tasks
from seaway.platform.database.records import AttemptRecord, NoticeRecord, RunRecord, TaskRecord
from seaway.platform.diagnosis import waits
from seaway.platform.engine.outcome import conclude, progress, run_phase
from seaway.platform.engine.plan import decide
from seaway.platform.engine.situation import Ages, Decision, Effect, Policy, Situation
from seaway.platform.engine.state import RunState, need_of
from seaway.platform.workloads.observation import Observation


@dataclass(frozen=True, slots=True)
class View:
    """What a look at a run sees beside the run itself."""

    pod: Callable[[str], Observation | None]
    """A pod of the run by name."""
    now: float
    policy: Policy
    creating: Container[str] = ()
    """Pods of which a create call is under way."""
    obstacle: Callable[[str | None, str], str] = lambda _lock, _task: ""
    """Who has a lock before a task of the run, in a sentence; "" where the task may take it."""
    lock_token: Callable[[str | None], int] = lambda _: 0
    """The number under which the next attempt holds a lock."""
    ages: Callable[[AttemptRecord, Observation | None], Ages] = lambda _attempt, _pod: Ages()
    """For how long an attempt has lasted, of which the cluster shows this."""
    measured: Callable[[AttemptRecord], AttemptRecord] = lambda attempt: attempt
    """Has an attempt's record say since when it lasts, for a server that is started later."""
    waited: Callable[[TaskRecord], float] = lambda _: 0.0
    """For how long a task has waited, where its wait limit counts."""
    measured_wait: Callable[[TaskRecord], TaskRecord] = lambda task: task
    """Has a task's record say since when it waits, for a server that is started later."""
    releasing: Callable[[str], bool] = lambda _: False
    """Whether a pod is being released already."""
    draining: bool = False
    room: int = 1_000_000
    """How many more pods may be in flight."""


@dataclass(slots=True)
class Pass:
    """What a look decided."""

    run: RunRecord
    phases: Counter[Phase]
    tasks: dict[str, TaskRecord] = field(default_factory=dict)
    """Those that changed."""
    newest: dict[str, AttemptRecord] = field(default_factory=dict)
    """The newest attempts that changed or are new, by task."""
    added: dict[str, AttemptRecord] = field(default_factory=dict)
    """New attempts, by pod."""
    changed: dict[str, AttemptRecord] = field(default_factory=dict)
    """Attempts that were there and changed, by pod."""
    effects: list[tuple[Effect, AttemptRecord]] = field(default_factory=list)
    look_again: dict[str, float] = field(default_factory=dict)
    """Tasks to look at after so many seconds."""
    no_room: list[str] = field(default_factory=list)
    """Tasks that could start but for want of room."""
    lock_waits: list[str] = field(default_factory=list)
    """Tasks that could start but for their lock."""

    @property
    def must_be_durable(self) -> bool:
        """Something is done only after this is stored; else it is mere progress."""
        return bool(self.effects or self.added or self.run.phase.ended) or any(
            attempt.phase.ended for attempt in self.changed.values()
        )


def look(state: RunState, view: View) -> Pass:
    """Decide about a run's dirty tasks, and about those that their endings set free."""
    result = Pass(state.run, state.phases.copy())
    waiting, room = deque(state.dirty), view.room
    while waiting:
        name = waiting.popleft()
        before = result.tasks.get(name) or state.tasks[name]
        attempt = result.newest.get(name) or state.attempts.get(name)
        situation = _situation(state, result, view, before, attempt, room)
        decision = decide(situation, view.policy)
        _take(result, view, before, attempt, decision)
        started = decision.attempt is not attempt and Effect.CREATE in decision.effects
        room -= int(started and (attempt is None or attempt.phase.ended))
        waiting.extend(_set_free(state, before, decision, attempt, view.now))
        if decision.task.message == waits.NO_ROOM:
            result.no_room.append(name)
        if situation.locked and decision.task.message == situation.locked:
            result.lock_waits.append(name)
    result.run = _run_after(state, result, view.now)
    return result


def store(connection: Connection, result: Pass, before: RunRecord, told: Sequence[NoticeRecord] = ()) -> None:
    """Write what a look decided and the messages that tell of it, all of it or none."""
    attempts.save(connection, list(result.changed.values()))
    attempts.add(connection, list(result.added.values()))
    locks.take(connection, result.added.values())
    tasks.save(connection, list(result.tasks.values()))
    if result.run != before:
        runs.save(connection, result.run)
    notices.add(connection, told)


def keep(state: RunState, result: Pass) -> None:
    """Make the mirror equal to what was stored."""
    state.run, state.phases = result.run, result.phases
    state.tasks.update(result.tasks)
    state.attempts.update(result.newest)
    for pod, attempt in result.changed.items():
        if attempt.phase.ended:
            state.verdicts.pop(pod, None)
            state.blockers.pop(pod, None)
    state.unread.update(attempt.pod for effect, attempt in result.effects if effect is Effect.RELEASE)


def _situation(
    state: RunState, result: Pass, view: View, task: TaskRecord, attempt: AttemptRecord | None, room: int
) -> Situation:
    spec = state.specs[task.name]
    phases = {name: (result.tasks.get(name) or state.tasks[name]).phase for name in spec.after}
    need, about = need_of(spec, phases)
    pod = attempt.pod if attempt is not None else ""
    seen = view.pod(pod) if pod else None
    lasts = attempt is not None and not attempt.phase.ended
    ages = view.ages(attempt, seen) if attempt is not None and lasts else Ages()
    taken = next((a for a in result.added.values() if spec.lock and a.lock == spec.lock), None)
    locked = view.obstacle(spec.lock, task.name)
    if taken is not None:
        locked = waits.lock_held(spec.lock or "", state.run.name, taken.task, view.now)
    return Situation(
        run=state.run, task=task, spec=spec, attempt=attempt, need=need, waits_for=about, now=view.now,
        single=state.single, pod=seen, verdict=state.verdicts.get(pod),
        blocker=state.blockers.get(pod), creating=pod in view.creating, ages=ages, waited=view.waited(task),
        draining=view.draining, room=room > 0, locked=locked, lock_token=view.lock_token(spec.lock),
    )  # fmt: skip


def _take(
    result: Pass, view: View, before: TaskRecord, attempt: AttemptRecord | None, decision: Decision
) -> None:
    """Add a decision to the result."""
    after = decision.task
    if after != before:
        after = view.measured_wait(after)
        result.tasks[after.name] = after
        result.phases[before.phase] -= 1
        result.phases[after.phase] += 1
    current = decision.attempt
    if current is not None:
        if current != attempt:
            current = view.measured(current)
            result.newest[after.name] = current
            new = attempt is None or attempt.number != current.number or attempt.pod in result.added
            (result.added if new else result.changed)[current.pod] = current
        result.effects += [
            (effect, current)
            for effect in decision.effects
            if effect is not Effect.RELEASE or not view.releasing(current.pod)
        ]
    if decision.look_again is not None:
        result.look_again[after.name] = decision.look_again


def _set_free(
    state: RunState, before: TaskRecord, decision: Decision, attempt: AttemptRecord | None, now: float
) -> list[str]:
    """Return the tasks to look at because of a decision: those that came after an ended one, and one to be tried again."""
    task = decision.task
    if task.phase.ended:
        return [] if before.phase.ended else state.dependants.get(task.name, [])
    ended = decision.attempt is not None and decision.attempt.phase.ended
    again = ended and attempt is not None and not attempt.phase.ended
    return [task.name] if again and (task.not_before or 0.0) <= now else []


def _run_after(state: RunState, result: Pass, now: float) -> RunRecord:
    run, phase = state.run, run_phase(result.phases)
    everything = state.tasks | result.tasks if phase.ended or state.single else {}
    only = next(iter(everything.values())) if state.single else None
    message = progress(result.phases, only)
    started = run.started
    if started is None:
        times = [a.started for a in result.newest.values() if a.started is not None]
        started = min(times) if times else None
    if phase.ended:
        unread = state.unread or any(effect is Effect.RELEASE for effect, _ in result.effects)
        if not unread:
            ended = replace(run, message=message, started=started)
            return conclude(ended, phase, everything.values(), state.attempts | result.newest, now)
        phase = Phase.STOPPING if run.stop_requested is not None else Phase.RUNNING
    elif run.stop_requested is not None:
        phase = Phase.STOPPING
    if (run.phase, run.message, run.started) == (phase, message, started):
        return run
    return replace(run, phase=phase, message=message, started=started)
