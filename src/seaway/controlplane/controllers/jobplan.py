"""What a job needs next: pure, from the job and its pods to a plan.

Source: batch/v1 Job: backoffLimit, activeDeadlineSeconds, suspend, and the order of conditions of KEP-3998 (a terminal
condition comes only after all pods have ended).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.base.elapsed import Since
from seaway.controlplane.controllers.jobcounts import JobCounts
from seaway.controlplane.controllers.jobfailures import (
    JobLimits,
    backoff_wait,
    ended_at,
    failures_after,
    judge,
    restarted_too_often,
)
from seaway.controlplane.controllers.jobindexes import met_rule
from seaway.controlplane.controllers.jobpods import is_ready, new_pods, surplus
from seaway.objects.meta import copy, get_condition, set_condition

Object = dict[str, Any]
BURST = 500
"""Pods created in one go at most; the next go follows at once."""
CONTROLLER_NAME = "kubernetes.io/job-controller"


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
    """Counted in the status, or never to be counted: their finalizer goes once the status is written."""
    stop: list[Object] = field(default_factory=list)
    """Deleted because the job wants them no more: let go first, so that they do not count as failed."""
    delete: list[Object] = field(default_factory=list)
    """Deleted because the job ends."""
    create: list[Object] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    again: float | None = None
    """Seconds until something is due."""


def is_finished(job: Object) -> bool:
    """Tell whether a job is Complete or Failed."""
    return any((get_condition(job, kind) or {}).get("status") == "True" for kind in ("Complete", "Failed"))


def is_managed_elsewhere(job: Object) -> bool:
    """Tell whether another controller brings the job forward (`spec.managedBy`, KEP-4368)."""
    return job["spec"].get("managedBy") not in (None, CONTROLLER_NAME)


def plan_job(
    job: Object, pods: Sequence[Object], now: float, limits: JobLimits, since: Since | None = None
) -> JobPlan:
    """Return the plan for a job that is not finished.

    Args:
        job: as stored.
        pods: all that it controls.
        now: seconds since the epoch.
        limits: of the back-off.
        since: how long ago something was; None where `now` alone tells it.
    """
    return _Planner(job, pods, now, limits, since or (lambda at: now - at)).plan()


class _Planner:
    """The steps of one plan; holds what they share."""

    def __init__(
        self, job: Object, pods: Sequence[Object], now: float, limits: JobLimits, since: Since
    ) -> None:
        self.job, self.spec, self.pods, self.limits = job, job["spec"], pods, limits
        self.now, self.since = now, since
        self.suspended = bool(self.spec.get("suspend"))
        self.result = JobPlan(copy(job.get("status") or {}))
        self.status = self.result.status
        self.counts = JobCounts(job, pods, self.status)
        self.census = self.counts.census

    def plan(self) -> JobPlan:
        """Decide, in the order of Kubernetes' own controller."""
        if not self.suspended and not self.status.get("startTime"):
            self.status["startTime"] = rfc3339(self.now)
        self._decide_end()
        if self._ending():
            self.result.delete += self.census.active
        else:
            if not self.job["metadata"].get("deletionTimestamp"):
                self._manage()
            if self._is_complete():
                message = "Reached expected number of succeeded pods"
                self._condition("SuccessCriteriaMet", "CompletionsReached", message)
            else:
                self._suspend_or_resume()
        ending = self._ending()
        failing = ending is not None and ending["type"] == "FailureTarget"
        self.result.release += self.counts.count(ends=ending is not None, fails=failing)
        self._finish(ending)
        self._write_counts()
        return self.result

    def _decide_end(self) -> None:
        """Set the condition that says how the job will end, where that is certain before any pod is created or stopped."""
        if self._ending():
            return
        counts, limit = self.counts, self.spec.get("backoffLimit", 6)
        if message := self._policy_failure():
            self._fail("PodFailurePolicy", message)
        elif counts.failed_total > limit or restarted_too_often(self.job, self.pods):
            self._fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")
        elif (left := self._until_deadline()) is not None and left <= 0:
            self._fail("DeadlineExceeded", "Job was active longer than specified deadline")
        elif counts.per_index and self._too_many_failed_indexes():
            return
        elif counts.indexed and (policy := self.spec.get("successPolicy")):
            rule = met_rule(policy["rules"], counts.completions or 0, counts.completed)
            if rule is not None:
                message = f"Matched rules at index {rule}"
                self._condition("SuccessCriteriaMet", "SuccessPolicy", message)

    def _policy_failure(self) -> str:
        if self.spec.get("podFailurePolicy") is None:
            return ""
        judged = (judge(self.job, pod).message for pod in self.pods if self.counts.has_failed(pod))
        return next(filter(None, judged), "")

    def _too_many_failed_indexes(self) -> bool:
        failed, most = len(self.counts.failed_indexes), self.spec.get("maxFailedIndexes")
        if most is not None and failed > most:
            why = "Job has exceeded the specified maximal number of failed indexes"
            self._fail("MaxFailedIndexesExceeded", why)
        elif failed and failed + len(self.counts.completed) >= (self.counts.completions or 0):
            self._fail("FailedIndexes", "Job has failed indexes")
        else:
            return False
        return True

    def _until_deadline(self) -> float | None:
        seconds, started = self.spec.get("activeDeadlineSeconds"), self.status.get("startTime")
        if seconds is None or not started or self.suspended:
            return None
        return float(seconds - self.since(parse_rfc3339(started)))

    def _is_complete(self) -> bool:
        """Tell whether as many pods succeeded as are wanted, and none is left."""
        if len(self.census.active) + len(self.result.create) > len(self.result.stop):
            return False
        completions, succeeded = self.counts.completions, self.counts.succeeded_total
        return succeeded > 0 if completions is None else succeeded >= completions

    def _manage(self) -> None:
        """Have as many pods active as parallelism and what is left to do allow."""
        active = len(self.census.active)
        wanted = 0 if self.suspended else self._wanted()
        indexes = (self.counts.completions or 0) if self.counts.indexed else None
        self.result.stop += surplus(self.census.active, max(0, active - wanted), indexes)[:BURST]
        waiting = len(self.census.terminating) if self.counts.replace_failed_only else 0
        if not self.result.stop and not self.suspended and active + waiting < wanted:
            self._create(min(wanted - waiting - active, BURST))
        if (left := self._until_deadline()) is not None:
            self._look_again(left)

    def _wanted(self) -> int:
        parallelism: int = self.spec.get("parallelism", 1)
        if self.counts.completions is None:
            return len(self.census.active) if self.counts.succeeded_total else parallelism
        return max(0, min(parallelism, self.counts.completions - self.counts.succeeded_total))

    def _create(self, count: int) -> None:
        if not self.counts.per_index and (wait := backoff_wait(self.pods, self.limits, self.since)):
            self._look_again(wait)
            return
        indexes, failures = None, None
        if self.counts.indexed:
            indexes = self.counts.free_indexes(count)
            if self.counts.per_index:
                kept = self.counts.kept
                failures = {index: failures_after(self.job, pod) for index, pod in kept.items()}
                waits = {
                    index: self.limits.wait(sum(failed), self.since(ended_at(kept[index])))
                    for index, failed in failures.items()
                    if index in indexes
                }
                ready = [index for index in indexes if not waits.get(index)]
                if not ready and waits:
                    self._look_again(min(waits.values()))
                elif len(ready) < len(indexes):
                    self._look_again(min(wait for wait in waits.values() if wait))
                indexes = ready
            count = len(indexes)
        ordinal = self.counts.succeeded_total + self.counts.failed_total
        self.result.create = new_pods(self.job, count, ordinal, self.census.names, indexes, failures)

    def _look_again(self, seconds: float) -> None:
        self.result.again = seconds if self.result.again is None else min(seconds, self.result.again)

    def _suspend_or_resume(self) -> None:
        known = (get_condition(self.job, "Suspended") or {}).get("status")
        if self.suspended and known != "True":
            self._condition("Suspended", "JobSuspended", "Job suspended")
            self.status.pop("startTime", None)
            self.result.reports.append(Report("Normal", "Suspended", "Job suspended"))
        elif not self.suspended and known == "True":
            self._condition("Suspended", "JobResumed", "Job resumed", status="False")
            self.status["startTime"] = rfc3339(self.now)
            self.result.reports.append(Report("Normal", "Resumed", "Job resumed"))

    def _ending(self) -> Object | None:
        """Return the condition that says how the job ends, None while that is open."""
        for kind in ("SuccessCriteriaMet", "FailureTarget"):
            condition = get_condition({"status": self.status}, kind)
            if condition is not None and condition["status"] == "True":
                return condition
        return None

    def _finish(self, ending: Object | None) -> None:
        """Set the terminal condition once no pod is left that runs or is to be counted."""
        uncounted = self.status["uncountedTerminatedPods"]
        if ending is None or self.census.active or self.census.terminating or self.result.release:
            return
        if uncounted["succeeded"] or uncounted["failed"]:
            return
        failed = ending["type"] == "FailureTarget"
        reason, message = ending.get("reason", ""), ending.get("message", "")
        self._condition("Failed" if failed else "Complete", reason, message)
        self.status.setdefault("startTime", rfc3339(self.now))
        if failed:
            self.result.reports.append(Report("Warning", reason, message))
            return
        self.status["completionTime"] = rfc3339(self.now)
        if self.counts.completions is not None and self.counts.succeeded_total > self.counts.completions:
            why = "Too many succeeded pods running after completion count reached"
            self.result.reports.append(Report("Warning", "TooManySucceededPods", why))
        self.result.reports.append(Report("Normal", "Completed", "Job completed"))

    def _write_counts(self) -> None:
        going = {id(pod) for pod in (*self.result.delete, *self.result.stop)}
        left = [pod for pod in self.census.active if id(pod) not in going]
        self.status["active"] = len(left)
        self.status["ready"] = sum(map(is_ready, left))
        self.status["terminating"] = len(self.census.terminating) + len(going)
        self.counts.write()
        for optional in ("active", "succeeded", "failed", "completedIndexes"):
            if not self.status.get(optional):
                self.status.pop(optional, None)

    def _fail(self, reason: str, message: str) -> None:
        self._condition("FailureTarget", reason, message)

    def _condition(self, kind: str, reason: str, message: str, status: str = "True") -> None:
        conditions = self.status.setdefault("conditions", [])
        set_condition(conditions, kind, status, reason, message, now=rfc3339(self.now))
        condition = next(c for c in conditions if c["type"] == kind)
        condition["lastProbeTime"] = rfc3339(self.now)
