"""What is counted of the engine's work: how long things wait, how late it looks, how attempts end."""

from __future__ import annotations

from collections.abc import Mapping

from seaway.base.clock import Clock
from seaway.base.measures import LONG_SECONDS, Counter, Gauge, Histogram, Measure
from seaway.model.run import Phase
from seaway.model.verdict import VerdictClass
from seaway.platform.database.records import AttemptRecord
from seaway.platform.engine.passes import Pass
from seaway.platform.engine.state import RunState


class EngineMeasures:
    """Counts since the server started; labels are classes of verdicts and phases.

    Args:
        clock: measures how late a look is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken: dict[str, float] = {}
        self._waits = Histogram(
            "seaway_run_queue_wait_seconds", "Time from a run's submission until its first program began.", bounds=LONG_SECONDS
        )  # fmt: skip
        self._starts = Histogram(
            "seaway_attempt_start_seconds", "Time from an attempt's decision until its program began.", bounds=LONG_SECONDS
        )  # fmt: skip
        self._lag = Histogram(
            "seaway_engine_lag_seconds", "Time from what changed a run until the engine had acted on it."
        )
        self._attempts = Counter(
            "seaway_attempts", "Attempts that ended, by the class of their verdict.", ("class",)
        )
        for each in VerdictClass:
            self._attempts.add(each, amount=0)

    def woken(self, run_uid: str) -> None:
        """Take note that a run is to be looked at."""
        if run_uid not in self._woken:
            self._woken[run_uid] = self._clock.monotonic()

    def begins(self, run_uid: str) -> float:
        """Take note that a run is being looked at; return since when it waited for that."""
        return self._woken.pop(run_uid, self._clock.monotonic())

    def failed(self, run_uid: str, since: float) -> None:
        """Take note that a look came to nothing: the run still waits for it."""
        self._woken[run_uid] = since

    def forget(self, run_uid: str) -> None:
        """Take note that a run has ended."""
        self._woken.pop(run_uid, None)

    def looked(self, state: RunState, result: Pass, known: Mapping[str, AttemptRecord], since: float) -> None:
        """Count what a look found.

        Args:
            state: the run as it is now.
            result: what was decided.
            known: the attempts before, by pod.
            since: what `begins` returned.
        """
        self._lag.observe(value=self._clock.monotonic() - since)
        for attempt in result.changed.values():
            before = known.get(attempt.pod)
            if before is None:
                continue
            if attempt.started is not None and before.started is None:
                self._starts.observe(value=max(0.0, attempt.started - attempt.created))
                if attempt.number == 1 and attempt.started == result.run.started:
                    self._waits.observe(value=max(0.0, attempt.started - state.run.created))
            if attempt.phase.ended and not before.phase.ended and attempt.verdict is not None:
                self._attempts.add(str(attempt.verdict["class"]))

    def measures(self, states: list[RunState], waiting: int, in_flight: int) -> list[Measure]:
        """Return all of it, and what is under way now.

        Args:
            states: all runs that have not ended.
            waiting: tasks that wait for room.
            in_flight: attempts that are under way.
        """
        tasks = Gauge("seaway_tasks", "Tasks of runs that have not ended, by phase.", ("phase",))
        for phase in Phase:
            tasks.put(phase, value=sum(state.phases[phase] for state in states))
        queue = Gauge("seaway_queue_length", "Tasks that wait until fewer pods are under way.")
        queue.put(value=waiting)
        pods = Gauge("seaway_pods_in_flight", "Pods of runs that are under way.")
        pods.put(value=in_flight)
        return [tasks, queue, pods, self._waits, self._starts, self._lag, self._attempts]
