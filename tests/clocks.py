"""A clock that runs, and that a test sets."""

from __future__ import annotations

from seaway.base.clock import SystemClock


class SetClock(SystemClock):
    """A clock that somebody sets, forward or back."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """Return seconds since the epoch, as it was set."""
        return super().now() + self.ahead
