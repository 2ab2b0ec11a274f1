"""The work queue: keys, each once, each by one worker at a time, now or later.

Source: client-go's workqueue (dirty and processing sets, delaying, per-item exponential back-off).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import deque

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff

BACKOFF = Backoff(initial=0.005, cap=60.0)
"""5 ms, doubling to a minute: a conflict is over at once, a broken dependency is not hammered."""


class QueueClosed(Exception):
    """The queue was closed while a worker waited."""


class WorkQueue:
    """Hands out keys. A key added while a worker holds it is handed out again after `done`, never to two at once."""

    def __init__(self, clock: Clock, backoff: Backoff = BACKOFF) -> None:
        self._clock, self._backoff = clock, backoff
        self._ready: deque[str] = deque()
        self._dirty: set[str] = set()
        self._held: set[str] = set()
        self._failures: dict[str, int] = {}
        self._later: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        self._pump: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return how many keys wait to be handed out now."""
        return len(self._ready)

    def add(self, key: str) -> None:
        """Want the key worked on, now. Adding it again before that changes nothing."""
        if self._closed or key in self._dirty:
            return
        self._due.pop(key, None)
        self._dirty.add(key)
        if key not in self._held:
            self._push(key)

    def add_after(self, key: str, seconds: float) -> None:
        """Want the key worked on after so many seconds, or sooner where it is already wanted sooner."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        if (
            self._closed
            or (key in self._dirty and key not in self._held)
            or self._due.get(key, due + 1) <= due
        ):
            return
        self._due[key] = due
        heapq.heappush(self._later, (due, key))
        if self._later[0][1] == key or self._pump is None:
            self._restart_pump()

    def retry(self, key: str) -> float:
        """Want the key worked on after its back-off, which doubles with each call; return the seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        seconds = self._backoff.delay(failures)
        self.add_after(key, seconds)
        return seconds

    def forget(self, key: str) -> None:
        """Start the key's back-off anew: it succeeded."""
        self._failures.pop(key, None)

    async def get(self) -> str:
        """Wait for a key and hold it until `done`. Raises QueueClosed."""
        while not self._ready:
            if self._closed:
                raise QueueClosed
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()
                raise
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._held.add(key)
        return key

    def done(self, key: str) -> None:
        """Let the key go; it is handed out again where it was added meanwhile."""
        self._held.discard(key)
        if key in self._dirty:
            self._push(key)

    async def close(self) -> None:
        """Stop handing out keys; waiting workers get QueueClosed."""
        self._closed = True
        self._ready.clear()
        self._later.clear()
        while self._waiting:
            self._wake()
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
            self._pump = None

    def _push(self, key: str) -> None:
        self._ready.append(key)
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _restart_pump(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        self._pump = asyncio.get_running_loop().create_task(self._run_pump())

    async def _run_pump(self) -> None:
        """Move keys that are due into the queue; ends when nothing is delayed."""
        while self._later:
            due, key = self._later[0]
            wait = due - self._clock.monotonic()
            if wait > 0:
                await self._clock.sleep(wait)
                continue
            heapq.heappop(self._later)
            if self._due.get(key) == due:
                del self._due[key]
                self.add(key)
        self._pump = None
