"""For how long each attempt has lasted, and when it was last heard of: an attempt that keeps a lease ends its program by itself when nobody hears of it."""

from __future__ import annotations

import math
from dataclasses import replace

from seaway.base.clock import Clock
from seaway.base.elapsed import Elapsed
from seaway.platform.database.records import AttemptRecord, TaskRecord
from seaway.platform.engine.situation import Ages
from seaway.platform.workloads.observation import Observation

ENDS_AFTER = 2.0
"""After so many leases without word the program has ended: `seaway.runner.lease` says how that time is spent."""


class AttemptAges:
    """Ages of the attempts, in memory. Whoever begins to lead counts renewals and deletions from then on.

    Since when an attempt and its program last, the attempt's record says too, for a server that is started again: on
    the machine that wrote it and until that is started again. Elsewhere the time of day counts.

    Args:
        clock: where time comes from.
        boot: the start of the machine in which its monotonic clock counts, see `boot_id`.
    """

    def __init__(self, clock: Clock, boot: str | None) -> None:
        self._clock, self._elapsed = clock, Elapsed(clock)
        self._boot, self._began = boot, clock.monotonic()
        self._heard: dict[str, float] = {}
        self._unstarted: dict[str, float] = {}
        """When each was last seen before its program started: the clock may be set before that is seen."""

    def of(self, attempt: AttemptRecord, pod: Observation | None) -> Ages:
        """Return for how long an attempt has lasted, of which the cluster shows this."""
        name, now = attempt.pod, self._clock.monotonic()
        self._take_up(attempt)
        lasted = self._elapsed.since(name, attempt.created)
        started = attempt.started or (pod.started if pod is not None else None)
        if started is None:
            self._unstarted[name] = now
        within = min(lasted, now - self._unstarted.get(name, -math.inf))
        return Ages(
            attempt=lasted,
            program=self._elapsed.since(name, started, within=within) if started is not None else 0.0,
            deletion=self._elapsed.since_seen(name, "deletion") if pod is not None and pod.deleting else 0.0,
            silence=now - self._heard.get(name, self._began),
        )

    def measured(self, attempt: AttemptRecord) -> AttemptRecord:
        """Return an attempt with since when it lasts by this machine's monotonic clock, as it is to be stored."""
        if self._boot is None or attempt.phase.ended:
            return attempt
        name, now, started = attempt.pod, self._clock.monotonic(), attempt.started
        return replace(
            attempt,
            boot_id=self._boot,
            created_monotonic=now - self._elapsed.since(name, attempt.created),
            started_monotonic=now - self._elapsed.since(name, started) if started is not None else None,
        )

    def renew(self, pod: str) -> None:
        """Take note that an attempt was heard of and told to go on."""
        self._heard[pod] = self._clock.monotonic()

    def forget(self, pod: str) -> None:
        """Drop an attempt that has ended."""
        self._heard.pop(pod, None)
        self._unstarted.pop(pod, None)
        self._elapsed.forget(pod)

    def waited(self, task: TaskRecord) -> float:
        """Return for how long a task has waited, where its wait limit counts."""
        if task.waits_since is None or task.phase.ended:
            return 0.0
        owner = _owner(task)
        if task.boot_id == self._boot and task.waits_since_monotonic is not None:
            self._elapsed.take_up(owner, task.waits_since, task.waits_since_monotonic)
        return self._elapsed.since(owner, task.waits_since)

    def measured_wait(self, task: TaskRecord) -> TaskRecord:
        """Return a task with since when it waits by this machine's monotonic clock, as it is to be stored."""
        if task.waits_since is None or task.phase.ended:
            self._elapsed.forget(_owner(task))
            return task
        if self._boot is None:
            return task
        since = self._clock.monotonic() - self.waited(task)
        return replace(task, boot_id=self._boot, waits_since_monotonic=since)

    def _take_up(self, attempt: AttemptRecord) -> None:
        """Go on from what a server before this one measured on this machine."""
        if attempt.boot_id != self._boot:
            return
        times = {attempt.created: attempt.created_monotonic, attempt.started: attempt.started_monotonic}
        for at, monotonic in times.items():
            if at is not None and monotonic is not None:
                self._elapsed.take_up(attempt.pod, at, monotonic)


def _owner(task: TaskRecord) -> str:
    return f"{task.run_id}/{task.name}"
