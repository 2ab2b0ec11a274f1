"""What an attempt uses of what it may: memory, cores, GPUs, disk. Told to the server now and then, and in the log before memory ends."""

from __future__ import annotations

import os
import threading
import time
from urllib.parse import quote

from seaway.runner import memory
from seaway.runner.gateway import Gateway, GatewayError
from seaway.runner.idle import spent_below
from seaway.runner.report import note_peak, say

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from seaway.runner.gpus import Gpus
    from seaway.runner.process import Program
    from seaway.runner.scratch import Scratch
    from seaway.runner.task import Task

EVERY = 2.0
"""Seconds between two looks at the memory, and at least so many times as long as a look takes."""
_SHARE = 300
_SOONEST, _LATEST = 5.0, 30.0
"""Seconds between two words to the server: where memory has changed much, and where it has not."""
_MUCH = 50
"""The part of its limit (of itself, where it has none) by which memory changes much."""
_ANSWER_SECONDS = 5.0
FULL = 0.9
"""The part of its limit from which on a program is warned."""
_NOTED = 0.5
"""The part of its limit from which on the most memory is written down: the program may be killed at any time, this one with it."""


class Usage:
    """Looks after what a program uses while it runs, in a thread of its own.

    Args:
        task: whose limits hold.
        program: what is looked at.
        scratch: what looks after its room on the disk, None where that has no limit.
    """

    def __init__(self, task: Task, program: Program, scratch: Scratch | None) -> None:
        self._gateway = Gateway(task.gateway, task.ca, task.token, timeout=_ANSWER_SECONDS)
        self._path = f"/gateway/v1/runs/{quote(task.run)}/tasks/{quote(task.name)}/usage?fence={task.fence}"
        self._grows, self._scratch = task.memory_grows, scratch
        embedded = "SEAWAY_TERMINATION_LOG" in os.environ
        self._group = memory.own_group(program.group, embedded=embedded)
        measures = self._group is not None or embedded
        self._asked = (
            task.memory_bytes if measures else 0
        )  # only Seaway's own node ends by what processes map
        self._gpus = _gpus() if task.gpus else None
        self._at, self._spent = time.monotonic(), spent_below(os.getpid())
        self._said: int | None = None
        """The memory that the server was told last."""
        self._said_at = self._at - _LATEST + _SOONEST
        self._warned = False
        self._noted = 0
        self.peak = 0
        """The most bytes of memory that were seen in use."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="usage", daemon=True)

    @property
    def is_exact(self) -> bool:
        """Whether the kernel says what is in use, and leaves out what it keeps of files; else what processes map counts."""
        return self._group is not None

    def keep(self) -> None:
        """Look from now on."""
        self._thread.start()

    def let_go(self) -> None:
        """Stop looking; the program has ended. A word to the server that is under way holds nothing up."""
        self._ended.set()

    def look(self) -> None:
        """Look once, and tell what is worth it."""
        used, limit = self._measure(), self._limit()
        if not used:  # this system does not say it
            return
        self.peak = max(self.peak, used)
        if limit and used >= FULL * limit and not self._warned:
            self._warned = True
            say(warning(used, limit, self._grows))
        if self._group is not None and limit and self.peak >= _NOTED * limit:
            self._note(limit)
        now = time.monotonic()
        if is_news(used, self._said, limit, now - self._said_at):
            self._tell(used, limit, now)

    def _watch(self) -> None:
        pause = EVERY
        while not self._ended.wait(pause):
            began = time.monotonic()
            self.look()
            pause = max(EVERY, _SHARE * (time.monotonic() - began))

    def _measure(self) -> int:
        found = self._group.used() if self._group is not None else None
        return found if found is not None else memory.of_processes([os.getpid(), *memory.below(os.getpid())])

    def _limit(self) -> int:
        """Return the limit that memory is held to; it may have been changed meanwhile."""
        return (self._group.limit() if self._group is not None else 0) or self._asked

    def _note(self, limit: int) -> None:
        """Leave the most memory in the pod's status: whoever ends the program for its memory ends this process too."""
        if self.peak - self._noted >= limit / _MUCH:
            self._noted = self.peak
            note_peak(self.peak)

    def _tell(self, used: int, limit: int, now: float) -> None:
        spent = spent_below(os.getpid())
        words = [f"&memory={used}&peak={self.peak}"]
        if limit:
            words.append(f"&memory_limit={limit}")
        if spent is not None and self._spent is not None and now > self._at:
            words.append(f"&cores={max(0.0, spent - self._spent) / (now - self._at):.2f}")
        if self._gpus is not None and (seen := self._gpus.usage()) is not None:
            words.append("&gpu={}&gpu_memory={}&gpu_memory_limit={}".format(*seen))
        if self._scratch is not None and self._scratch.taken is not None:
            words.append(f"&scratch={self._scratch.taken}")
            if self._scratch.limit:
                words.append(f"&scratch_limit={self._scratch.limit}")
        self._at, self._spent, self._said_at = now, spent, now
        try:
            self._gateway.put(self._path + "".join(words), lambda _: None, patience=0.0)
            self._said = used
        except GatewayError:  # the next word tells it again
            return


def is_news(used: int, said: int | None, limit: int, seconds: float) -> bool:
    """Return whether the server is to hear of an amount of memory. Pure.

    Args:
        used: bytes now.
        said: bytes as the server knows them, None where it knows nothing.
        limit: bytes that there may be, 0 for any number.
        seconds: since it was told last.
    """
    if seconds >= _LATEST:
        return True
    return said is not None and seconds >= _SOONEST and abs(used - said) >= max(limit or said, 1) / _MUCH


def warning(used: int, limit: int, grows: bool) -> str:
    """Return what a program's log is told whose memory is nearly at its limit. Pure.

    Args:
        used: bytes now.
        limit: bytes that there may be.
        grows: its task is tried again with more memory when it runs out of it.
    """
    then = (
        "it is then tried again with more (--on-oom grow)"
        if grows
        else f"for more: --memory {quantity(2 * limit)}, or --on-oom grow"
    )
    unit, name = (1 << 30, "GiB") if limit >= 1 << 30 else (1 << 20, "MiB")
    at = f"{_short(limit / unit)} {name}"
    said = f"memory: {_short(used / unit)} of {at} in use; at {at} the program is ended"
    return f"{said}. {then[0].upper()}{then[1:]}"


def _short(number: float) -> str:
    text = f"{number:.1f}"
    return text.removesuffix(".0")


def quantity(count: int) -> str:
    """Return a number of bytes as `--memory` takes it."""
    return f"{count >> 30}Gi" if count >= 1 << 30 and not count % (1 << 30) else f"{-(-count >> 20)}Mi"


def _gpus() -> Gpus:
    from seaway.runner.gpus import Gpus  # few programs have any

    return Gpus(os.environ)
