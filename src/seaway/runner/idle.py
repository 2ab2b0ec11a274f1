"""Seeing that the program uses no CPU, and telling the server: with a log that says nothing it is a sign that it hangs."""

# ruff: noqa: PTH123, PTH208
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import time
from urllib.parse import quote

from seaway.runner.gateway import Gateway, GatewayError

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from seaway.runner.gpus import Gpus
    from seaway.runner.process import Program
    from seaway.runner.task import Task

IDLE_CORES = 0.02
"""A program that uses less of a core is idle: the garbage collector and the timers of an idle interpreter stay below."""
_ANSWER_SECONDS = 5.0
_LONGEST_WORD = 40


class Idle:
    """Looks each time it is asked; tells the server how long the program has been idle, and when it is no more.

    Args:
        task: whose program it is.
        program: what is looked at.
        began: when it was started, in seconds of the monotonic clock.
    """

    def __init__(self, task: Task, program: Program, began: float) -> None:
        self._gateway = Gateway(task.gateway, task.ca, task.token, timeout=_ANSWER_SECONDS)
        self._path = f"/gateway/v1/runs/{quote(task.run)}/tasks/{quote(task.name)}/idle?fence={task.fence}"
        self._enough = min(30.0, task.hung_seconds / 4) if task.hung_seconds else 30.0
        self._program = program
        self._at = began
        self._spent: float | None = (
            0.0  # what was spent before it began counts for its first look: it is no less busy for it
        )
        self._since: float | None = None
        self._told = False
        self._gpus = _gpus() if task.gpus else None
        self._unused: float | None = None
        self._unused_told = False

    def look(self) -> None:
        """Look once. Where the system does not say what processes use, nothing is told."""
        self._look_at_gpus(time.monotonic())
        self._look_at_cpu()

    def _look_at_gpus(self, now: float) -> None:
        if self._gpus is None or not self._gpus.seen:
            return
        if self._gpus.used():
            self._unused = None
            if self._unused_told:
                self._unused_told = not self._tell_gpus(0.0)
            return
        self._unused = now if self._unused is None else self._unused
        if now - self._unused >= self._enough:
            self._unused_told = self._tell_gpus(now - self._unused) or self._unused_told

    def _look_at_cpu(self) -> None:
        now, spent = time.monotonic(), spent_below(os.getpid())
        before, earlier = self._at, self._spent
        self._at, self._spent = now, spent
        if spent is None or earlier is None or now <= before:
            return
        if (spent - earlier) / (now - before) >= IDLE_CORES:
            self._since = None
            if self._told:
                self._told = not self._tell(0.0)
            return
        self._since = before if self._since is None else self._since
        if now - self._since >= self._enough:
            self._told = self._tell(now - self._since) or self._told

    def _tell(self, seconds: float) -> bool:
        word = waits_in(self._program.group) if seconds else ""
        return self._put(f"&seconds={seconds:.1f}&waits_in={word}")

    def _tell_gpus(self, seconds: float) -> bool:
        return self._put(f"&gpu_seconds={seconds:.1f}")

    def _put(self, query: str) -> bool:
        try:
            self._gateway.put(f"{self._path}{query}", _nothing, patience=0.0)
        except GatewayError:  # the next look tells it again
            return False
        return True


def _gpus() -> Gpus:
    from seaway.runner.gpus import Gpus  # few programs have any

    return Gpus(os.environ)


def spent_below(root: int) -> float | None:
    """Return the CPU seconds of all processes below one, those that ended included; None where the system does not say."""
    try:
        names = os.listdir("/proc")
        ticks = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return None
    children: dict[int, list[int]] = {}
    times: dict[int, tuple[int, int]] = {}
    for name in names:
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        own, waited = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
        children.setdefault(int(fields[1]), []).append(int(name))
        times[int(name)] = (own, waited)
    if root not in times:
        return None
    total, waiting = times[root][1], list(children.get(root, ()))
    while waiting:
        process = waiting.pop()
        total += sum(times[process])
        waiting += children.get(process, ())
    return total / ticks


def waits_in(process: int) -> str:
    """Return the kernel's function that a process sleeps in, "" where it does not say."""
    try:
        with open(f"/proc/{process}/wchan", encoding="ascii", errors="replace") as file:
            word = file.read().strip()
    except OSError:
        return ""
    return word[:_LONGEST_WORD] if word.replace("_", "").isalnum() and word != "0" else ""


def _nothing(_: object) -> None:
    """Send no body."""
