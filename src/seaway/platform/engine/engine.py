"""The loop: whatever changes marks tasks and wakes their run; a run that is awake is looked at until nothing is left.

Nothing is polled. Everything here can be lost at any instant: at the next start the database and the cluster say where
each run stands.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import Clock, boot_id
from seaway.base.measures import Measure
from seaway.base.sqlite import DatabaseError
from seaway.model.run import Phase
from seaway.platform.database.database import Database
from seaway.platform.database.records import AttemptRecord, RunRecord
from seaway.platform.engine import passes
from seaway.platform.engine.ages import AttemptAges
from seaway.platform.engine.background import Background
from seaway.platform.engine.carrier import Carrier, CarrierSettings
from seaway.platform.engine.effects import Effects
from seaway.platform.engine.happenings import NoOutbox, Outbox, happenings
from seaway.platform.engine.line import Ahead, Line
from seaway.platform.engine.loading import load_live
from seaway.platform.engine.locks import Locks, claim_of
from seaway.platform.engine.measures import EngineMeasures
from seaway.platform.engine.mirrors import Mirrors
from seaway.platform.engine.pods import PodTable, Seen
from seaway.platform.engine.requests import Requests
from seaway.platform.engine.situation import WAIT, Effect, Policy
from seaway.platform.engine.state import RunState
from seaway.platform.engine.telling import Teller
from seaway.platform.engine.timers import Timers
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
        self._background, self._measures = Background(), EngineMeasures(clock)
        self._ages = AttemptAges(clock, boot_id())
        self._held = Locks()
        self._carrier: Carrier
        self._on_end: Callable[[RunRecord], Coroutine[Any, Any, None]]
        self._outbox: Outbox
        self._sees: Callable[[str], bool]
        self._mirrors = Mirrors()
        self._working: set[str] = set()
        self._timers = Timers(clock, self._have_looked_at)
        self._line = Line()
        self._running = False
        self.draining = False
        self.changed = Signal()
        """Notified when a run changed in a way that a reader may wait for."""
        self.requests = Requests(
            database, self._mirrors, pods, self._ages, teller, clock, settings.policy, self._have_looked_at
        )

    def use(
        self,
        effects: Effects,
        on_end: Callable[[RunRecord], Coroutine[Any, Any, None]],
        outbox: Outbox | None = None,
        sees: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """Say who carries out effects (they need this engine's `wake`), what is done in the background when a run has ended, who tells people, and of which namespaces the pods were seen: of the runs of others nothing is decided."""
        self._on_end, self._sees = on_end, sees
        self._outbox = outbox or NoOutbox()
        self._carrier = Carrier(
            effects, self._background, self._clock, self._settings.carrier, self.wake, self._still_wanted
        )

    @property
    def in_flight(self) -> int:
        """How many attempts are under way."""
        return sum(state.in_flight for state in self._mirrors.all())

    def _ahead(self, run_uid: str) -> Ahead:
        in_flight = (state.in_flight for state in self._mirrors.all() if state.in_flight)
        return self._line.ahead(run_uid, in_flight)

    def measures(self) -> list[Measure]:
        """Return what is counted of this work."""
        return self._measures.measures(self.states(), len(self._line), self.in_flight)

    def states(self) -> list[RunState]:
        """Return the mirrors of all runs that have not ended."""
        return self._mirrors.all()

    @property
    def knows_all(self) -> bool:
        """Whether `states` are all; at the start, one that is missing may still come."""
        return self._mirrors.complete

    def state(self, run_uid: str) -> RunState | None:
        """Return a run's mirror while it has not ended."""
        return self._mirrors.get(run_uid)

    async def run(self, ready: Callable[[], None]) -> None:
        """Take up what the database has, and go on until cancelled."""
        self._running = True
        try:
            live, tokens = await self._database.read(load_live)
            self._held.load(tokens)
            for state in live:
                for attempt in state.attempts.values():
                    if not attempt.phase.ended:
                        self._held.take(claim_of(state, attempt.task), attempt)
            for state in live:
                self.adopt(state)
            self._mirrors.complete = True
            self._release_left_over()
            ready()
            await asyncio.Event().wait()
        finally:
            self._running = self._mirrors.complete = False
            self._timers.close()
            await self._background.close()

    def adopt(self, state: RunState) -> None:
        """Take up a run whose records are stored."""
        self._mirrors.add(state)
        self._have_looked_at(state)
        self.changed.notify()

    async def drain(self, timeout: float) -> bool:
        """End all attempts gracefully, start no more; True where all pods are gone within the time."""
        self.draining = True
        for state in self._mirrors.all():
            self._have_looked_at(state)
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
        if not self._sees(state.run.namespace):
            return
        if state.dirty and self._mirrors.get(uid) is state:
            self._measures.woken(uid)
        if self._running and state.dirty and uid not in self._working:
            self._working.add(uid)
            self._background.spawn(self._work(state), f"run {state.run.name}")

    def namespace_seen(self, namespace: str) -> None:
        """Go on with the runs of a namespace whose pods were seen for the first time."""
        if not self._mirrors.complete:
            return
        self._release_left_over(namespace)
        for state in self._mirrors.all():
            if state.run.namespace == namespace:
                self._have_looked_at(state)

    def pod_changed(self, seen: Seen) -> None:
        """Have the task of a pod looked at."""
        observation = seen.observation
        state = self._mirrors.get(observation.run_uid)
        if state is None and self._running and not self._mirrors.complete:
            return  # its run may be among those that are being loaded: all pods are looked at then
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
        self._have_looked_at(state, observation.task)

    async def _work(self, state: RunState) -> None:
        failures = 0
        uid = state.run.uid
        try:
            while state.dirty and self._mirrors.get(uid) is state:
                try:
                    async with self._mirrors.lock(uid):
                        await self._look(state)
                    failures = 0
                except DatabaseError as error:
                    failures += 1
                    log.error("run %s cannot be stored: %s", state.run.name, error)
                    await self._clock.sleep(self._settings.carrier.backoff.delay(failures))
        finally:
            self._working.discard(uid)

    def _view(self, state: RunState) -> passes.View:
        """Return what a look at a run is to see now."""
        return passes.View(
            pod=lambda name: self._observation(name, state.run.uid),
            creating=self._carrier.creating,
            releasing=self._carrier.is_releasing,
            ages=self._ages.of,
            measured=lambda attempt: self.requests.usages.added(self._ages.measured(attempt)),
            waited=self._ages.waited,
            measured_wait=self._ages.measured_wait,
            obstacle=lambda lock, task: self._held.obstacle(lock, claim_of(state, task)),
            lock_token=self._held.next_token,
            now=self._clock.now(),
            policy=self._settings.policy,
            draining=self.draining,
            room=self._settings.pods_in_flight - self.in_flight,
        )

    async def _look(self, state: RunState) -> None:
        marked, since = dict(state.dirty), self._measures.begins(state.run.uid)
        result = passes.look(state, self._view(state))
        state.dirty.clear()
        self._held.decided(state, result, marked)
        before, known = state.run, {attempt.pod: attempt for attempt in state.attempts.values()}
        changed = bool(result.tasks or result.newest or result.run != before)
        if changed:
            told = self._outbox.address(happenings(state, result, known))
            waits = bool(told) or result.must_be_durable
            stored = self._database.submit(
                lambda connection: passes.store(connection, result, before, told), patient=not waits
            )
            if waits:
                try:
                    await stored
                except BaseException:
                    state.dirty = marked | state.dirty
                    self._measures.failed(state.run.uid, since)
                    self._held.failed(result)
                    raise
            else:
                stored.add_done_callback(_report_progress)
        waited = {name: state.tasks[name].message for name in result.tasks}
        passes.keep(state, result)
        self._held.stored(result)
        self._measures.looked(state, result, known, since)
        if changed and told:
            self._outbox.wake()
        self._teller.tell(state, result, known)
        self._teller.tell_waits(state, result, waited, self._ahead)
        self._let_go(state, result)
        self._follow_logs(state, marked)
        self._follow_up(state, result)
        self._release_previous(state, result, known.values())
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

    def _release_previous(
        self, state: RunState, result: passes.Pass, before: Iterable[AttemptRecord]
    ) -> None:
        """Let the pods go of attempts that others follow now, where an earlier process did not come to it."""
        for attempt in before:
            if any(added.task == attempt.task for added in result.added.values()):
                seen = self._pods.get(attempt.pod, state.run.uid)
                if seen is not None and not self._carrier.is_releasing(attempt.pod):
                    self._carrier.release_stray(seen)

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
        for task, seconds in result.look_again.items():
            self._timers.set(state, task, seconds)
        uid = state.run.uid
        self._line.add(uid, result.no_room)
        self._line.drop(uid, [name for name, task in result.tasks.items() if task.phase.ended])
        if state.run.phase.ended:
            self._line.drop(uid, state.specs)
            self._held.forget(state)
            self._mirrors.drop(uid)
            self._measures.forget(uid)
            self._timers.drop(state)
            self._background.spawn(self._finish(state), "run ended")
        ended = [attempt.pod for attempt in result.changed.values() if attempt.phase.ended]
        for pod in ended:
            self._ages.forget(pod)
        if ended:
            self._use_room()
        self._use_locks()

    async def _finish(self, state: RunState) -> None:
        await self._carrier.created([attempt.pod for attempt in state.attempts.values()])
        await self._on_end(state.run)

    def _use_room(self) -> None:
        """Have tasks looked at that wait for room, as many as there is room for."""
        room = self._settings.pods_in_flight - self.in_flight
        for uid, task in self._line.take(room):
            if state := self._mirrors.get(uid):
                self._have_looked_at(state, task)

    def _use_locks(self) -> None:
        """Have tasks looked at whose turn it is to take a lock."""
        for claim in self._held.next_in_line():
            if waiting := self._mirrors.get(claim.run_uid):
                self._have_looked_at(waiting, claim.task)

    def _have_looked_at(self, state: RunState, task: str | None = None) -> None:
        state.mark(None if task is None else [task])
        self.wake(state)

    def _still_wanted(self, state: RunState, attempt: AttemptRecord) -> bool:
        """Return whether a pod should still be created: its run may have been stopped, the server may be going down."""
        current = state.attempts.get(attempt.task)
        stopping = self.draining or state.run.stop_requested is not None
        if stopping or current is None or current.pod != attempt.pod:
            return False
        return not current.phase.ended and current.asked != WAIT

    def _release_left_over(self, namespace: str | None = None) -> None:
        """Let pods go whose attempts have ended in the database: an earlier process did not come to it."""
        for seen in self._pods.present():
            if namespace not in (None, seen.object["metadata"]["namespace"]):
                continue
            state = self._mirrors.get(seen.observation.run_uid)
            current = state.attempts.get(seen.observation.task) if state is not None else None
            if current is None or current.pod != seen.observation.pod:
                self._carrier.release_stray(seen)


def _report_progress(stored: asyncio.Future[None]) -> None:
    """Nothing depends on progress being stored: the next change of the same records stores it again."""
    if not stored.cancelled() and (error := stored.exception()) is not None:
        log.warning("progress was not stored: %s", error)
