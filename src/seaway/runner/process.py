"""The program: started as a process group of its own, told every signal, waited for."""

# ruff: noqa: PTH110, PTH112
# ruff: noqa: PTH118
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import select
import sys
import time

from seaway.runner.files import find_program
from seaway.runner.report import Stopped

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    import signal
    import threading
    from collections.abc import Callable, Mapping

    from seaway.runner.control import Control
else:
    try:  # the same functions without the enumerations
        import _signal as signal
    except ImportError:
        import signal

_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_HURRY = 2.0
"""Seconds between saves once the program was told to end."""
_MOMENT = 2.0
_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in which the system counts memory."""
COMMAND_NOT_FOUND = 127
COMMAND_NOT_EXECUTABLE = 126


class CannotStart(Exception):
    """The command is not there or cannot be executed; carries the code to exit with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Program:
    """The user's program and the signals meant for it.

    Before it is started, a signal raises `Stopped`, so that the pod ends at once. While it runs, a signal goes to its
    process group. After that signals are ignored: what it left is being committed, and the grace period bounds that.
    """

    def __init__(self) -> None:
        self._group = 0
        self.peak = 0
        """The most bytes that one of its processes had in memory; known when it has ended."""
        self.was_killed = False
        """A signal ended it; known when it has ended."""
        self._ended = self._asked = False
        self._wake, self._waker = os.pipe()
        for descriptor in (self._wake, self._waker):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _FORWARDED:
            signal.signal(number, self._forward)

    @property
    def group(self) -> int:
        """Return the program's process id, which is also that of its group; 0 before it is started."""
        return self._group

    def start(self, command: list[str], folder: str, environ: Mapping[str, str]) -> None:
        """Start a command in a folder.

        Raises:
            CannotStart: it is not there or cannot be executed.
            Stopped: the pod was asked to end.
        """
        program = _locate(command[0], environ.get("PATH", os.defpath), folder)
        if not os.path.isdir(folder):
            raise CannotStart(f"the folder {folder} is missing", COMMAND_NOT_EXECUTABLE)
        os.chdir(folder)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
        try:
            self._group = os.posix_spawn(
                program,
                command,
                dict(environ),
                setpgroup=0,
                setsigmask=blocked,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except OSError as error:
            raise CannotStart(
                f"{command[0]} cannot be executed: {error.strerror}", COMMAND_NOT_EXECUTABLE
            ) from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def wait(
        self, every: float, periodically: Callable[[], None], control: Control, soon: Callable[[], None]
    ) -> int:
        """Wait until the program ends and return its code, 128 + n where signal n ended it.

        Args:
            every: seconds between calls of `periodically`.
            periodically: work to do while the program runs.
            control: where the program may ask for something meanwhile.
            soon: called once where the program runs for a moment: what is brief needs none of it.
        """
        due, moment = time.monotonic() + every, time.monotonic() + _MOMENT
        asking = control.descriptors()
        while True:
            process, status, spent = os.wait4(-1, os.WNOHANG)
            if process and process != self._group:  # as process 1 of a container it also gets orphans
                continue
            if process:
                self._ended = True
                self.peak = spent.ru_maxrss * _UNIT
                code = os.waitstatus_to_exitcode(status)
                self.was_killed = code < 0
                return code if code >= 0 else 128 - code
            left = min(due, moment) - time.monotonic()
            ready = select.select([self._wake, *asking], [], [], max(0.0, left))[0]
            self._drain()
            if ready and ready != [self._wake]:
                control.serve()
            if self._asked:  # it may be killed when its grace is over
                every, due = min(every, _HURRY), min(due, time.monotonic() + _HURRY)
            if time.monotonic() >= moment:
                moment = float("inf")
                soon()
            if time.monotonic() >= due:
                periodically()
                due = time.monotonic() + every

    def hold(self) -> None:
        """Have the program do nothing until it is to go on, or is stopped."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a program go on that was held."""
        self._signal(signal.SIGCONT)

    def stop(self, grace: float, ended: threading.Event) -> None:
        """End the program from another thread: SIGTERM first, SIGKILL where it has not ended after `grace` seconds."""
        if grace > 0:
            self._signal(signal.SIGTERM)
            self.go_on()
        if not ended.wait(grace):
            self._signal(signal.SIGKILL)

    def _drain(self) -> None:
        try:
            while os.read(self._wake, 512):
                continue
        except BlockingIOError:
            return

    def _forward(self, number: int, _frame: object) -> None:
        if self._ended:
            return
        if not self._group:
            raise Stopped(number)
        self._asked = self._asked or number in (signal.SIGTERM, signal.SIGINT)
        self._signal(number)

    def _signal(self, number: int) -> None:
        if self._ended:
            return
        try:
            os.killpg(self._group, number)
        except ProcessLookupError:  # it has just ended
            return


def _locate(name: str, path: str, folder: str) -> str:
    program = find_program(name, path, folder)
    if program is None and name == "python":
        program = find_program("python3", path, folder) or sys.executable
    if program is not None:
        return program
    place = os.path.join(folder, name)
    if "/" in name and os.path.exists(place):
        raise CannotStart(f"{name} is not executable", COMMAND_NOT_EXECUTABLE)
    raise CannotStart(f"{name}: command not found", COMMAND_NOT_FOUND)
