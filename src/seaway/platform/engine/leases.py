"""When each attempt was last heard of: an attempt that keeps a lease ends its program by itself when nobody hears of it."""

from __future__ import annotations

from seaway.base.clock import Clock

ENDS_AFTER = 2.0
"""After so many leases without word the program has ended: `seaway.runner.lease` says how that time is spent."""


class Leases:
    """Renewals of the attempts' leases, in memory: whoever begins to lead counts from then on.

    Args:
        clock: only its monotonic time counts, which nobody sets.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._heard: dict[str, float] = {}

    def renew(self, pod: str) -> None:
        """Take note that an attempt was heard of and told to go on."""
        self._heard[pod] = self._clock.monotonic()

    def forget(self, pod: str) -> None:
        """Drop an attempt that has ended."""
        self._heard.pop(pod, None)

    def silence(self, pod: str) -> float:
        """Return for how many seconds an attempt has not been heard of, by this server."""
        return self._clock.monotonic() - self._heard.get(pod, self._began)
