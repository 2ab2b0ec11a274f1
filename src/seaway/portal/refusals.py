"""How many wrong tokens one address may send: guessing one takes for ever anyway, this keeps the noise from the database."""

from __future__ import annotations

from collections import OrderedDict

from seaway.base.clock import Clock

BURST = 20
"""Wrong tokens in a row that are looked up at once."""
REFILL_SECONDS = 3.0
"""After which one more is."""
MOST_ADDRESSES = 10_000
MOST_GOOD = 1_000


class Refusals:
    """Counts the wrong tokens of each address.

    Several people may share an address: whoever's token was good lately is let through while others are held back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._full_again: OrderedDict[str, float] = OrderedDict()
        """When an address may send BURST wrong tokens again."""
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def seconds_to_wait(self, address: str, token: bytes) -> float:
        """Return how long an address has to wait before a token of it is looked up; 0 for not at all.

        Args:
            address: of the client.
            token: its digest.
        """
        if token in self._good:
            return 0.0
        owed = self._full_again.get(address, 0.0) - self._clock.monotonic()
        return max(0.0, owed - (BURST - 1) * REFILL_SECONDS)

    def was_wrong(self, address: str, token: bytes) -> None:
        """Remember a wrong token."""
        self._good.pop(token, None)
        now = self._clock.monotonic()
        self._full_again[address] = max(now, self._full_again.pop(address, now)) + REFILL_SECONDS
        while len(self._full_again) > MOST_ADDRESSES:
            self._full_again.popitem(last=False)

    def was_good(self, token: bytes) -> None:
        """Remember a good token."""
        self._good[token] = None
        self._good.move_to_end(token)
        while len(self._good) > MOST_GOOD:
            self._good.popitem(last=False)
