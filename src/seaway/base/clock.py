"""Time as a parameter: a clock that runs, a clock that a test moves, and RFC 3339 text."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Where code that must not know the real time asks for it."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards; only differences mean something."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds; at the next turn of the loop for zero or less."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        await asyncio.sleep(max(0.0, seconds))


def boot_id() -> str | None:
    """Return which start of which machine this is: processes that see the same have one monotonic clock. None where no Linux says it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:  # no Linux
        return None


class ManualClock:
    """A clock that stands still until it is told to advance. For tests.

    Args:
        start: what `now` says at first, in seconds since the epoch.
    """

    def __init__(self, start: float = 1_767_323_045.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Return the start plus everything advanced, and what the clock was set by."""
        return self._start + self._elapsed

    def monotonic(self) -> float:
        """Return everything advanced."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    @property
    def sleepers(self) -> int:
        """How many wait in `sleep`."""
        return sum(not future.done() for _, _, future in self._sleepers)

    def set_by(self, seconds: float) -> None:
        """Set the time of day, forward or back: nobody's sleep is longer or shorter for it."""
        self._start += seconds

    def advance(self, seconds: float) -> None:
        """Move on, and wake in order whoever has slept long enough."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)


class Every:
    """Tells when something is due that is done every so many seconds, for the first time so long after it was first asked.

    Args:
        clock: measures.
        seconds: between two times.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._at: float | None = None

    def is_due(self) -> bool:
        """Tell whether it is to be done now; whoever is told so does it."""
        now, at = self._clock.monotonic(), self._at
        if at is not None and now < at:
            return False
        self._at = now + self._seconds
        return at is not None

    def left(self) -> float:
        """Return the seconds until it is due."""
        return self._seconds if self._at is None else max(0.0, self._at - self._clock.monotonic())


def rfc3339(epoch: float) -> str:
    """Write a time in whole seconds, as Kubernetes' `Time`: 2026-01-02T03:04:05Z."""
    return _whole_second(int(epoch))


@lru_cache(maxsize=256)
def _whole_second(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(epoch: float) -> str:
    """Write a time with six decimals, as Kubernetes' `MicroTime`."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rfc3339_nano(nanoseconds: int) -> str:
    """Write nanoseconds since the epoch with nine decimals, as the lines of a container's log have them."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{rest:09d}Z"


def parse_rfc3339(text: str) -> float:
    """Read an RFC 3339 time, of any precision, as seconds since the epoch.

    Raises:
        ValueError: the text is not a time with an offset; the message shows the right form.
    """
    wrong = f"{text!r} is not an RFC 3339 time; write it like 2026-01-02T03:04:05Z"
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(wrong) from None
    if time_.tzinfo is None:
        raise ValueError(wrong)
    return time_.timestamp()
