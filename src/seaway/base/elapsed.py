"""How long ago something happened of which only the time of day is known: clocks of machines are set, and run on in their sleep."""

from __future__ import annotations

import math
from collections.abc import Callable

from seaway.base.clock import Clock

Since = Callable[[float], float]
"""The seconds since a time that is given in seconds since the epoch."""


class Elapsed:
    """Measures for whoever waits until something is long enough ago.

    The time of day counts once, when it is asked for the first time; from then on the monotonic clock does. So nothing
    is early or late because the clock was set meanwhile, forward or back, or because the machine slept.

    Args:
        clock: where time comes from.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[str, dict[float | str, float]] = {}

    def since(self, owner: str, at: float, *, within: float = math.inf) -> float:
        """Return the seconds since a time; 0 for one that lay in the future when it was asked for first.

        Args:
            owner: whose time it is, by which it is forgotten.
            at: in seconds since the epoch.
            within: it cannot be longer ago than so many seconds, whatever the clock says.
        """
        return self._since(owner, at, lambda: min(within, max(0.0, self._clock.now() - at)))

    def since_seen(self, owner: str, what: str) -> float:
        """Return the seconds since something of an owner was asked for first."""
        return self._since(owner, what, lambda: 0.0)

    def take_up(self, owner: str, at: float, monotonic: float) -> None:
        """Go on measuring from a time that an earlier process measured by the same monotonic clock, unless it was asked for before.

        Args:
            owner: whose time it is.
            at: in seconds since the epoch, as it is asked for.
            monotonic: when that was by the monotonic clock.
        """
        self._began.setdefault(owner, {}).setdefault(at, monotonic)

    def forget(self, owner: str) -> None:
        """Drop all times of an owner."""
        self._began.pop(owner, None)

    def _since(self, owner: str, key: float | str, before: Callable[[], float]) -> float:
        now, known = self._clock.monotonic(), self._began.setdefault(owner, {})
        if key not in known:
            known[key] = now - before()
        return now - known[key]
