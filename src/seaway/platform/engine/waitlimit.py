"""The wait limit of a task: it is given up unless its program has started by then. Pure.

It is for the first start alone: whatever was lost after that waits for as long as it takes.
"""

from __future__ import annotations

from dataclasses import replace

from seaway.base.clock import rfc3339
from seaway.base.durations import duration
from seaway.base.messages import wording
from seaway.model.run import Phase
from seaway.model.verdict import Verdict, VerdictClass
from seaway.platform.database.records import AttemptRecord, TaskRecord
from seaway.platform.diagnosis.rules.requests import WAIT_LIMIT
from seaway.platform.engine.situation import WAIT, Blocker, Need, Situation
from seaway.platform.workloads.observation import Observation


def counted(now: Situation) -> Situation:
    """Return the situation with what its task is to remember of its wait: since when it counts, or that it is over."""
    task = now.task
    if now.spec.wait_limit_seconds is None or task.begun or task.phase.ended:
        return now
    under_way = now.attempt is not None and not now.attempt.phase.ended
    if under_way and has_started(now.attempt, now.pod):
        return replace(now, task=replace(task, begun=True, waits_since=None))
    if task.waits_since is None and now.need is Need.MET:
        # what a monotonic clock said is of the wait before a retry
        fresh = replace(task, waits_since=now.now, boot_id=None, waits_since_monotonic=None)
        return replace(now, task=fresh)
    return now


def has_started(attempt: AttemptRecord | None, pod: Observation | None) -> bool:
    """Return whether the program of an attempt has started, as far as that was seen."""
    if attempt is not None and attempt.started is not None:
        return True
    return pod is not None and (pod.started is not None or pod.phase == "Running")


def wait_left(now: Situation) -> float | None:
    """Return for how many seconds a task may still wait; None where no limit counts."""
    limit = now.spec.wait_limit_seconds
    if limit is None or now.task.begun or now.task.waits_since is None:
        return None
    return limit - now.waited


def has_waited_too_long(now: Situation) -> bool:
    """Return whether a task's wait limit is over."""
    left = wait_left(now)
    return left is not None and left <= 0


def is_examined(blocker: Blocker | None, pod: Observation) -> bool:
    """Return whether a blocker says what a pod waits for now."""
    return blocker is not None and blocker.reason == pod.why_waiting


def not_started(now: Situation, why: str) -> str:
    """Say that a task is given up, and what it waited for."""
    limit = duration(now.spec.wait_limit_seconds)
    return wording(
        "it did not start within its wait limit of {limit}; at the end: {why}", limit=limit, why=why
    )


def verdict(message: str, at: float) -> Verdict:
    """Return the verdict of a task that did not start in time.

    Args:
        message: as `not_started` says it.
        at: when that was decided.
    """
    over = wording("its wait limit was over (--wait-limit)")
    evidence = {"source": "seaway", "time": rfc3339(at), "quote": over}
    return Verdict.model_validate(
        {"class": VerdictClass.DEADLINE, "cause": WAIT_LIMIT, "message": message, "evidence": [evidence]}
    )


def given_up(now: Situation, why: str) -> TaskRecord:
    """Return a task that ends without an attempt: what it waited for did not come in time."""
    found = verdict(not_started(now, why), now.now)
    return replace(
        now.task, phase=Phase.FAILED, message=found.message, verdict=found.as_stored(), not_before=None
    )


def ends_unstarted(attempt: AttemptRecord, pod: Observation) -> bool:
    """Return whether an attempt that was given up has certainly ended, and had not started after all."""
    certain = pod.ended or bool(pod.lease)
    return attempt.asked == WAIT and certain and not has_started(attempt, pod)


def goes_on(attempt: AttemptRecord, pod: Observation) -> bool:
    """Return whether an attempt that was to be given up has started before its pod was taken back."""
    return attempt.asked == WAIT and has_started(attempt, pod) and not pod.deleting and not pod.ended
