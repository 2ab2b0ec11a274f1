"""What runners say of programs that use no CPU. In memory alone: they say it again while it lasts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from seaway.base.messages import joined, wording

_STALE = 180.0
"""Seconds after which a word that was not said again says nothing of now."""
_WORDS = {
    "futex": wording("a lock"),
    "nanosleep": wording("a sleep to end"),
    "pipe": wording("a pipe"),
    "wait_woken": wording("a connection"),
    "sk_wait": wording("a connection"),
    "unix_stream": wording("a connection"),
    "accept": wording("a connection"),
    "do_wait": wording("another process to end"),
    "ep_poll": wording("something to read"),
    "poll_schedule": wording("something to read"),
    "select": wording("something to read"),
}


@dataclass(frozen=True, slots=True)
class Idle:
    """What was said of one attempt's program."""

    since: float | None
    """Since when it has used no CPU, by the monotonic clock; None: it uses some."""
    said: float
    """When that was said."""
    waits_for: str = ""
    """What its main thread waits for, in words, where the node's system says it."""


class Idleness:
    """Keeps the last word of each attempt, by pod."""

    def __init__(self) -> None:
        self._said: dict[str, Idle] = {}
        self._gpus: dict[str, Idle] = {}

    def note(self, pod: str, seconds: float, waits_in: str, now: float) -> None:
        """Take note of how long a program has been idle, 0 where it is not.

        Args:
            pod: whose program it is.
            seconds: how long.
            waits_in: the kernel's function that its main thread sleeps in, "" where it is not known.
            now: by the monotonic clock.
        """
        self._said[pod] = Idle(now - seconds if seconds else None, now, words(waits_in))

    def note_gpus(self, pod: str, seconds: float, now: float) -> None:
        """Take note of how long a program has used none of its GPUs, 0 where it does."""
        self._gpus[pod] = Idle(now - seconds if seconds else None, now)

    def gpus_unused_since(self, pod: str, now: float) -> float | None:
        """Return since when a program has used none of its GPUs, None where it does or that is not known now."""
        said = self._gpus.get(pod)
        return said.since if said is not None and now - said.said < _STALE else None

    def of(self, pod: str, now: float) -> Idle | None:
        """Return what was said lately, None where nothing was."""
        said = self._said.get(pod)
        return said if said is not None and (said.since is None or now - said.said < _STALE) else None

    def keep(self, pods: Collection[str]) -> None:
        """Forget all others."""
        self._said = {pod: said for pod, said in self._said.items() if pod in pods}
        self._gpus = {pod: said for pod, said in self._gpus.items() if pod in pods}


def words(waits_in: str) -> str:
    """Return what a function of the kernel waits for: in words where they are known, else its own name."""
    for part, said in _WORDS.items():
        if part in waits_in:
            return joined(" ", (said, f"({waits_in})"))
    return waits_in
