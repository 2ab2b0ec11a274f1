"""What the failed pods of a job mean: failure policies, ends, back-off. Pure.

Source: batch/v1 Job: "Retriable and non-retriable pod failures" (KEP-3329), "Backoff limit per index" (KEP-3850).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339
from seaway.base.elapsed import Since
from seaway.objects.meta import deletion_timestamp, get_condition, name, namespace

Object = dict[str, Any]
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"


class Judgement(NamedTuple):
    """What a failure policy says of a failed pod."""

    action: str = "Count"
    """FailJob, FailIndex, Ignore or Count."""
    message: str = ""
    """Of FailJob: why."""

    @property
    def counts(self) -> bool:
        """Whether the failure counts towards the limits."""
        return self.action != "Ignore"


COUNTED = Judgement()


class Failures(NamedTuple):
    """How often an index failed before."""

    counted: int = 0
    ignored: int = 0


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Back-off of a job's failing pods, in seconds."""

    backoff: float = 10.0
    backoff_cap: float = 600.0

    def wait(self, failures: int, ago: float) -> float:
        """Return the seconds to wait after so many failures, the last of them so many seconds ago."""
        if not failures:
            return 0.0
        delay = min(self.backoff * 2.0 ** min(failures - 1, 32), self.backoff_cap)
        return max(0.0, delay - ago)


def judge(job: Object, pod: Object) -> Judgement:
    """Return what the job's failure policy says of a failed pod: the first rule that is met."""
    for position, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = rule["action"]
        if codes := rule.get("onExitCodes"):
            if status := _exited_so(pod, codes):
                why = (
                    f"Container {status['name']} for pod {namespace(pod)}/{name(pod)} failed with exit code "
                )
                why += (
                    f"{status['state']['terminated']['exitCode']} matching {action} rule at index {position}"
                )
                return Judgement(action, why if action == "FailJob" else "")
        elif condition := _condition_so(pod, rule.get("onPodConditions") or ()):
            why = f"Pod {namespace(pod)}/{name(pod)} has condition {condition['type']} matching {action} rule at index {position}"
            return Judgement(action, why if action == "FailJob" else "")
    return COUNTED


def _exited_so(pod: Object, codes: Object) -> Object | None:
    """Return the status of a container that ended as a rule says."""
    status = pod.get("status") or {}
    wanted, among = codes.get("containerName"), codes["operator"] == "In"
    for container in (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())):
        terminated = (container.get("state") or {}).get("terminated")
        code = (terminated or {}).get("exitCode") or 0
        if code and wanted in (None, container["name"]) and (code in codes["values"]) == among:
            found: Object = container
            return found
    return None


def _condition_so(pod: Object, patterns: Sequence[Object]) -> Object | None:
    wanted = {(pattern["type"], pattern.get("status") or "True") for pattern in patterns}
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if (c["type"], c["status"]) in wanted), None)


def has_failed(pod: Object, *, replace_failed_only: bool) -> bool:
    """Tell whether a pod counts as failed: one that is deleted never gets to say so where its node is gone."""
    phase = (pod.get("status") or {}).get("phase")
    gone = not replace_failed_only and deletion_timestamp(pod) is not None and phase != "Succeeded"
    return phase == "Failed" or gone


def index_failures(pod: Object) -> Failures:
    """Return how often a pod's index failed before it."""
    notes = pod["metadata"].get("annotations") or {}
    texts = (notes.get(FAILURES, ""), notes.get(IGNORED_FAILURES, ""))
    return Failures(*(int(text) if text.isdecimal() and len(text) < 10 else 0 for text in texts))


def failures_after(job: Object, pod: Object) -> Failures:
    """Return how often an index has failed, this failed pod included."""
    before = index_failures(pod)
    if judge(job, pod).counts:
        return Failures(before.counted + 1, before.ignored)
    return Failures(before.counted, before.ignored + 1)


def index_has_failed(job: Object, pod: Object) -> bool:
    """Tell whether a failed pod's index is given up: by a rule, or since it failed too often."""
    judgement = judge(job, pod)
    if judgement.action == "FailIndex":
        return True
    return judgement.counts and index_failures(pod).counted >= job["spec"]["backoffLimitPerIndex"]


def restarted_too_often(job: Object, pods: Iterable[Object]) -> bool:
    """Tell whether containers of live pods were restarted as often as the job may fail (restartPolicy OnFailure)."""
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    statuses = [
        container
        for pod in pods
        if (status := pod.get("status") or {}).get("phase") in ("Running", "Pending")
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in status.get(kind) or ()
    ]
    restarts = sum(container.get("restartCount") or 0 for container in statuses)
    return bool(restarts >= max(job["spec"].get("backoffLimit", 6), 1))


def ended_at(pod: Object) -> float:
    """Return when a pod ended: its last container, else when it was no longer ready, deleted, made."""
    status = pod.get("status") or {}
    states = [container.get("state") or {} for container in status.get("containerStatuses") or ()]
    ends = [end for state in states if (end := (state.get("terminated") or {}).get("finishedAt"))]
    if ends and len(ends) == len(states):
        return max(map(parse_rfc3339, ends))
    ready = get_condition(pod, "Ready") or {}
    if ready.get("status") == "False" and ready.get("lastTransitionTime"):
        return parse_rfc3339(ready["lastTransitionTime"])
    if deleted := deletion_timestamp(pod):
        return parse_rfc3339(deleted) - (pod["metadata"].get("deletionGracePeriodSeconds") or 0)
    return parse_rfc3339(pod["metadata"].get("creationTimestamp") or "1970-01-01T00:00:00Z")


def backoff_wait(pods: Iterable[Object], limits: JobLimits, since: Since) -> float:
    """Return the seconds until the next pod may be created after the failures since the last success."""
    ends = [(ended_at(pod), phase) for pod in pods if (phase := (pod.get("status") or {}).get("phase"))]
    last_success = max((end for end, phase in ends if phase == "Succeeded"), default=0.0)
    failures = [end for end, phase in ends if phase == "Failed" and end > last_success]
    return limits.wait(len(failures), since(max(failures))) if failures else 0.0
