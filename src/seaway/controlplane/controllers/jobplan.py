"""What a job needs next: pure, from the job and its pods to a plan.

Source: batch/v1 Job: backoffLimit, activeDeadlineSeconds, suspend, and the order of conditions of KEP-3998 (a terminal
condition comes only after all pods have ended).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.jobpods import (
    FINALIZER,
    PodCensus,
    census,
    format_indexes,
    new_pods,
    parse_indexes,
    pod_index,
)
from seaway.objects.meta import copy, finalizers, get_condition, name, set_condition, uid

Object = dict[str, Any]
BURST = 500
"""Pods created in one go at most; the next go follows at once."""


class Report(NamedTuple):
    """An Event about the job."""

    type: str
    reason: str
    message: str


@dataclass(slots=True)
class JobPlan:
    """What to do, in this order: write the status, release, stop, delete, create."""

    status: Object
    release: list[Object] = field(default_factory=list)
    """Counted in `status.uncountedTerminatedPods`: their finalizer goes once the status is written."""
    stop: list[Object] = field(default_factory=list)
    """Deleted because the job wants them no more: let go first, so that they do not count as failed."""
    delete: list[Object] = field(default_factory=list)
    """Deleted because the job fails; they count."""
    create: list[Object] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    again: float | None = None
    """Seconds until something is due."""


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Back-off of a job's failing pods, in seconds."""

    backoff: float = 10.0
    backoff_cap: float = 600.0


def is_finished(job: Object) -> bool:
    """Tell whether a job is Complete or Failed."""
    return any((get_condition(job, kind) or {}).get("status") == "True" for kind in ("Complete", "Failed"))


def plan_job(job: Object, pods: Sequence[Object], now: float, limits: JobLimits) -> JobPlan:
    """Return the plan for a job that is not finished.

    Args:
        job: as stored.
        pods: all that it controls.
        now: seconds since the epoch.
        limits: of the back-off.
    """
    return _Planner(job, pods, now, limits).plan()


