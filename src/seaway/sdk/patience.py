"""Asking again where a network or a server is away for a while: how long, how often, and what may be asked twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from seaway.sdk.errors import ConnectionBroken, SeawayError, ServerUnreachable
from seaway.sdk.transport import AWAY

PAUSE = 0.3
"""Seconds between two tries."""
SAID_AFTER = 2.0
"""Seconds that a server may be away before that is said."""

T = TypeVar("T")


class Patience:
    """Waits for one server.

    Args:
        seconds: how long it may be away.
        say: is told, once each time, that it is waited for.
        is_replaced: whether one that does not answer now did so before, and is one of several that stand for each other.
    """

    def __init__(self, seconds: float, say: Callable[[str], None], is_replaced: Callable[[], bool]) -> None:
        self.seconds = seconds
        self._say, self._is_replaced = say, is_replaced

    def surely(self, ask: Callable[[], T]) -> T:
        """Ask; where the connection breaks before the answer, ask again. For what may arrive twice."""
        try:
            return ask()
        except SeawayError as error:
            if not (isinstance(error, ConnectionBroken) or (is_away(error) and self._is_replaced())):
                raise
            return self.patiently(ask)

    def patiently(self, ask: Callable[[], T]) -> T:
        """Ask again while the server is away."""
        began, said = time.monotonic(), False
        while True:
            try:
                return ask()
            except SeawayError as error:
                away = time.monotonic() - began
                if not is_away(error) or away + PAUSE > self.seconds:
                    raise
                if away > SAID_AFTER and not said:
                    said = True
                    self._say(f"{error.message}; waiting for it, for {self.seconds:g} s at most")
                self.pause()

    def pause(self) -> None:
        """Wait until the next try."""
        time.sleep(PAUSE)


class Progress:
    """Whether something that goes on where it broke still comes forward."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._reached, self._at = -1, time.monotonic()

    def broke(self, reached: int, error: SeawayError) -> None:
        """Pause before the next try.

        Args:
            reached: how much is there by now.
            error: raised where there has been no more for as long as the patience lasts.
        """
        if reached > self._reached:
            self._reached, self._at = reached, time.monotonic()
        elif time.monotonic() - self._at > self._patience.seconds:
            raise error
        self._patience.pause()


def is_away(error: SeawayError) -> bool:
    """Return whether the server may be there again in a moment."""
    return isinstance(error, ServerUnreachable) or error.status in AWAY
