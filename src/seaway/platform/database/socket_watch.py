"""A limit for waits that the database driver has none for: an answer that never comes."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 0.5


class SocketWatch:
    """Breaks connections on which one piece of work takes too long; the driver then finds them closed.

    A network that drops packets, or a stopped server, leaves a reader waiting that no timeout of the server's ends.

    Args:
        seconds: how long one piece of work may take.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._watched: dict[object, tuple[float, socket.socket]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def work(self, seconds: float | None = None) -> Iterator[Callable[[int], None]]:
        """Limit what happens in the block; call what it gives with the file descriptor of the connection's socket.

        Args:
            seconds: how long it may take; None for the usual.
        """
        key, limit = object(), self._seconds if seconds is None else seconds

        def begin(descriptor: int) -> None:
            self._forget(key)
            # a copy of the descriptor: the driver may close its own, and the number may be given to another file
            watched = socket.socket(fileno=os.dup(descriptor))
            with self._lock:
                self._watched[key] = (time.monotonic() + limit, watched)

        try:
            yield begin
        finally:
            self._forget(key)

    async def run(self) -> None:
        """Look for overdue work until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.break_overdue(time.monotonic())

    def break_overdue(self, now: float) -> None:
        """Break the connections whose work should have ended by `now`, of the monotonic clock."""
        with self._lock:
            for deadline, watched in self._watched.values():
                if deadline <= now:
                    _shut_down(watched)

    def break_all(self) -> None:
        """Break all connections that work."""
        self.break_overdue(float("inf"))

    def _forget(self, key: object) -> None:
        with self._lock:
            found = self._watched.pop(key, None)
        if found is not None:
            found[1].close()


def _shut_down(watched: socket.socket) -> None:
    try:
        watched.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed by the other side already
        return