class _Planner:
    """The steps of one plan; holds what they share."""

    def __init__(self, job: Object, pods: Sequence[Object], now: float, limits: JobLimits) -> None:
        self.job, self.spec, self.pods, self.now, self.limits = job, job["spec"], pods, now, limits
        self.suspended = bool(self.spec.get("suspend"))
        self.indexed = self.spec.get("completionMode") == "Indexed"
        replace_failed_only = self.spec.get("podReplacementPolicy") == "Failed"
        self.census: PodCensus = census(pods, replace_failed_only=replace_failed_only)
        self.waits_for_terminating = replace_failed_only
        self.result = JobPlan(copy(job.get("status") or {}))
        self.status = self.result.status
        self.completed = parse_indexes(self.status.get("completedIndexes") or "")

    def plan(self) -> JobPlan:
        """Decide, in the order of Kubernetes' own controller."""
        self._count()
        self._suspend_or_resume()
        self._decide_end()
        if ending := self._ending():
            failing = ending["type"] == "FailureTarget"
            (self.result.delete if failing else self.result.stop).extend(self.census.active)
            self._finish()
        elif self.suspended:
            self.result.stop += self.census.active
        elif not self.job["metadata"].get("deletionTimestamp"):
            self._scale()
        self._write_counts()
        return self.result

    def _count(self) -> None:
        """Count ended pods: first as uncounted, for good once their finalizer is gone."""
        uncounted = self.status.setdefault("uncountedTerminatedPods", {})
        tracked = {uid(pod) for pod in self.pods if FINALIZER in finalizers(pod)}
        for outcome, ended in (("succeeded", self.census.succeeded), ("failed", self.census.failed)):
            listed = list(uncounted.get(outcome) or ())
            safe = [pod_uid for pod_uid in listed if pod_uid not in tracked]
            waiting = [pod_uid for pod_uid in listed if pod_uid in tracked]
            if not (self.indexed and outcome == "succeeded"):
                self.status[outcome] = (self.status.get(outcome) or 0) + len(safe)
            known = {*(uncounted.get("succeeded") or ()), *(uncounted.get("failed") or ())}
            new = [pod for pod in ended if uid(pod) not in known]
            if outcome == "succeeded" and self.indexed:
                self.completed |= {index for pod in new if (index := pod_index(pod)) is not None}
            uncounted[outcome] = waiting + [uid(pod) for pod in new]
            wanted = set(uncounted[outcome])
            self.result.release += [pod for pod in ended if uid(pod) in wanted]
        if self.indexed:
            self.completed = {
                index for index in self.completed if index < (self.spec.get("completions") or 0)
            }
            self.status["completedIndexes"] = format_indexes(self.completed)
            self.status["succeeded"] = len(self.completed)

    @property
    def succeeded(self) -> int:
        """Pods that ended well, counted for good or not yet."""
        if self.indexed:
            return len(self.completed)
        return (self.status.get("succeeded") or 0) + len(self.status["uncountedTerminatedPods"]["succeeded"])

    @property
    def failed(self) -> int:
        """Pods that ended badly, counted for good or not yet."""
        return (self.status.get("failed") or 0) + len(self.status["uncountedTerminatedPods"]["failed"])

    def _suspend_or_resume(self) -> None:
        known = (get_condition(self.job, "Suspended") or {}).get("status")
        if self.suspended and known != "True":
            self._condition("Suspended", "JobSuspended", "Job suspended")
            self.status.pop("startTime", None)
            self.result.reports.append(Report("Normal", "Suspended", "Job suspended"))
        elif not self.suspended:
            if known == "True":
                self._condition("Suspended", "JobResumed", "Job resumed", status="False")
                self.result.reports.append(Report("Normal", "Resumed", "Job resumed"))
            if not self.status.get("startTime"):
                self.status["startTime"] = rfc3339(self.now)

    def _decide_end(self) -> None:
        """Set the condition that says how the job will end, once that is certain."""
        if self._ending():
            return
        completions, limit = self.spec.get("completions"), self.spec.get("backoffLimit", 6)
        if self.failed > limit:
            self._fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif not self.suspended and (left := self._until_deadline()) is not None and left <= 0:
            self._fail("DeadlineExceeded", "Job was active longer than specified deadline")
        elif (completions is not None and self.succeeded >= completions) or (
            completions is None and self.succeeded and not self.census.active
        ):
            self._succeed("Reached expected number of succeeded pods")

    def _until_deadline(self) -> float | None:
        seconds, started = self.spec.get("activeDeadlineSeconds"), self.status.get("startTime")
        if seconds is None or not started:
            return None
        return float(parse_rfc3339(started) + seconds - self.now)

    def _fail(self, reason: str, message: str) -> None:
        self._condition("FailureTarget", reason, message)

    def _succeed(self, message: str) -> None:
        self._condition("SuccessCriteriaMet", "CompletionsReached", message)

    def _ending(self) -> Object | None:
        """Return the condition that says how the job ends, None while that is open."""
        for kind in ("FailureTarget", "SuccessCriteriaMet"):
            condition = get_condition({"status": self.status}, kind)
            if condition is not None and condition["status"] == "True":
                return condition
        return None

    def _finish(self) -> None:
        """Set the terminal condition once no pod runs and all are counted for good."""
        condition, uncounted = self._ending(), self.status["uncountedTerminatedPods"]
        if condition is None or self.census.active or self.census.terminating:
            return
        if uncounted["succeeded"] or uncounted["failed"]:
            return
        failed = condition["type"] == "FailureTarget"
        reason, message = condition.get("reason", ""), condition.get("message", "")
        self._condition("Failed" if failed else "Complete", reason, message)
        if failed:
            self.result.reports.append(Report("Warning", reason, message))
            return
        self.status["completionTime"] = rfc3339(self.now)
        self.result.reports.append(Report("Normal", "Completed", "Job completed"))

    def _scale(self) -> None:
        """Have as many pods active as parallelism and what is left to do allow."""
        wanted, active = self._wanted(), len(self.census.active)
        taken = active + (len(self.census.terminating) if self.waits_for_terminating else 0)
        if active > wanted:
            ordered = sorted(self.census.active, key=_worth)
            self.result.stop += ordered[: active - wanted]
        elif taken < wanted:
            wait = self._backoff()
            if wait > 0:
                self.result.again = wait
            else:
                self._create(min(wanted - taken, BURST))
        if (left := self._until_deadline()) is not None:
            self.result.again = left if self.result.again is None else min(left, self.result.again)

    def _wanted(self) -> int:
        parallelism: int = self.spec.get("parallelism", 1)
        completions: int | None = self.spec.get("completions")
        if completions is None:
            return len(self.census.active) if self.succeeded else parallelism
        return max(0, min(parallelism, completions - self.succeeded))

    def _backoff(self) -> float:
        """Return the seconds until the next pod may be created after failures since the last success."""
        ends = [(_ended_at(pod), False) for pod in self.pods if _phase(pod) == "Failed"]
        ends += [(_ended_at(pod), True) for pod in self.pods if _phase(pod) == "Succeeded"]
        last_success = max((end for end, well in ends if well), default=0.0)
        failures = [end for end, well in ends if not well and end > last_success]
        if not failures:
            return 0.0
        delay = min(self.limits.backoff * 2.0 ** min(len(failures) - 1, 32), self.limits.backoff_cap)
        return max(0.0, max(failures) + delay - self.now)

    def _create(self, count: int) -> None:
        indexes = self._free_indexes(count) if self.indexed else None
        if indexes is not None:
            count = len(indexes)
        ordinal = self.succeeded + self.failed
        self.result.create = new_pods(self.job, count, ordinal, self.census.names, indexes)

    def _free_indexes(self, count: int) -> list[int]:
        busy = {pod_index(pod) for pod in self.census.active}
        if self.waits_for_terminating:
            busy |= {pod_index(pod) for pod in self.census.terminating}
        every = range(self.spec.get("completions") or 0)
        return [index for index in every if index not in self.completed and index not in busy][:count]

    def _write_counts(self) -> None:
        active = len(self.census.active) - len(self.result.delete) - len(self.result.stop)
        self.status["active"] = active
        self.status["ready"] = self.census.ready if active else 0
        self.status["terminating"] = len(self.census.terminating)
        uncounted = self.status["uncountedTerminatedPods"]
        self.status["uncountedTerminatedPods"] = {k: v for k, v in uncounted.items() if v}
        for optional in ("active", "succeeded", "failed", "completedIndexes"):
            if not self.status.get(optional):
                self.status.pop(optional, None)

    def _condition(self, kind: str, reason: str, message: str, status: str = "True") -> None:
        conditions = self.status.setdefault("conditions", [])
        set_condition(conditions, kind, status, reason, message, now=rfc3339(self.now))
        condition = next(c for c in conditions if c["type"] == kind)
        condition["lastProbeTime"] = rfc3339(self.now)


def _worth(pod: Object) -> tuple[bool, bool, str, str]:
    """Sort pods so that those go first that have come least far."""
    ready = (get_condition(pod, "Ready") or {}).get("status") == "True"
    return bool(pod["spec"].get("nodeName")), ready, pod["metadata"].get("creationTimestamp", ""), name(pod)


def _phase(pod: Object) -> str:
    return (pod.get("status") or {}).get("phase") or ""


def _ended_at(pod: Object) -> float:
    """Return when the last container of a pod ended, else when the pod was made."""
    ends = [
        state["terminated"]["finishedAt"]
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if (state := status.get("state") or {}).get("terminated") and state["terminated"].get("finishedAt")
    ]
    text = max(ends, default=pod["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z")
    return parse_rfc3339(text)
