"""A network that breaks, for tests: connections to a server that are cut where the test says, or not let through at all."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHUNK = 16 * 1024


class FlakyNetwork:
    """Passes bytes on between clients and one server.

    Args:
        server: host and port.
    """

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._accept, name="flaky network")
        self._each: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.limits: list[tuple[str, int]] = []
        """How the next connections end: ("up" or "down", after so many bytes in that direction). Later ones do not."""
        self.away = False
        """Whether connections are refused before a byte is sent."""
        self.connections = 0
        """How many were accepted."""

    @property
    def port(self) -> int:
        """Where clients connect to, on 127.0.0.1."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Break every connection that is open now."""
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def start(self) -> None:
        """Let connections through from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End all."""
        self._over.set()
        self.cut()
        self._thread.join(20)
        for thread in self._each:
            thread.join(20)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            if not select.select([self._listener], [], [], 0.05)[0]:
                continue
            client, _ = self._listener.accept()
            self.connections += 1
            if self.away:
                client.close()
                continue
            limit = self.limits.pop(0) if self.limits else ("", 0)
            thread = threading.Thread(target=self._pass_on, args=(client, *limit), name="flaky connection")
            self._each.append(thread)
            thread.start()

    def _pass_on(self, client: socket.socket, cut: str, after: int) -> None:
        with client, socket.create_connection(self._server) as server:
            with self._lock:
                self._open |= {client, server}
            left = {client: after if cut == "up" else None, server: after if cut == "down" else None}
            with contextlib.suppress(OSError):
                self._copy(client, server, left)
            with self._lock:
                self._open -= {client, server}

    def _copy(
        self, client: socket.socket, server: socket.socket, left: dict[socket.socket, int | None]
    ) -> None:
        other = {client: server, server: client}
        while not self._over.is_set():
            for source in select.select([client, server], [], [], 0.05)[0]:
                room = left[source]
                data = source.recv(CHUNK if room is None else min(CHUNK, max(room, 1)))
                if not data or (room is not None and room <= 0):
                    return
                other[source].sendall(data)
                if room is not None:
                    left[source] = room - len(data)


@contextmanager
def flaky_network(url: str) -> Iterator[FlakyNetwork]:
    """Put a network that breaks before the server of a URL."""
    parts = urlsplit(url)
    network = FlakyNetwork((parts.hostname or "", parts.port or 443))
    network.start()
    try:
        yield network
    finally:
        network.stop()
