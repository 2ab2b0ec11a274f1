"""What runners say that their programs use. In memory alone: they say it again and again; the most memory is kept with the attempt."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from seaway.model.attempt_usage import AttemptUsage
from seaway.platform.database.records import AttemptRecord

_STALE = 120.0
"""Seconds after which what was said says nothing of now: a runner says something every 30 s."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One word of a runner, see `AttemptUsage`."""

    memory: int
    memory_peak: int
    memory_limit: int | None = None
    cores: float | None = None
    gpu: int | None = None
    gpu_memory: int | None = None
    gpu_memory_limit: int | None = None
    scratch: int | None = None
    scratch_limit: int | None = None


class AttemptUsages:
    """Keeps the last word of each attempt, by pod."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[Reported, float, float]] = {}
        """Each with when it was said, by the clock and by the monotonic one."""

    def note(self, pod: str, said: Reported, now: float, monotonic: float) -> None:
        """Take note of what a program uses."""
        self._said[pod] = said, now, monotonic

    def of(self, pod: str, monotonic: float) -> AttemptUsage | None:
        """Return what was said lately, None where nothing was."""
        found = self._said.get(pod)
        if found is None or monotonic - found[2] >= _STALE:
            return None
        said, at, _ = found
        fields = {name: getattr(said, name) for name in Reported.__dataclass_fields__}
        return AttemptUsage(measured=datetime.fromtimestamp(at, UTC), **fields)

    def added(self, attempt: AttemptRecord) -> AttemptRecord:
        """Return an attempt with the most memory that was said of it."""
        found = self._said.get(attempt.pod)
        if found is None or found[0].memory_peak <= (attempt.peak_memory or 0):
            return attempt
        return replace(attempt, peak_memory=found[0].memory_peak)

    def keep(self, pods: Collection[str]) -> None:
        """Forget all others."""
        self._said = {pod: said for pod, said in self._said.items() if pod in pods}
