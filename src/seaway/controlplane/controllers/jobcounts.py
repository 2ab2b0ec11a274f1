"""Which of a job's pods are counted how: each exactly once, whatever happens between two writes. Pure.

Source: batch/v1 Job, "Tracking Jobs with finalizers" (KEP-2307).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.controlplane.controllers.jobfailures import (
    ended_at,
    has_failed,
    index_failures,
    index_has_failed,
    judge,
)
from seaway.controlplane.controllers.jobindexes import format_indexes, parse_indexes
from seaway.controlplane.controllers.jobpods import census, is_tracked, pod_index
from seaway.objects.meta import uid

Object = dict[str, Any]
MOST_UNCOUNTED = 500
"""Pods that are counted in one go at most, so that their uids fit into the status."""


class JobCounts:
    """The counts of one plan. Changes the status given."""

    def __init__(self, job: Object, pods: Sequence[Object], status: Object) -> None:
        spec = job["spec"]
        self.job, self.pods, self.status = job, pods, status
        self.completions: int | None = spec.get("completions")
        self.indexed = spec.get("completionMode") == "Indexed"
        self.per_index = self.indexed and spec.get("backoffLimitPerIndex") is not None
        self.replace_failed_only = (
            spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None
        )
        self.census = census(pods)
        self.uncounted = {kind: list(self._listed(kind)) for kind in ("succeeded", "failed")}
        status["uncountedTerminatedPods"] = self.uncounted
        self._settle()
        new = [pod for pod in pods if self._is_valid(pod) and uid(pod) not in self._known]
        self._new_failed = [pod for pod in new if self.has_failed(pod) and judge(job, pod).counts]
        self._new_succeeded = [pod for pod in new if _phase(pod) == "Succeeded"]
        self.completed = self._within(status.get("completedIndexes"))
        self.failed_indexes = self._within(status.get("failedIndexes"))
        if self.indexed:
            self.completed |= {index for pod in self._new_succeeded if (index := pod_index(pod)) is not None}
        if self.per_index:
            failed = [pod for pod in pods if self._is_valid(pod) and self.has_failed(pod)]
            self.failed_indexes |= {pod_index(pod) or 0 for pod in failed if index_has_failed(job, pod)}
        self.kept = self._kept() if self.per_index else {}
        """By index, the failed pod that stays until its successor, which continues its count, is there."""

    def _listed(self, kind: str) -> Sequence[str]:
        return (self.status.get("uncountedTerminatedPods") or {}).get(kind) or ()

    def _settle(self) -> None:
        """Count for good whose finalizer is gone."""
        tracked = {uid(pod) for pod in self.pods if is_tracked(pod)}
        for kind, listed in self.uncounted.items():
            waiting = [pod_uid for pod_uid in listed if pod_uid in tracked]
            self.status[kind] = (self.status.get(kind) or 0) + len(listed) - len(waiting)
            listed[:] = waiting
        self._known = {*self.uncounted["succeeded"], *self.uncounted["failed"]}

    def _within(self, text: str | None) -> set[int]:
        """Return the indexes that are still wanted."""
        return {index for index in parse_indexes(text or "") if index < (self.completions or 0)}

    def _is_valid(self, pod: Object) -> bool:
        """Tell whether a pod is still to be counted, and for an indexed job has an index that is wanted."""
        if not is_tracked(pod):
            return False
        index = pod_index(pod)
        return not self.indexed or (index is not None and index < (self.completions or 0))

    def has_failed(self, pod: Object) -> bool:
        """Tell whether a pod of this job counts as failed."""
        return has_failed(pod, replace_failed_only=self.replace_failed_only)

    @property
    def succeeded_total(self) -> int:
        """Pods that ended well (of an indexed job: indexes), counted for good or not yet."""
        if self.indexed:
            return len(self.completed)
        counted: int = self.status["succeeded"]
        return counted + len(self.uncounted["succeeded"]) + len(self._new_succeeded)

    @property
    def failed_total(self) -> int:
        """Pods that ended badly and count, for good or not yet."""
        counted: int = self.status["failed"]
        return counted + len(self.uncounted["failed"]) + len(self._new_failed)

    def free_indexes(self, count: int) -> list[int]:
        """Return the first indexes that neither ended nor have a pod."""
        busy = {pod_index(pod) for pod in self.census.active}
        if self.replace_failed_only:
            busy |= {pod_index(pod) for pod in self.census.terminating}
        busy |= self.completed | self.failed_indexes
        free: list[int] = []
        for index in range(self.completions or 0):
            if len(free) == count:
                break
            if index not in busy:
                free.append(index)
        return free

    def _kept(self) -> dict[int, Object]:
        over = self.completed | self.failed_indexes | {pod_index(pod) for pod in self.census.active}
        kept: dict[int, Object] = {}
        for pod in self.pods:
            index = pod_index(pod)
            if index is None or index in over or not self._is_valid(pod) or not self.has_failed(pod):
                continue
            if index not in kept or _order(kept[index]) <= _order(pod):
                kept[index] = pod
        return kept

    def count(self, *, ends: bool, fails: bool) -> list[Object]:
        """Note ended pods as uncounted and return those to let go once the status is written.

        Args:
            ends: the job ends: every pod is let go.
            fails: it fails: whatever has not succeeded counts as failed.
        """
        release: list[Object] = []
        kept = {uid(pod) for pod in self.kept.values()}
        pods = sorted(self.pods, key=lambda pod: pod_index(pod) or 0) if self.indexed else self.pods
        for pod in filter(is_tracked, pods):
            succeeded, failed = _phase(pod) == "Succeeded", self.has_failed(pod)
            if not (ends or succeeded or (failed and uid(pod) not in kept)):
                continue
            if len(release) >= MOST_UNCOUNTED:
                break
            release.append(pod)
            if uid(pod) in self._known:
                continue
            if succeeded:
                if not self.indexed:
                    self.uncounted["succeeded"].append(uid(pod))
            elif (failed or fails) and self._is_valid(pod) and judge(self.job, pod).counts:
                self.uncounted["failed"].append(uid(pod))
        return release

    def write(self) -> None:
        """Write counts and indexes into the status."""
        self.status["uncountedTerminatedPods"] = {kind: uids for kind, uids in self.uncounted.items() if uids}
        if self.indexed:
            self.status["completedIndexes"] = format_indexes(self.completed)
            self.status["succeeded"] = len(self.completed)
        if self.per_index:
            self.status["failedIndexes"] = format_indexes(self.failed_indexes)


def _phase(pod: Object) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def _order(pod: Object) -> tuple[int, float]:
    return sum(index_failures(pod)), ended_at(pod)
