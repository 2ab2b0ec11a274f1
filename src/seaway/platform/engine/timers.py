"""Looking at a task again after a while, though nothing happens before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from seaway.base.clock import Clock
from seaway.platform.engine.state import RunState


class Timers:
    """One timer a task: the earliest that was asked for.

    Args:
        clock: where time comes from.
        look: has a task of a run looked at.
    """

    def __init__(self, clock: Clock, look: Callable[[RunState, str], None]) -> None:
        self._clock, self._look = clock, look
        self._timers: dict[tuple[str, str], tuple[float, asyncio.Task[None]]] = {}

    def set(self, state: RunState, task: str, seconds: float) -> None:
        """Have a task looked at after so many seconds, or earlier."""
        key, at = (state.run.uid, task), self._clock.monotonic() + seconds
        known = self._timers.get(key)
        if known is not None and known[0] <= at:
            return
        if known is not None:
            known[1].cancel()
        self._timers[key] = (at, asyncio.create_task(self._later(state, task, seconds), name=f"timer {task}"))

    def drop(self, state: RunState) -> None:
        """Have no task of a run looked at any more."""
        for task in state.specs:
            if timer := self._timers.pop((state.run.uid, task), None):
                timer[1].cancel()

    def close(self) -> None:
        """Cancel them all."""
        for _, timer in self._timers.values():
            timer.cancel()

    async def _later(self, state: RunState, task: str, seconds: float) -> None:
        await self._clock.sleep(seconds)
        del self._timers[state.run.uid, task]
        self._look(state, task)
