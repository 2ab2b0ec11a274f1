"""The control socket: where a program tells its runner to save the checkpoint now."""

# ruff: noqa: PTH101, PTH108, PTH118, PTH120
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os

from seaway.runner.gateway import GatewayError
from seaway.runner.report import say

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    import socket as sockets
    from collections.abc import Callable
else:
    try:  # the same sockets without selectors and enumerations
        import _socket as sockets
    except ImportError:
        import socket as sockets

_LONGEST_PATH = 100
"""Bytes of a socket's path: Linux takes 107, macOS 103. Linux also takes longer ones, by way of an open folder."""
_ANSWER_SECONDS = 5.0


class Control:
    """A Unix socket that answers each connection with one line of JSON once the checkpoint is saved.

    Nothing is read from it, so that no program can hold the runner up by not sending.

    Args:
        folder: where the socket is made; only its owner may enter it.
        save: saves the checkpoint; raises GatewayError, OSError or ValueError where it cannot.
    """

    def __init__(self, folder: str, save: Callable[[], None]) -> None:
        self._save = save
        self._path = os.path.join(folder, "control.sock")
        self._listener: sockets.socket | None = None

    @property
    def path(self) -> str:
        """Where the socket is, "" where there is none."""
        return self._path if self._listener is not None else ""

    def open(self) -> None:
        """Listen. Where that is not possible it is said, and the program hears of it when it asks."""
        listener = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        try:
            if os.path.lexists(self._path):  # of a container before this one
                os.unlink(self._path)
            self._bind(listener)
            os.chmod(self._path, 0o600)
            listener.listen(16)
        except OSError as error:
            listener.close()
            say(f"checkpoint: seaway.checkpoint() cannot be used: {error}")
            return
        listener.setblocking(False)
        self._listener = listener

    def _bind(self, listener: sockets.socket) -> None:
        if len(os.fsencode(self._path)) <= _LONGEST_PATH:
            listener.bind(self._path)
            return
        folder = os.open(os.path.dirname(self._path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            listener.bind(f"/proc/self/fd/{folder}/control.sock")
        finally:
            os.close(folder)

    def descriptors(self) -> list[int]:
        """Return what is readable when a program asks."""
        return [self._listener.fileno()] if self._listener is not None else []

    def serve(self) -> None:
        """Save once, and answer all who ask by then."""
        import socket  # late: most programs never ask

        assert self._listener is not None
        waiting: list[socket.socket] = []
        with socket.socket(fileno=os.dup(self._listener.fileno())) as listener:
            while True:
                try:
                    waiting.append(listener.accept()[0])
                except (BlockingIOError, ConnectionAbortedError):
                    break
        if not waiting:
            return
        answer = self._answer()
        for connection in waiting:
            with connection:
                connection.settimeout(_ANSWER_SECONDS)
                try:
                    connection.sendall(answer)
                except OSError:  # it has ended meanwhile
                    continue

    def _answer(self) -> bytes:
        import json

        try:
            self._save()
        except (GatewayError, OSError, ValueError) as error:
            return json.dumps({"saved": False, "error": str(error)}).encode() + b"\n"
        return b'{"saved": true}\n'
