"""Whether a task is tried again after an attempt has ended, and with what. Pure."""

from __future__ import annotations

from dataclasses import replace

from seaway.model.run import Phase, TaskSpec
from seaway.model.verdict import COUNTED, Verdict, VerdictClass
from seaway.platform.database.records import TaskRecord
from seaway.platform.diagnosis.rules.infrastructure import UNCONFIRMED
from seaway.platform.diagnosis.rules.python import NO_PYTHON, plain_is_enough
from seaway.platform.diagnosis.rules.requests import WAIT_LIMIT
from seaway.platform.diagnosis.rules.resources import OUT_OF_MEMORY
from seaway.platform.engine import texts
from seaway.platform.engine.situation import Policy, Situation
from seaway.platform.workloads.growth import can_grow, grown


def tried_again(now: Situation, verdict: Verdict, policy: Policy) -> TaskRecord | None:
    """Return the task as it waits for its next attempt, None where there shall be none."""
    if now.run.stop_requested is not None:
        return None
    task, class_ = now.task, verdict.class_
    if class_ is VerdictClass.INFRASTRUCTURE:
        drained = now.draining or (now.attempt is not None and now.attempt.asked == "drain")
        delay = 0.0 if drained else policy.backoff.delay(task.losses + 1)
        message = texts.lost(verdict.message, delay)
        losses = task.losses if drained else task.losses + 1
        return replace(task, phase=Phase.QUEUED, message=message, losses=losses, not_before=now.now + delay)
    if verdict.cause == NO_PYTHON and can_do_without_runner(now.spec):
        return replace(
            task, phase=Phase.QUEUED, message=texts.started_plainly(verdict.message), not_before=None
        )
    if verdict.cause in (UNCONFIRMED, WAIT_LIMIT):
        return None
    if verdict.cause == OUT_OF_MEMORY and can_grow(now.spec, task.growth):
        more = grown(now.spec, task.growth + 1).resources.memory
        message = texts.grown(verdict.message, str(more))
        return replace(task, phase=Phase.QUEUED, message=message, growth=task.growth + 1, not_before=None)
    if task.failures < now.spec.retries and _is_asked_for(now.spec, verdict):
        message = texts.retried(verdict.message, task.failures + 1, now.spec.retries)
        return replace(task, phase=Phase.QUEUED, message=message, failures=task.failures + 1, not_before=None)
    return None


def _is_asked_for(spec: TaskSpec, verdict: Verdict) -> bool:
    """Return whether the user's retries are for such an ending: those that were named, else all that are anybody's fault."""
    if verdict.class_ not in COUNTED:
        return False
    words = {verdict.class_.value, verdict.cause, str(verdict.exit_code)}
    return not spec.retry_on or not words.isdisjoint(spec.retry_on)


def can_do_without_runner(spec: TaskSpec) -> bool:
    """Return whether a task may do its work in an image without Python."""
    return plain_is_enough(spec.command, needs_environment=spec.environment is not None)
