"""A TCP forwarder that a test can cut, silence or point elsewhere: the network between two real programs."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable

_PORTION = 1 << 16


class Forwarder:
    """Listens on a free port of 127.0.0.1 and carries bytes to and from a target, until it is closed.

    Args:
        target: host and port; None for none yet: connections are refused then.
        watch: called with what a client sends; where it returns true, this is still carried to the target, but the
            answer is withheld and the connection cut.
    """

    def __init__(
        self, target: tuple[str, int] | None = None, watch: Callable[[bytes], bool] = lambda _: False
    ) -> None:
        self.target = target
        """New connections go there."""
        self._watch = watch
        self._silent = False
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, name="forwarder")
        self._accepting.start()

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self.target = None
        self.break_all()

    def break_all(self) -> None:
        """Break all connections."""
        with self._lock:
            for pair in self._pairs:
                for one in pair:
                    with contextlib.suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        """Carry nothing any more, and say nothing of it: what a network that drops packets looks like."""
        self._silent = True

    def restore(self, target: tuple[str, int]) -> None:
        """Carry new connections again; those of before are broken, for what was sent on them is lost."""
        self._silent = False
        self.break_all()
        self.target = target

    def close(self) -> None:
        """End everything."""
        self._silent = False
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.break_all()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            target = self.target
            try:
                if target is None:
                    raise ConnectionRefusedError
                server = socket.create_connection(target, 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = (client, server)
            with self._lock:
                self._pairs.add(pair)
            thread = threading.Thread(target=self._carry, args=pair, name="forwarder connection")
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        try:
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(_PORTION)
                    if not data:
                        return
                    if self._silent:
                        continue
                    if source is client and self._watch(data):
                        server.sendall(data)
                        server.recv(_PORTION)
                        return
                    (server if source is client else client).sendall(data)
        except OSError:
            return
        finally:
            with self._lock:
                self._pairs.discard((client, server))
            client.close()
            server.close()
