"""Locks: at most one attempt holds each, and those that wait get it in the order in which they came.

In memory, rebuilt from the attempts of live runs; only the rising numbers are stored beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from seaway.platform.database.records import AttemptRecord
from seaway.platform.diagnosis import waits
from seaway.platform.engine.passes import Pass
from seaway.platform.engine.state import RunState


class Claim(NamedTuple):
    """A task that holds a lock or waits for one."""

    run_uid: str
    run: str
    """The run's name."""
    task: str


def claim_of(state: RunState, task: str) -> Claim:
    """Return the claim of a run's task."""
    return Claim(state.run.uid, state.run.name, task)


@dataclass(slots=True)
class _Lock:
    token: int = 0
    holder: Claim | None = None
    pod: str = ""
    since: float = 0.0
    waiting: dict[Claim, None] = field(default_factory=dict)


class Locks:
    """Who holds which lock."""

    def __init__(self) -> None:
        self._locks: dict[str, _Lock] = {}

    def load(self, tokens: Mapping[str, int]) -> None:
        """Take up the numbers that were given so far."""
        for name, token in tokens.items():
            self._lock(name).token = token

    def obstacle(self, name: str | None, claim: Claim) -> str:
        """Return in a sentence who has a lock before a task, "" where the task may take it."""
        lock = self._locks.get(name) if name is not None else None
        if name is None or lock is None:
            return ""
        if lock.holder is not None:
            return waits.lock_held(name, lock.holder.run, lock.holder.task, lock.since)
        first = next(iter(lock.waiting), claim)
        return "" if first == claim else waits.lock_queue(name, first.run, first.task)

    def next_token(self, name: str | None) -> int:
        """Return the number under which the next attempt holds a lock."""
        lock = self._locks.get(name) if name is not None else None
        return (lock.token if lock is not None else 0) + 1

    def take(self, claim: Claim, attempt: AttemptRecord) -> None:
        """Give an attempt the lock that it was decided to have."""
        if attempt.lock is None or attempt.lock_token is None:
            return
        lock = self._lock(attempt.lock)
        lock.waiting.pop(claim, None)
        lock.token, lock.holder, lock.pod, lock.since = (
            attempt.lock_token,
            claim,
            attempt.pod,
            attempt.created,
        )

    def release(self, attempt: AttemptRecord) -> None:
        """Take back the lock of an attempt that has ended."""
        lock = self._locks.get(attempt.lock) if attempt.lock is not None else None
        if lock is not None and lock.pod == attempt.pod and lock.token == attempt.lock_token:
            lock.holder, lock.pod = None, ""

    def next_in_line(self) -> Iterable[Claim]:
        """Return the tasks that may take a lock now and wait for it."""
        return [
            next(iter(lock.waiting)) for lock in self._locks.values() if lock.holder is None and lock.waiting
        ]

    def decided(self, state: RunState, result: Pass, looked_at: Iterable[str]) -> None:
        """Take note of what a look at a run decided, before it is stored: another run may be looked at meanwhile."""
        for task in looked_at:
            name, claim = state.specs[task].lock, claim_of(state, task)
            if name is not None and task in result.lock_waits:
                self._lock(name).waiting.setdefault(claim)
            elif name is not None and name in self._locks:
                self._locks[name].waiting.pop(claim, None)
        for attempt in result.added.values():
            self.take(claim_of(state, attempt.task), attempt)

    def stored(self, result: Pass) -> None:
        """Take the locks back of attempts that have ended."""
        for attempt in result.changed.values():
            if attempt.phase.ended:
                self.release(attempt)

    def failed(self, result: Pass) -> None:
        """Take the locks back of attempts that were not stored."""
        for attempt in result.added.values():
            self.release(attempt)

    def forget(self, state: RunState) -> None:
        """Have no task of a run wait that has ended."""
        for task, spec in state.specs.items():
            if spec.lock is not None and spec.lock in self._locks:
                self._locks[spec.lock].waiting.pop(claim_of(state, task), None)

    def _lock(self, name: str) -> _Lock:
        return self._locks.setdefault(name, _Lock())
