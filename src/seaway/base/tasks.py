"""Background services with readiness, and how long to wait before the next try."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

logger = logging.getLogger(__name__)

Ready = Callable[[], None]
Service = Callable[[Ready], Awaitable[None]]
"""A coroutine function that calls its argument once it works, and then runs until it is cancelled."""


class ServiceFailed(Exception):
    """A service ended although nobody asked it to. The cause is chained."""


class Services:
    """A group of services, started in order and stopped in reverse.

    Leaving the `async with` block cancels every service, the last one first, each for at most `stop_seconds`. When a
    service dies or returns by itself, the block is cancelled and leaves with ServiceFailed.

    Args:
        stop_seconds: how long one service may take to stop before it is left behind with a logged error.
    """

    def __init__(self, stop_seconds: float = 10.0) -> None:
        self._stop_seconds = stop_seconds
        self._running: list[asyncio.Task[None]] = []
        self._owner: asyncio.Task[object] | None = None
        self._failure: ServiceFailed | None = None
        self._interrupted = False
        self._closing = False

    async def __aenter__(self) -> Self:
        self._owner = asyncio.current_task()
        return self

    async def start(self, name: str, service: Service) -> None:
        """Start a service and return when it says that it is ready.

        Raises:
            ServiceFailed: it ended before it was ready without an error.
            Exception: whatever the service raised before it was ready.
        """
        ready = asyncio.Event()
        task = asyncio.create_task(_run(service, ready.set), name=name)
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self._stop(task)
            raise
        finally:
            waiting.cancel()
        if task.done() and not ready.is_set():
            if task.cancelled() or (error := task.exception()) is None:
                raise ServiceFailed(f"{name} ended before it was ready")
            raise error
        self._running.append(task)
        task.add_done_callback(self._ended)
        logger.debug("%s is ready", name)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        left = list(self._running)
        try:
            while left:
                await self._stop(left.pop())
        except asyncio.CancelledError:  # nobody waits for the others any more; they end all the same
            for task in left:
                task.cancel()
            raise
        if self._failure is None:
            return
        if self._interrupted and self._owner is not None:
            self._owner.uncancel()
        if error is None or isinstance(error, asyncio.CancelledError):
            raise self._failure from self._failure.__cause__

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._closing or self._failure is not None or task.cancelled():
            return
        error = task.exception()
        self._failure = ServiceFailed(
            f"{task.get_name()} {'failed: ' + str(error) if error else 'ended by itself'}"
        )
        self._failure.__cause__ = error
        logger.error("%s", self._failure, exc_info=None if _explains_itself(error) else error)
        if self._owner is not None:
            self._interrupted = True
            self._owner.cancel()

    async def _stop(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=self._stop_seconds)
        if not done:
            logger.error(
                "%s did not stop within %g s and is left behind", task.get_name(), self._stop_seconds
            )
        elif not task.cancelled() and (error := task.exception()) is not None and self._failure is None:
            trace = None if _explains_itself(error) else error
            logger.error("%s failed while it stopped: %s", task.get_name(), error, exc_info=trace)


def _explains_itself(error: BaseException | None) -> bool:
    """Return whether an error is one of ours: its message says what to do, and a trace would hide it."""
    return type(error).__module__.startswith("seaway.")


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when all of them have ended; what they end with is dropped."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def _run(service: Service, ready: Ready) -> None:
    await service(ready)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Rising delays between tries; pure."""

    initial: float = 0.1
    """Seconds before the second try."""
    factor: float = 2.0
    """Each delay is so many times the one before."""
    cap: float = 60.0
    """No delay is longer, in seconds (before jitter)."""
    jitter: float = 0.0
    """Up to this share of the delay is added at random, so that many clients do not come back together."""

    def delay(self, failures: int, random: float = 0.0) -> float:
        """Return the seconds to wait after so many failures in a row (from 1).

        Args:
            failures: how often it failed; below 1 there is no delay.
            random: from 0 to 1, which part of the jitter to add.
        """
        if failures < 1:
            return 0.0
        exponent = min(failures - 1, 1000)
        try:
            delay = min(self.cap, self.initial * self.factor**exponent)
        except OverflowError:
            delay = self.cap
        return delay * (1 + self.jitter * random)
