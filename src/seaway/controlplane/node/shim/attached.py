"""The callers attached to a container that has an input or a terminal: what they send reaches its program, what it writes reaches them.

They come over a socket in the container's folder, which outlives the agent as the shim does. A message is a byte that says
what it is, four bytes of length, and its data.
"""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
import termios
from contextlib import suppress

SOCKET = "attach.sock"
DATA, RESIZE, END, WANTS_INPUT = 0, 1, 2, 3
"""What a caller sends: input; width and height in characters, as text; the end of its input; that it will send some."""
STDOUT, STDERR = 1, 2
"""What it is sent."""
_HEAD = struct.Struct(">BI")
_CHUNK = 1 << 16
_MOST_UNSENT = 1 << 20
"""Bytes that a slow caller may be behind; then it is let go, for the program must not wait for it."""
_LAST_SECONDS = 1.0


def message(kind: int, data: bytes = b"") -> bytes:
    """Return one message."""
    return _HEAD.pack(kind, len(data)) + data


def parse(received: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Return the whole messages at the beginning of what came, and the rest."""
    found, at = [], 0
    while len(received) - at >= _HEAD.size:
        kind, length = _HEAD.unpack_from(received, at)
        end = at + _HEAD.size + length
        if len(received) < end:
            break
        found.append((kind, received[at + _HEAD.size : end]))
        at = end
    return found, received[at:]


class _Caller:
    """One attached caller."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = b""
        self.unsent = b""
        self.gives_input = False


class Attached:
    """All callers of one container.

    Args:
        folder: the container's, open; its path is not hidden yet.
        poll: of the shim; told what to wait for.
    """

    def __init__(self, folder: int, poll: select.poll) -> None:
        self._poll = poll
        self._callers: dict[int, _Caller] = {}
        self._input: int | None = None
        self._terminal: int | None = None
        self._once = False
        self._waiting = b""
        self._ending = False
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fchdir(folder)  # for a path may be longer than a socket's address can be
            self._listener.bind(SOCKET)
        finally:
            os.fchdir(before)
            os.close(before)
        self._listener.listen(16)
        poll.register(self._listener.fileno(), select.POLLIN)

    def serve(self, into: int | None, terminal: int | None, *, once: bool) -> None:
        """Say where input goes.

        Args:
            into: the program's input, not blocking, in nobody else's hands; None where it has none.
            terminal: the program's terminal; None where it has none.
            once: the input ends with the first caller that gave some (a terminal's never does).
        """
        self._input, self._terminal, self._once = into, terminal, once and terminal is None

    def handle(self, descriptor: int, event: int) -> None:
        """Do what is due on a descriptor that is ready."""
        if descriptor == self._listener.fileno():
            with suppress(OSError):  # the caller left again
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._callers[connection.fileno()] = _Caller(connection)
                self._poll.register(connection.fileno(), select.POLLIN)
        elif descriptor == self._input:
            self._pour()
        elif descriptor in self._callers:
            caller = self._callers[descriptor]
            if event & select.POLLOUT:
                self._send(caller, b"")
            if event & ~select.POLLOUT and descriptor in self._callers:
                self._receive(caller)

    def tell(self, stream: bytes, data: bytes) -> None:
        """Send what the program wrote to every caller."""
        if self._callers:
            sent = message(STDERR if stream == b"stderr" else STDOUT, data)
            for caller in list(self._callers.values()):
                self._send(caller, sent)

    def close(self) -> None:
        """Send what is left, and let every caller go."""
        for caller in list(self._callers.values()):
            with suppress(OSError):
                caller.connection.settimeout(_LAST_SECONDS)
                caller.connection.sendall(caller.unsent)
            caller.connection.close()
        self._listener.close()

    def _send(self, caller: _Caller, data: bytes) -> None:
        caller.unsent += data
        try:
            caller.unsent = caller.unsent[caller.connection.send(caller.unsent) :]
        except BlockingIOError:
            pass
        except OSError:
            self._let_go(caller)
            return
        if len(caller.unsent) > _MOST_UNSENT:
            self._let_go(caller)
            return
        self._wait_for(caller)

    def _wait_for(self, caller: _Caller) -> None:
        """Read a caller only while its input finds room; write it only what there is."""
        reading = 0 if self._waiting else select.POLLIN
        self._poll.modify(caller.connection.fileno(), reading | (select.POLLOUT if caller.unsent else 0))

    def _receive(self, caller: _Caller) -> None:
        try:
            data = caller.connection.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._let_go(caller)
            return
        messages, caller.received = parse(caller.received + data)
        for kind, content in messages:
            if kind == WANTS_INPUT:
                caller.gives_input = True
            elif kind == DATA and self._input is not None:
                self._waiting += content
            elif kind == END and caller.gives_input:
                self._end_input(caller)
            elif kind == RESIZE and self._terminal is not None:
                _resize(self._terminal, content)
        if self._waiting:
            self._pour()

    def _pour(self) -> None:
        """Give the program what waits for it."""
        if self._input is None:
            return
        try:
            if self._waiting:
                self._waiting = self._waiting[os.write(self._input, self._waiting) :]
        except BlockingIOError:
            pass
        except OSError:  # it reads no more
            self._waiting = b""
            self._close_input()
        if self._ending and not self._waiting:
            self._close_input()
        if self._input is not None:
            self._wait_for_input()
        for caller in self._callers.values():
            self._wait_for(caller)

    def _wait_for_input(self) -> None:
        assert self._input is not None, "asked before"
        with suppress(KeyError):
            self._poll.unregister(self._input)
        if self._waiting:
            self._poll.register(self._input, select.POLLOUT)

    def _end_input(self, caller: _Caller) -> None:
        caller.gives_input = False
        self._ending = self._ending or self._once
        self._pour()

    def _close_input(self) -> None:
        if self._input is not None:
            with suppress(KeyError):
                self._poll.unregister(self._input)
            os.close(self._input)
            self._input = None

    def _let_go(self, caller: _Caller) -> None:
        number = caller.connection.fileno()
        if number in self._callers:
            del self._callers[number]
            self._poll.unregister(number)
            caller.connection.close()
            if caller.gives_input:
                self._end_input(caller)


def _resize(terminal: int, content: bytes) -> None:
    with suppress(ValueError, OSError, struct.error):
        width, height = (int(number) for number in content.split())
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
