"""Starts what a set of controllers needs, in order, and stops it in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from seaway.base.tasks import Services
from seaway.reconcile.informer import Informers
from seaway.reconcile.recorder import EventRecorder


class Runnable(Protocol):
    """Whatever runs until cancelled and says when it works: controllers, the scheduler, a node."""

    name: str

    async def run(self, ready: Callable[[], None]) -> None:
        """Run until cancelled; call `ready` once."""
        ...


class Manager:
    """Informers first, then recorders, then everything else one after the other."""

    def __init__(
        self, informers: Informers, runnables: Sequence[Runnable], recorders: Sequence[EventRecorder] = ()
    ) -> None:
        self._informers, self._runnables, self._recorders = informers, tuple(runnables), tuple(recorders)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run all until cancelled; `ready` is called when all are ready. A part that dies ends the whole."""
        async with Services() as services:
            await services.start("informers", self._informers.run)
            for recorder in self._recorders:
                await services.start(f"event recorder of {recorder.component}", recorder.run)
            for runnable in self._runnables:
                await services.start(runnable.name, runnable.run)
            ready()
            await asyncio.Event().wait()
