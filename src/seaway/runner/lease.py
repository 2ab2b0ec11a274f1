"""The lease: an attempt that cannot reach its server for too long ends its program, because another one may begin."""

from __future__ import annotations

import threading
import time
from urllib.parse import quote

from seaway.runner.gateway import PATIENCE, Gateway, GatewayError
from seaway.runner.process import Program
from seaway.runner.report import StageFailed, say
from seaway.runner.task import Task

_FINAL = (401, 403, 404, 409, 410)
"""Answers of a server that does not want this attempt to go on."""


class Lease:
    """Keeps an attempt's lease while its program runs.

    The server waits twice the lease after the last renewal that it granted before it starts the next attempt. Of that, one
    lease passes here before the program is told to end; a request under way and the program's grace take a quarter of a
    lease each at most, and a quarter is left for clocks that do not run alike. Where that time is over already because the
    machine stood still, the program does nothing until the server has answered, and ends without grace.

    Args:
        task: whose lease it is; `task.lease_seconds` is not 0.
        program: what is ended when the lease is lost.
    """

    def __init__(self, task: Task, program: Program) -> None:
        self._seconds = task.lease_seconds
        self._gateway = Gateway(task.gateway, task.ca, task.token, timeout=min(60.0, self._seconds / 4))
        self._path = f"/gateway/v1/runs/{quote(task.run)}/tasks/{quote(task.name)}/lease?fence={task.fence}"
        self._program = program
        self._until = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)
        self.lost = ""
        """Why it was lost, "" while it is held."""

    def take(self) -> None:
        """Take the lease before the program is started: an attempt that came late finds that another one has begun.

        Raises:
            StageFailed: it was refused, or the server cannot be reached.
        """
        try:
            self._renew(PATIENCE)
        except GatewayError as error:
            raise StageFailed("lease", f"the program was not started: {error}") from error

    def keep(self) -> None:
        """Renew the lease from now on, in a thread of its own: nothing that the runner does holds it up."""
        self._thread.start()

    def let_go(self) -> None:
        """Stop renewing; the program has ended."""
        self._ended.set()
        self._thread.join()

    def _renew(self, patience: float) -> None:
        sent = 0.0

        def begin(_: object) -> None:
            nonlocal sent
            sent = _now()  # of the try that was answered; the server counts from a later moment

        self._gateway.put(self._path, begin, patience=patience)
        self._until = sent + self._seconds

    def _keep(self) -> None:
        pause = self._seconds / 6
        while not self._ended.wait(min(pause, max(0.05, self._until - _now()))):
            over = _now() >= self._until
            if over:  # nothing ran here for a while, and another attempt may have begun
                self._program.hold()
            try:
                self._renew(0.0)
                if over:
                    self._program.go_on()
                pause = self._seconds / 6
            except GatewayError as error:
                pause = self._seconds / 20
                if error.status in _FINAL:
                    self._lose(f"the server no longer wants this attempt: {error}")
                    return
                if _now() >= self._until:
                    self._lose(
                        f"the server could not be reached for {self._seconds:g} s ({error}), and may have given up waiting"
                    )
                    return

    def _lose(self, why: str) -> None:
        self.lost = why
        say(f"the program is being stopped: {why}")
        self._program.stop(grace_left(_now() - self._until, self._seconds), self._ended)


def grace_left(over: float, lease: float) -> float:
    """Return how many seconds a program may take to end: none where another attempt may have begun.

    Args:
        over: for how many seconds its lease has been over, less than 0 where it is not.
        lease: how long the lease is.
    """
    return max(0.0, min(30.0, lease / 4, lease / 2 - over))


def _now() -> float:
    """Return seconds that also pass while the machine sleeps, where the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
