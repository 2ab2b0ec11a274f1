"""The loop: keys from sources, one reconcile a key at a time, four outcomes.

Source: controller-runtime's `Result` and `TerminalError`; kopf's permanent and temporary errors.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Backoff
from seaway.client.errors import Unreachable
from seaway.objects.errors import ApiError, Conflict, NotFound
from seaway.reconcile.informer import Handler, Object
from seaway.reconcile.queue import BACKOFF, QueueClosed, WorkQueue
from seaway.reconcile.sources import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """The world is as wanted; nothing more until something changes."""


@dataclass(frozen=True, slots=True)
class RequeueAfter:
    """Look again after so many seconds, or when something changes."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Terminal:
    """Trying again cannot help until somebody changes the object; the message is logged."""

    message: str


Outcome = Done | RequeueAfter | Terminal
"""What a reconcile says; an exception is the fourth outcome: try again with back-off."""
Reconcile = Callable[[str], Awaitable[Outcome]]
DONE = Done()


@dataclass(frozen=True, slots=True)
class ControllerSettings:
    """How a controller works through its queue."""

    workers: int = 1
    """How many keys are worked on at once."""
    limit_seconds: float = 120.0
    """A reconcile that takes longer is cancelled and retried."""
    backoff: Backoff = BACKOFF
    """Waits before retries, for each key."""


class Controller:
    """Keeps calling `reconcile` with the keys that its sources name."""

    def __init__(
        self,
        name: str,
        sources: Sequence[Source],
        reconcile: Reconcile,
        *,
        clock: Clock | None = None,
        settings: ControllerSettings | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        self.initial_keys = tuple(keys)
        """Worked on at the start, whatever the sources say."""
        self.name, self.sources, self._reconcile = name, tuple(sources), reconcile
        self._settings = settings or ControllerSettings()
        self.queue = WorkQueue(clock or SystemClock(), self._settings.backoff)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled; `ready` is called when all sources are complete and the workers run."""
        ends = [source.informer.subscribe(self._enqueue(source)) for source in self.sources]
        try:
            for source in self.sources:
                await source.informer.synced()
            for key in self.initial_keys:
                self.queue.add(key)
            async with asyncio.TaskGroup() as group:
                for number in range(self._settings.workers):
                    group.create_task(self._work(), name=f"{self.name} worker {number}")
                ready()
        finally:
            for end in ends:
                end()
            await self.queue.close()

    def _enqueue(self, source: Source) -> Handler:
        def handler(_: str, new: Object, old: Object | None) -> None:
            for key in source.keys(new):
                self.queue.add(key)
            if old is not None:
                for key in source.keys(old):
                    self.queue.add(key)

        return handler

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except QueueClosed:
                return
            try:
                await self._handle(key)
            finally:
                self.queue.done(key)
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError  # what was called dropped it: an error came in its way

    async def _handle(self, key: str) -> None:
        """Reconcile one key and do as its outcome says."""
        try:
            async with asyncio.timeout(self._settings.limit_seconds):
                outcome = await self._reconcile(key)
        except Exception as error:  # the fourth outcome
            self._failed(key, error)
            return
        self.queue.forget(key)
        if isinstance(outcome, RequeueAfter):
            self.queue.add_after(key, outcome.seconds)
        elif isinstance(outcome, Terminal):
            log.error("%s: %s: %s", self.name, key, outcome.message)

    def _failed(self, key: str, error: Exception) -> None:
        seconds = self.queue.retry(key)
        if isinstance(error, (Conflict, NotFound)):
            log.debug("%s: %s: again in %.3f s: %s", self.name, key, seconds, error)
        elif isinstance(error, (ApiError, Unreachable, TimeoutError)):
            why = str(error) or type(error).__name__
            log.warning("%s: %s: again in %.3f s: %s", self.name, key, seconds, why)
        else:
            log.error("%s: %s: again in %.3f s", self.name, key, seconds, exc_info=error)
