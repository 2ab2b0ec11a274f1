"""Saying in a run's log what becomes of its attempts: from what was decided, and from what nodes do for their pods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seaway.base.clock import Clock
from seaway.platform.database.records import AttemptRecord
from seaway.platform.engine.line import Ahead
from seaway.platform.engine.narration import happened, narrate, narrate_event, narrate_wait
from seaway.platform.engine.passes import Pass
from seaway.platform.engine.pods import PodTable
from seaway.platform.engine.state import RunState
from seaway.platform.history.logs import LogKey
from seaway.platform.history.narrator import Narrator
from seaway.platform.workloads.growth import memory_grown

TOLD = 100
"""Tasks of a run up to which it is said each time that one waits for something else. Of more, each log begins with what the
task waited for first: with all of it, tasks that wait for one another's lock would say as much as their number squared."""


class Teller:
    """Knows what is worth a sentence.

    Args:
        narrator: says it.
        pods: of this server.
        clock: where time comes from.
    """

    def __init__(self, narrator: Narrator, pods: PodTable, clock: Clock) -> None:
        self._narrator, self._pods, self._clock = narrator, pods, clock
        self._began = clock.now()

    def tell(self, state: RunState, result: Pass, known: Mapping[str, AttemptRecord]) -> None:
        """Say in the attempts' logs what became of them.

        Args:
            state: the run.
            result: what was decided.
            known: the attempts as they were, by pod.
        """
        now = self._nanoseconds()
        for attempt in (*result.changed.values(), *result.added.values()):
            before = known.get(attempt.pod)
            key = LogKey(state.run.uid, attempt.task, attempt.number)
            for sentence, at in state.said.pop(attempt.task, ()) if before is None else ():
                self._narrator.repeat(key, sentence, at, new=True)
            memory = memory_grown(state.specs[attempt.task], state.tasks[attempt.task].growth)
            for sentence in narrate(before, attempt, memory):
                self._narrator.say(key, sentence, now, new=before is None)

    def say(self, state: RunState, attempt: AttemptRecord, sentence: str) -> None:
        """Say something of an attempt now."""
        self._narrator.say(LogKey(state.run.uid, attempt.task, attempt.number), sentence, self._nanoseconds())

    def tell_change(self, run_uid: str, before: AttemptRecord, after: AttemptRecord) -> None:
        """Say in an attempt's log what became of it outside of a look at its run."""
        for sentence in narrate(before, after):
            self._narrator.say(LogKey(run_uid, after.task, after.number), sentence, self._nanoseconds())

    def tell_waits(
        self,
        state: RunState,
        result: Pass,
        waited: Mapping[str, str],
        ahead: Callable[[str], Ahead],
    ) -> None:
        """Note what tasks wait for that have no attempt yet: its log will begin with it.

        Args:
            state: the run.
            result: what was decided.
            waited: what its tasks waited for until now.
            ahead: counts who gets room before a run's tasks.
        """
        many, now = len(state.specs) > TOLD, self._nanoseconds()
        found = ahead(state.run.uid) if result.no_room else Ahead()
        place = {task: number for number, task in enumerate(result.no_room)}
        for task, before in waited.items():
            after = result.tasks[task]
            if (many and task in state.said) or (after.phase.ended and task in result.newest):
                continue
            if sentence := narrate_wait(before, after, found.after(place.get(task, 0))):
                attempt = state.attempts.get(task)
                key = LogKey(state.run.uid, task, attempt.number + 1 if attempt is not None else 1)
                state.said.setdefault(task, []).append((sentence, now))
                self._narrator.note(key, sentence, now)

    def listener(
        self, state_of: Callable[[str], RunState | None]
    ) -> Callable[[str, dict[str, Any], dict[str, Any] | None], None]:
        """Return what is to be told events: it says what nodes do for the pods of runs.

        What happened before this server started was said by the one before it.
        """

        def event_seen(event_type: str, event: dict[str, Any], old: dict[str, Any] | None) -> None:
            about = event.get("involvedObject") or {}
            new = event_type == "ADDED" and old is None and happened(event) >= int(self._began)
            seen = self._pods.find(about.get("name") or "", about.get("uid") or "") if new else None
            state = state_of(seen.observation.run_uid) if seen is not None else None
            if seen is None or state is None or not (sentence := narrate_event(event)):
                return
            attempt = state.attempts.get(seen.observation.task)
            if attempt is not None and attempt.pod == seen.observation.pod and not attempt.phase.ended:
                key = LogKey(state.run.uid, attempt.task, attempt.number)
                self._narrator.say(key, sentence, self._nanoseconds())

        return event_seen

    def _nanoseconds(self) -> int:
        return int(self._clock.now() * 1_000_000_000)
