"""The loop: whatever changes marks tasks and wakes their run; a run that is awake is looked at until nothing is left.

Nothing is polled. Everything here can be lost at any instant: at the next start the database and the cluster say where
each run stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.model.run import Phase, RunSpec
from seaway.platform.database import attempts, locks, runs, sentences, tasks
from seaway.platform.database.database import Database
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.engine import passes
from seaway.platform.engine.background import Background
from seaway.platform.engine.carrier import Carrier, CarrierSettings
from seaway.platform.engine.effects import Effects
from seaway.platform.engine.happenings import NoOutbox, Outbox, happenings
from seaway.platform.engine.leases import Leases
from seaway.platform.engine.locks import Locks, claim_of
from seaway.platform.engine.plan import is_overdue
from seaway.platform.engine.pods import PodTable, Seen
from seaway.platform.engine.situation import LOSE, Effect, Policy
from seaway.platform.engine.state import RunState, run_state
from seaway.platform.engine.telling import TOLD, Teller
from seaway.platform.engine.timers import Timers
from seaway.platform.errors import Conflict, StaleFence, Unavailable
from seaway.platform.history.collector import LogCollector
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.signal import Signal
from seaway.platform.workloads.observation import Observation

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine works."""

    pods_in_flight: int = 200
    """Pods at once, over all runs; further tasks wait for room."""
    policy: Policy = Policy()  # noqa: RUF009 - frozen, shared on purpose
    carrier: CarrierSettings = CarrierSettings()  # noqa: RUF009 - frozen, shared on purpose


