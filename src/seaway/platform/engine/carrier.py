"""Effects under way: each once at a time, tried again until it is done or no longer wanted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff
from seaway.platform.database.records import AttemptRecord
from seaway.platform.engine.background import Background
from seaway.platform.engine.effects import Effects, TryLater
from seaway.platform.engine.pods import Seen
from seaway.platform.engine.situation import Effect
from seaway.platform.engine.state import RunState
from seaway.platform.history.logs import LogKey
from seaway.platform.history.signal import Signal

log = logging.getLogger(__name__)
_ANSWERED = (Effect.JUDGE, Effect.EXAMINE, Effect.CREATE)
"""Effects whose outcome is to be looked at; that of the others the watch shows."""


@dataclass(frozen=True, slots=True)
class CarrierSettings:
    """How effects are carried out."""

    creations_at_once: int = 16
    others_at_once: int = 16
    """Apart from creations, so that tidying up never delays what starts."""
    backoff: Backoff = Backoff(0.2, 2.0, 15.0)  # noqa: RUF009 - frozen, shared on purpose
    """Between tries of what Kubernetes or the disk did not allow."""


class Carrier:
    """Carries effects out in the background."""

    def __init__(
        self,
        effects: Effects,
        background: Background,
        clock: Clock,
        settings: CarrierSettings,
        wake: Callable[[RunState], None],
        is_wanted: Callable[[RunState, AttemptRecord], bool],
    ) -> None:
        self._effects, self._background, self._clock, self._settings = effects, background, clock, settings
        self._wake, self._is_wanted = wake, is_wanted
        self._busy: set[tuple[str, Effect]] = set()
        self._newer: dict[str, Seen] = {}
        """Pods that ended while they were being deleted, as they are since."""
        self._creations = asyncio.Semaphore(settings.creations_at_once)
        self._others = asyncio.Semaphore(settings.others_at_once)
        self._ended = Signal()
        self.creating: set[str] = set()
        """Pods of which a create call is under way: whether they exist is not known."""

    def is_releasing(self, pod: str) -> bool:
        """Return whether a pod is being released already."""
        return (pod, Effect.RELEASE) in self._busy

    async def created(self, pods: Iterable[str]) -> None:
        """Wait until no call that creates one of these pods is under way or to be repeated.

        A pod that has run keeps its name until then: a creation that is still on its way, after the answer to an earlier
        one was lost, would else find the name free and have the program run twice.
        """
        names = list(pods)
        while any((name, Effect.CREATE) in self._busy for name in names):
            await asyncio.shield(self._ended.next())

    def start(self, effect: Effect, state: RunState, attempt: AttemptRecord) -> None:
        """Carry out an effect, unless that is under way already."""
        key = (attempt.pod, effect)
        if key not in self._busy:
            self._busy.add(key)
            self._background.spawn(self._carry_out(effect, state, attempt), f"{effect.value} {attempt.pod}")

    def release_stray(self, seen: Seen) -> None:
        """Let a pod go that is no task's newest attempt, unless that is under way already."""
        key = (seen.observation.pod, Effect.RELEASE)
        if not seen.observation.held or seen.observation.gone:
            return
        if key in self._busy:
            if (
                seen.observation.ended
            ):  # news, where what is under way knows the pod as running and only deletes it
                self._newer[seen.observation.pod] = seen
            return
        self._busy.add(key)
        self._background.spawn(self._let_stray_go(seen), f"release {seen.observation.pod}")

    async def _carry_out(self, effect: Effect, state: RunState, attempt: AttemptRecord) -> None:
        failures = 0
        try:
            while effect is not Effect.CREATE or self._is_wanted(state, attempt):
                try:
                    await self._try(effect, state, attempt)
                    break
                except Exception as error:
                    failures += 1
                    _report(effect, attempt, error)
                if effect is Effect.CREATE:
                    self._look(state, attempt)  # the reason is to be seen while it is tried again
                await self._clock.sleep(self._settings.backoff.delay(failures))
        finally:
            self._busy.discard((attempt.pod, effect))
            self._ended.notify()
            if effect in _ANSWERED:
                self._look(state, attempt)
        if effect is Effect.RELEASE:
            self._newer.pop(attempt.pod, None)  # it is let go: what it became meanwhile is no news

    async def _try(self, effect: Effect, state: RunState, attempt: AttemptRecord) -> None:
        if effect is Effect.RELEASE:
            await self.created([attempt.pod])
        if effect is not Effect.CREATE:
            async with self._others:
                await self._effects.carry_out(effect, state, attempt)
            return
        async with self._creations:
            if not self._is_wanted(state, attempt):
                return
            self.creating.add(attempt.pod)
            try:
                await self._effects.carry_out(effect, state, attempt)
            finally:
                self.creating.discard(attempt.pod)

    def _look(self, state: RunState, attempt: AttemptRecord) -> None:
        state.mark([attempt.task])
        self._wake(state)

    async def _let_stray_go(self, seen: Seen) -> None:
        observation, failures = seen.observation, 0
        log_key = LogKey(observation.run_uid, observation.task, observation.attempt)
        try:
            while True:
                try:
                    await self.created([observation.pod])
                    async with self._others:
                        await self._effects.release_stray(log_key, seen)
                    break
                except Exception as error:
                    failures += 1
                    log.warning("pod %s cannot be released yet: %s", observation.pod, error)
                await self._clock.sleep(self._settings.backoff.delay(failures))
        finally:
            self._busy.discard((observation.pod, Effect.RELEASE))
        newer = self._newer.pop(observation.pod, None)
        if newer is not None and not observation.ended:
            self.release_stray(newer)


def _report(effect: Effect, attempt: AttemptRecord, error: Exception) -> None:
    if isinstance(error, TryLater):
        log.info("%s of pod %s is tried again: %s", effect.value, attempt.pod, error)
    else:
        what = f"{type(error).__name__}: {error}"
        log.warning("%s of pod %s is tried again: %s", effect.value, attempt.pod, what)
