"""A command that runs in a container beside its program, its streams in our hands: the node's part of exec."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from contextlib import suppress
from dataclasses import dataclass, field

from seaway.controlplane.node.descriptors import read_some, write_all
from seaway.controlplane.node.forks import Answers
from seaway.controlplane.node.streaming.command import Failed

STDOUT, STDERR = "stdout", "stderr"


@dataclass(slots=True)
class Ends:
    """Both ends of a command's streams."""

    theirs: tuple[int, int, int]
    """The command's input, output and error."""
    stdin: int | None
    """Where its input is written to."""
    outputs: dict[str, int] = field(default_factory=dict)
    """Where its outputs are read from."""
    terminal: int | None = None
    """Our end of its terminal, which is then its input and output too."""

    def close_theirs(self) -> None:
        """Close the command's own ends, which it holds itself by now."""
        for descriptor in set(self.theirs):
            os.close(descriptor)

    def close_ours(self) -> None:
        """Close our ends."""
        for descriptor in {self.stdin, self.terminal, *self.outputs.values()} - {None}:
            assert descriptor is not None, "None was taken out"
            os.close(descriptor)
        self.stdin, self.terminal = None, None
        self.outputs.clear()


def open_ends(*, stdin: bool, terminal: bool) -> Ends:
    """Make a terminal, or pipes."""
    if terminal:
        ours, theirs = os.openpty()
        os.set_blocking(ours, False)
        return Ends((theirs, theirs, theirs), ours if stdin else None, {STDOUT: ours}, ours)
    out, out_theirs = os.pipe()
    err, err_theirs = os.pipe()
    if stdin:
        in_theirs, into = os.pipe()
        os.set_blocking(into, False)
    else:
        in_theirs, into = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC), None
    for descriptor in (out, err):
        os.set_blocking(descriptor, False)
    return Ends((in_theirs, out_theirs, err_theirs), into, {STDOUT: out, STDERR: err})


class CommandSession:
    """A running command. Close it: that ends the command, if it still runs."""

    def __init__(self, answers: Answers, ends: Ends) -> None:
        self._answers, self._ends = answers, ends
        self.outputs = tuple(ends.outputs)
        """The streams that can be read: a terminal has one."""

    async def read(self, stream: str) -> bytes:
        """Return what the command wrote to a stream next; nothing at its end."""
        return await read_some(self._ends.outputs[stream])

    async def write(self, data: bytes) -> None:
        """Give the command input; what nobody reads any more is dropped."""
        if self._ends.stdin is not None:
            with suppress(OSError):
                await write_all(self._ends.stdin, data)

    def end_input(self) -> None:
        """Tell the command that its input ends. A terminal's does not: whoever types sends the end."""
        if self._ends.stdin is not None and self._ends.terminal is None:
            os.close(self._ends.stdin)
            self._ends.stdin = None

    def resize(self, width: int, height: int) -> None:
        """Tell the command how large its terminal is, in characters."""
        if self._ends.terminal is not None:
            fcntl.ioctl(self._ends.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    async def wait(self) -> int:
        """Return the exit code when the command ended. Raises Failed."""
        answer = await self._answers.next()
        if answer is None:
            raise Failed("the command's supervisor ended without saying how the command did")
        if "error" in answer:
            raise Failed(str(answer["error"]))
        return int(answer["exit_code"])

    def close(self) -> None:
        """End the command and close its streams. Nobody may be reading, writing or waiting."""
        self._answers.close()
        self._ends.close_ours()