class Engine:
    """Makes runs happen."""

    def __init__(
        self,
        database: Database,
        pods: PodTable,
        logs: LogStore,
        collector: LogCollector,
        teller: Teller,
        clock: Clock,
        settings: EngineSettings,
    ) -> None:
        self._database, self._pods, self._logs, self._collector = database, pods, logs, collector
        self._teller, self._clock, self._settings = teller, clock, settings
        self._background = Background()
        self._leases = Leases(clock)
        self._held = Locks()
        self._carrier: Carrier
        self._on_end: Callable[[RunRecord], Coroutine[Any, Any, None]]
        self._outbox: Outbox
        self._states: dict[str, RunState] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._working: set[str] = set()
        self._timers = Timers(clock, self._have_looked_at)
        self._no_room: dict[tuple[str, str], None] = {}
        self._running = self._knows_all = False
        self.draining = False
        self.changed = Signal()
        """Notified when a run changed in a way that a reader may wait for."""

    def use(
        self,
        effects: Effects,
        on_end: Callable[[RunRecord], Coroutine[Any, Any, None]],
        outbox: Outbox | None = None,
    ) -> None:
        """Say who carries out effects (they need this engine's `wake`), what is done in the background when a run has ended, and who tells people."""
        self._on_end = on_end
        self._outbox = outbox or NoOutbox()
        self._carrier = Carrier(
            effects, self._background, self._clock, self._settings.carrier, self.wake, self._still_wanted
        )

    @property
    def in_flight(self) -> int:
        """How many attempts are under way."""
        return sum(state.in_flight for state in self._states.values())

    def states(self) -> list[RunState]:
        """Return the mirrors of all runs that have not ended."""
        return list(self._states.values())

    def state(self, run_uid: str) -> RunState | None:
        """Return a run's mirror while it has not ended."""
        return self._states.get(run_uid)

    async def run(self, ready: Callable[[], None]) -> None:
        """Take up what the database has, and go on until cancelled."""
        self._running = True
        try:
            live, tokens = await self._database.read(_load_live)
            self._held.load(tokens)
            for state in live:
                for attempt in state.attempts.values():
                    if not attempt.phase.ended:
                        self._held.take(claim_of(state, attempt.task), attempt)
            for state in live:
                self.adopt(state)
            self._knows_all = True
            self._release_left_over()
            ready()
            await asyncio.Event().wait()
        finally:
            self._running = self._knows_all = False
            self._timers.close()
            await self._background.close()

    def adopt(self, state: RunState) -> None:
        """Take up a run whose records are stored."""
        self._states[state.run.uid] = state
        self._locks[state.run.uid] = asyncio.Lock()
        state.mark()
        self.wake(state)
        self.changed.notify()

    async def stop(self, run_uid: str) -> bool:
        """Ask a run to end; False where it has ended already."""
        state = self._states.get(run_uid)
        if state is None:
            return False
        async with self._locks[run_uid]:
            if state.run.stop_requested is None and not state.run.phase.ended:
                asked = replace(state.run, stop_requested=self._clock.now())
                await self._database.write(lambda connection: runs.save(connection, asked))
                state.run = asked
        state.mark()
        self.wake(state)
        return True

    async def lose(self, run_uid: str, task: str) -> AttemptRecord:
        """Have the attempt of a task that runs end as if its machine were lost; return it.

        Raises:
            Conflict: no attempt of the task runs.
        """
        state = self._states.get(run_uid)
        async with self._locks[run_uid] if state is not None else nullcontext():
            attempt = state.attempts.get(task) if state is not None else None
            if state is None or attempt is None or attempt.phase is not Phase.RUNNING or attempt.asked:
                raise Conflict(f"the task {task!r} does not run now", remedy="Ask again when it does.")
            lost = replace(attempt, asked=LOSE, asked_at=self._clock.now(), phase=Phase.STOPPING)
            await self._database.write(lambda connection: attempts.save(connection, [lost]))
            state.attempts[task] = lost
        self._teller.tell_change(run_uid, attempt, lost)
        self._have_looked_at(state, task)
        return lost

    async def renew(self, run_uid: str, task: str, fence: int) -> None:
        """Let an attempt go on that says it is alive; decisions about its run are made before or after.

        Raises:
            Unavailable: which attempts there are is not known yet.
            Conflict: it is to end: a later attempt has begun, or the cluster takes its pod away and its node does not act.
        """
        if not self._knows_all:
            raise Unavailable("the server is starting", remedy="Ask again in a moment.")
        state = self._states.get(run_uid)
        async with self._locks[run_uid] if state is not None else nullcontext():
            attempt = state.attempts.get(task) if state is not None else None
            if attempt is None or attempt.fence != fence or attempt.phase.ended or attempt.asked == LOSE:
                raise StaleFence(f"the attempt with the fencing number {fence} is over", field="fence")
            seen = self._observation(attempt.pod, run_uid)
            if seen is not None and is_overdue(seen, self._clock.now(), self._settings.policy):
                raise Conflict("the cluster takes its pod off the node, and the node does not act")
            self._leases.renew(attempt.pod)

    async def drain(self, timeout: float) -> bool:
        """End all attempts gracefully, start no more; True where all pods are gone within the time."""
        self.draining = True
        for state in self._states.values():
            state.mark()
            self.wake(state)
        try:
            async with asyncio.timeout(timeout):
                while self.in_flight or self._background.jobs:
                    waiting = {self.changed.next(), *self._background.jobs}
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            return False
        return True

    def wake(self, state: RunState) -> None:
        """Have a run looked at soon, if any of its tasks wants it."""
        uid = state.run.uid
        if self._running and state.dirty and uid not in self._working:
            self._working.add(uid)
            self._background.spawn(self._work(state), f"run {state.run.name}")

    def pod_changed(self, seen: Seen) -> None:
        """Have the task of a pod looked at."""
        observation = seen.observation
        state = self._states.get(observation.run_uid)
        if state is None or observation.task not in state.specs:
            if observation.gone:
                self._pods.forget(observation.pod)
            elif self._running and state is None and observation.ended:
                self._carrier.release_stray(seen)
            return
        attempt = state.attempts.get(observation.task)
        if observation.ended and attempt is not None and attempt.pod != observation.pod and self._running:
            self._carrier.release_stray(seen)
        if observation.gone and (attempt is None or attempt.pod != observation.pod or attempt.phase.ended):
            self._pods.forget(observation.pod)
        state.mark([observation.task])
        self.wake(state)

    async def _work(self, state: RunState) -> None:
        failures = 0
        uid = state.run.uid
        try:
            while state.dirty and self._states.get(uid) is state:
                try:
                    async with self._locks[uid]:
                        await self._look(state)
                    failures = 0
                except DatabaseError as error:
                    failures += 1
                    log.error("run %s cannot be stored: %s", state.run.name, error)
                    await self._clock.sleep(self._settings.carrier.backoff.delay(failures))
        finally:
            self._working.discard(uid)

    async def _look(self, state: RunState) -> None:
        room = self._settings.pods_in_flight - self.in_flight
        view = passes.View(
            pod=lambda name: self._observation(name, state.run.uid),
            creating=self._carrier.creating,
            releasing=self._carrier.is_releasing,
            unheard=self._leases.silence,
            obstacle=lambda lock, task: self._held.obstacle(lock, claim_of(state, task)),
            lock_token=self._held.next_token,
            now=self._clock.now(),
            policy=self._settings.policy,
            draining=self.draining,
            room=room,
        )
        marked = dict(state.dirty)
        result = passes.look(state, view)
        state.dirty.clear()
        self._held.decided(state, result, marked)
        before, known = state.run, {attempt.pod: attempt for attempt in state.attempts.values()}
        changed = bool(result.tasks or result.newest or result.run != before)
        if changed:
            told = self._outbox.address(happenings(state, result, known))
            stored = self._database.submit(lambda connection: passes.store(connection, result, before, told))
            if told or result.must_be_durable:
                try:
                    await stored
                except BaseException:
                    state.dirty = marked | state.dirty
                    self._held.failed(result)
                    raise
            else:
                stored.add_done_callback(_report_progress)
        waited = {name: state.tasks[name].message for name in result.tasks}
        passes.keep(state, result)
        self._held.stored(result)
        if changed and told:
            self._outbox.wake()
        self._teller.tell_waits(state, result, waited, self._no_room)
        self._teller.tell(state, result, known)
        self._let_go(state, result)
        self._follow_logs(state, marked)
        self._follow_up(state, result)
        if changed:
            self.changed.notify()

    def _observation(self, pod: str, run_uid: str) -> Observation | None:
        seen = self._pods.get(pod, run_uid)
        return seen.observation if seen is not None else None

    def _let_go(self, state: RunState, result: passes.Pass) -> None:
        """Close the logs of attempts that have ended and whose pods nobody holds."""
        releasing = {attempt.pod for effect, attempt in result.effects if effect is Effect.RELEASE}
        for attempt in (*result.changed.values(), *result.added.values()):
            if attempt.phase.ended and attempt.pod not in releasing:
                key = LogKey(state.run.uid, attempt.task, attempt.number)
                self._background.spawn(self._collector.end(key), "close log")
                self._pods.forget(attempt.pod)

    def _follow_logs(self, state: RunState, tasks: Iterable[str]) -> None:
        """Follow the logs of the tasks that run, also of those that ran before this server started."""
        for task in tasks:
            attempt = state.attempts.get(task)
            if attempt is None or attempt.phase is not Phase.RUNNING:
                continue
            if seen := self._pods.get(attempt.pod, state.run.uid):
                self._collector.follow(LogKey(state.run.uid, task, attempt.number), seen.object)

    def _follow_up(self, state: RunState, result: passes.Pass) -> None:
        for effect, attempt in result.effects:
            self._carrier.start(effect, state, attempt)
        for task, at in result.look_again.items():
            self._timers.set(state, task, at)
        uid = state.run.uid
        self._no_room.update(dict.fromkeys((uid, task) for task in result.no_room))
        if state.run.phase.ended:
            self._held.forget(state)
            del self._states[uid], self._locks[uid]
            self._timers.drop(state)
            self._background.spawn(self._finish(state), "run ended")
        ended = [attempt.pod for attempt in result.changed.values() if attempt.phase.ended]
        for pod in ended:
            self._leases.forget(pod)
        if ended:
            self._use_room()
        self._use_locks()

    async def _finish(self, state: RunState) -> None:
        await self._carrier.created([attempt.pod for attempt in state.attempts.values()])
        await self._on_end(state.run)

    def _use_room(self) -> None:
        """Have tasks looked at that wait for room, as many as there is room for."""
        room = self._settings.pods_in_flight - self.in_flight
        for uid, task in list(self._no_room)[: max(0, room)]:
            del self._no_room[uid, task]
            if state := self._states.get(uid):
                self._have_looked_at(state, task)

    def _use_locks(self) -> None:
        """Have tasks looked at whose turn it is to take a lock."""
        for claim in self._held.next_in_line():
            if waiting := self._states.get(claim.run_uid):
                self._have_looked_at(waiting, claim.task)

    def _have_looked_at(self, state: RunState, task: str) -> None:
        state.mark([task])
        self.wake(state)

    def _still_wanted(self, state: RunState, attempt: AttemptRecord) -> bool:
        """Return whether a pod should still be created: its run may have been stopped, the server may be going down."""
        current = state.attempts.get(attempt.task)
        stopping = self.draining or state.run.stop_requested is not None
        return not stopping and current is not None and current.pod == attempt.pod and not current.phase.ended

    def _release_left_over(self) -> None:
        """Let pods go whose attempts have ended in the database: an earlier process did not come to it."""
        for seen in self._pods.present():
            state = self._states.get(seen.observation.run_uid)
            current = state.attempts.get(seen.observation.task) if state is not None else None
            if current is None or current.pod != seen.observation.pod:
                self._carrier.release_stray(seen)


def _report_progress(stored: asyncio.Future[None]) -> None:
    """Nothing depends on progress being stored: the next change of the same records stores it again."""
    if not stored.cancelled() and (error := stored.exception()) is not None:
        log.warning("progress was not stored: %s", error)


def _load_live(connection: Any) -> tuple[list[RunState], dict[str, int]]:
    return [load(connection, run) for run in runs.live(connection)], locks.tokens(connection)


def load(connection: Any, run: RunRecord) -> RunState:
    """Return a run's mirror as the database has it."""
    spec = RunSpec.model_validate(runs.spec(connection, run.id))
    records: list[TaskRecord] = tasks.of_run(connection, run.id)
    state = run_state(run, spec, records, attempts.newest_of_run(connection, run.id))
    if len(records) <= TOLD and any(task.phase is Phase.QUEUED for task in records):
        for sentence in sentences.of_run(connection, run.uid):
            attempt = state.attempts.get(sentence.task)
            if sentence.attempt > (attempt.number if attempt is not None else 0):
                state.said.setdefault(sentence.task, []).append((sentence.text, int(sentence.said * 1e9)))
    return state
