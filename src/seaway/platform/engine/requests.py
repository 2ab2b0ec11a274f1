"""What is asked of a run while it goes on: that it stops, that an attempt is given up, that an attempt may go on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

from seaway.base.clock import Clock
from seaway.model.run import Phase
from seaway.platform.database import attempts, runs
from seaway.platform.database.database import Database
from seaway.platform.database.records import AttemptRecord
from seaway.platform.engine import texts
from seaway.platform.engine.ages import AttemptAges
from seaway.platform.engine.attempt_usages import AttemptUsages, Reported
from seaway.platform.engine.idleness import Idleness
from seaway.platform.engine.mirrors import Mirrors
from seaway.platform.engine.plan import is_overdue
from seaway.platform.engine.pods import PodTable
from seaway.platform.engine.situation import HUNG, LOSE, Policy
from seaway.platform.engine.state import RunState
from seaway.platform.engine.telling import Teller
from seaway.platform.errors import Conflict, StaleFence, Unavailable


class Requests:
    """Stores what is asked, and has the run looked at.

    Args:
        look: has one task of a run looked at soon, or all of them (None).
    """

    def __init__(
        self,
        database: Database,
        mirrors: Mirrors,
        pods: PodTable,
        ages: AttemptAges,
        teller: Teller,
        clock: Clock,
        policy: Policy,
        look: Callable[[RunState, str | None], None],
    ) -> None:
        self._database, self._mirrors, self._pods, self._ages = database, mirrors, pods, ages
        self._teller, self._clock, self._policy, self._look = teller, clock, policy, look
        self.idleness = Idleness()
        self.usages = AttemptUsages()

    async def stop(self, run_uid: str) -> bool:
        """Ask a run to end; False where it has ended already."""
        state = self._mirrors.get(run_uid)
        if state is None:
            return False
        async with self._mirrors.lock(run_uid):
            if state.run.stop_requested is None and not state.run.phase.ended:
                asked = replace(state.run, stop_requested=self._clock.now())
                await self._database.write(lambda connection: runs.save(connection, asked))
                state.run = asked
        self._look(state, None)
        return True

    async def lose(self, run_uid: str, task: str) -> AttemptRecord:
        """Have the attempt of a task that runs end as if its machine were lost; return it.

        Raises:
            Conflict: no attempt of the task runs.
        """
        state = self._mirrors.get(run_uid)
        async with self._mirrors.lock(run_uid) if state is not None else nullcontext():
            attempt = state.attempts.get(task) if state is not None else None
            if state is None or attempt is None or attempt.phase is not Phase.RUNNING or attempt.asked:
                raise Conflict(f"the task {task!r} does not run now", remedy="Ask again when it does.")
            lost = replace(attempt, asked=LOSE, asked_at=self._clock.now(), phase=Phase.STOPPING)
            await self._database.write(lambda connection: attempts.save(connection, [lost]))
            state.attempts[task] = lost
        self._teller.tell_change(run_uid, attempt, lost)
        self._look(state, task)
        return lost

    def tell_off(self, node: str, by: str) -> None:
        """Say in the logs of the attempts on a node that somebody has confirmed that its machine is off."""
        for state in self._mirrors.all():
            for attempt in state.attempts.values():
                if attempt.node == node and not attempt.phase.ended:
                    self._teller.say(state, attempt, texts.confirmed_off(node, by))

    async def stop_hung(self, run_uid: str, task: str, number: int) -> bool:
        """Have an attempt end that hangs; False where it ends or has ended already.

        Args:
            run_uid: of the run.
            task: of the run.
            number: of the attempt.
        """
        state = self._mirrors.get(run_uid)
        if state is None:
            return False
        async with self._mirrors.lock(run_uid):
            attempt = state.attempts.get(task)
            if (
                attempt is None
                or attempt.number != number
                or attempt.phase is not Phase.RUNNING
                or attempt.asked
            ):
                return False
            asked = replace(attempt, asked=HUNG, asked_at=self._clock.now(), phase=Phase.STOPPING)
            await self._database.write(lambda connection: attempts.save(connection, [asked]))
            state.attempts[task] = asked
        self._teller.tell_change(run_uid, attempt, asked)
        self._look(state, task)
        return True

    def note_idle(
        self,
        run_uid: str,
        task: str,
        fence: int,
        seconds: float | None,
        waits_in: str,
        gpu_seconds: float | None,
    ) -> None:
        """Take note of how long an attempt's program has used no CPU, or no GPU. Raises StaleFence where the attempt is over."""
        attempt = self._live(run_uid, task, fence)
        if seconds is not None:
            self.idleness.note(attempt.pod, seconds, waits_in, self._clock.monotonic())
        if gpu_seconds is not None:
            self.idleness.note_gpus(attempt.pod, gpu_seconds, self._clock.monotonic())

    def note_usage(self, run_uid: str, task: str, fence: int, said: Reported) -> None:
        """Take note of what an attempt's program uses. Raises StaleFence where the attempt is over."""
        pod = self._live(run_uid, task, fence).pod
        self.usages.note(pod, said, self._clock.now(), self._clock.monotonic())

    def _live(self, run_uid: str, task: str, fence: int) -> AttemptRecord:
        state = self._mirrors.get(run_uid)
        attempt = state.attempts.get(task) if state is not None else None
        if attempt is None or attempt.fence != fence or attempt.phase.ended:
            raise StaleFence(f"the attempt with the fencing number {fence} is over", field="fence")
        return attempt

    async def renew(self, run_uid: str, task: str, fence: int) -> None:
        """Let an attempt go on that says it is alive; decisions about its run are made before or after.

        Raises:
            Unavailable: which attempts there are is not known yet.
            Conflict: it is to end: a later attempt has begun, or the cluster takes its pod away and its node does not act.
        """
        if not self._mirrors.complete:
            raise Unavailable("the server is starting", remedy="Ask again in a moment.")
        state = self._mirrors.get(run_uid)
        async with self._mirrors.lock(run_uid) if state is not None else nullcontext():
            attempt = state.attempts.get(task) if state is not None else None
            if attempt is None or attempt.fence != fence or attempt.phase.ended or attempt.asked == LOSE:
                raise StaleFence(f"the attempt with the fencing number {fence} is over", field="fence")
            seen = self._pods.get(attempt.pod, run_uid)
            if seen is not None and is_overdue(
                seen.observation, self._ages.of(attempt, seen.observation), self._policy
            ):
                raise Conflict("the cluster takes its pod off the node, and the node does not act")
            self._ages.renew(attempt.pod)
