"""What to do about one task, decided from values alone.

`decide` compares what the database says of a task with what the cluster shows of its newest attempt. It returns the
records as they should be and the effects to bring about after they are stored; calling it again with nothing changed
decides nothing new. What reads, writes and calls Kubernetes is in `engine`, `carrier` and `effects`.
"""

from __future__ import annotations

from dataclasses import replace

from seaway.model.run import Phase
from seaway.model.verdict import Verdict, VerdictClass
from seaway.platform.database.records import AttemptRecord, TaskRecord
from seaway.platform.diagnosis import waits
from seaway.platform.engine import texts
from seaway.platform.engine.ages import ENDS_AFTER
from seaway.platform.engine.retries import tried_again
from seaway.platform.engine.situation import WAIT, Ages, Blocker, Decision, Effect, Need, Policy, Situation
from seaway.platform.engine.waitlimit import (
    counted,
    ends_unstarted,
    given_up,
    goes_on,
    has_waited_too_long,
    is_examined,
    not_started,
    wait_left,
)
from seaway.platform.engine.waitlimit import verdict as wait_verdict
from seaway.platform.workloads.names import pod_name
from seaway.platform.workloads.observation import Observation


def decide(now: Situation, policy: Policy) -> Decision:
    """Return what to do about a task."""
    now = counted(now)
    decision, left = _decide(now, policy), wait_left(now)
    if left is None or left <= 0 or decision.task.phase.ended:
        return decision
    again = decision.look_again
    return replace(decision, look_again=left if again is None else min(left, again))


def _decide(now: Situation, policy: Policy) -> Decision:
    if now.attempt is not None and not now.attempt.phase.ended:
        return _attend(now, now.attempt, policy)
    release = (
        (Effect.RELEASE,) if now.attempt is not None and now.pod is not None and not now.pod.gone else ()
    )
    if now.task.phase.ended:
        return Decision(now.task, now.attempt, release)
    decision = _start(now, policy)
    return decision if decision.attempt is not now.attempt else replace(decision, effects=release)


def _must_wait(left: float, policy: Policy) -> bool:
    """Return whether a back-off with so many seconds left is waited for: where it is longer than any, a clock was set back."""
    return 0 < left <= policy.backoff.cap * (1 + policy.backoff.jitter)


def _start(now: Situation, policy: Policy) -> Decision:
    """Decide about a task none of whose attempts is under way."""
    task = now.task
    if now.run.stop_requested is not None:
        said = texts.STOPPED_BEFORE_START if now.attempt is None else texts.STOPPED_BEFORE_NEXT
        return Decision(_ended(task, Phase.STOPPED, said), now.attempt)
    if now.need is Need.BROKEN:
        return Decision(_ended(task, Phase.SKIPPED, waits.skipped(now.waits_for)), now.attempt)
    if now.need is Need.OPEN:
        return Decision(_says(task, Phase.QUEUED, waits.for_task(now.waits_for)), now.attempt)
    if has_waited_too_long(now):
        return Decision(given_up(now, _obstacle(now) or task.message), now.attempt)
    if now.draining:
        return Decision(_says(task, Phase.QUEUED, waits.SERVER_STOPS), now.attempt)
    if task.not_before is not None and _must_wait(task.not_before - now.now, policy):
        return Decision(task, now.attempt, look_again=task.not_before - now.now)
    if obstacle := _obstacle(now):
        return Decision(_says(task, Phase.QUEUED, obstacle), now.attempt)
    number = now.attempt.number + 1 if now.attempt else 1
    fence = task.fence + 1
    attempt = AttemptRecord(
        run_id=task.run_id, task=task.name, number=number, fence=fence,
        pod=pod_name(now.run.name, task.name, number, single=now.single),
        phase=Phase.STARTING, created=now.now, lock=now.spec.lock, lock_token=now.lock_token if now.spec.lock else None,
    )  # fmt: skip
    started = replace(task, phase=Phase.STARTING, message=texts.STARTING, fence=fence, not_before=None)
    return Decision(started, attempt, (Effect.CREATE,))


def _obstacle(now: Situation) -> str:
    """Return what is in the way of a task's next attempt, "" where nothing is."""
    return now.locked if now.room else waits.NO_ROOM


def _attend(now: Situation, attempt: AttemptRecord, policy: Policy) -> Decision:
    """Decide about the attempt under way."""
    pod = now.pod
    if pod is None:
        return _without_pod(now, attempt, policy)
    seen = _record(attempt, pod)
    if pod.ended or _is_given_up(now, pod, policy):
        return _conclude(now, seen, pod, policy)
    if goes_on(seen, pod):
        seen = replace(seen, asked="", asked_at=None)
    if (asked := _ask(now, seen, policy)) == WAIT != seen.asked and not is_examined(now.blocker, pod):
        return Decision(now.task, seen, (Effect.EXAMINE,))
    if asked != seen.asked:
        seen = replace(seen, asked=asked, asked_at=now.now, phase=Phase.STOPPING)
    if seen.asked:
        task = _says(now.task, Phase.STOPPING, _ending(now, seen.asked))
        effects = () if pod.deleting else (Effect.DELETE,)
        return Decision(task, seen, effects, look_again=_patience(now, pod, policy))
    return _watch(now, seen, pod, policy)


def _without_pod(now: Situation, attempt: AttemptRecord, policy: Policy) -> Decision:
    """Decide about an attempt of which the cluster shows no pod: create it, unless it was there before."""
    if now.verdict is not None:
        return _finish(now, attempt, now.verdict, policy)
    if now.creating:
        return Decision(now.task, attempt)
    gone, stops = attempt.uid is not None, now.run.stop_requested is not None or now.draining
    if gone or attempt.asked or stops or has_waited_too_long(now):
        asked = attempt.asked or _ask(now, attempt, policy)
        ending = replace(attempt, asked=asked, asked_at=attempt.asked_at or now.now) if asked else attempt
        task = _says(now.task, Phase.STOPPING, _ending(now, asked)) if asked == WAIT else now.task
        return Decision(task, ending, (Effect.JUDGE,))
    task = _says(now.task, Phase.STARTING, now.blocker.message) if now.blocker is not None else now.task
    return Decision(task, attempt, (Effect.CREATE,))


def _watch(now: Situation, attempt: AttemptRecord, pod: Observation, policy: Policy) -> Decision:
    """Say what a pod does that shall go on."""
    if pod.deleting:
        return _taken_away(now, attempt, pod, policy)
    if pod.phase == "Running" or attempt.started is not None:
        task = _says(now.task, Phase.RUNNING, texts.RUNNING)
        return Decision(task, replace(attempt, phase=Phase.RUNNING), look_again=_time_left(now, attempt))
    if pod.waiting:
        if now.blocker is None or now.blocker.reason != pod.why_waiting:
            return Decision(now.task, attempt, (Effect.EXAMINE,))
        message, until = now.blocker.message, None
        if now.blocker.verdict is not None:
            until = policy.hope - now.ages.attempt
            message = texts.hopes(message, policy.hope)
        return Decision(_says(now.task, Phase.STARTING, message), attempt, look_again=until)
    message = texts.placed(pod.node) if pod.node else texts.STARTING
    return Decision(_says(now.task, Phase.STARTING, message), attempt)


def is_overdue(pod: Observation, ages: Ages, policy: Policy) -> bool:
    """Return whether a pod should long have ended: its node does not answer."""
    return pod.deleting and not pod.ended and _until_overdue(pod, ages, policy) <= 0


def _until_overdue(pod: Observation, ages: Ages, policy: Policy) -> float:
    return pod.grace + policy.late - ages.deletion


def _patience(now: Situation, pod: Observation, policy: Policy) -> float | None:
    """Return for how many seconds the end of a pod that is being deleted is still waited for; None for others.

    A program that keeps a lease has certainly ended by then. Of another one it is not known, and it is not tried again.
    """
    if not pod.deleting or pod.node is None:
        return None
    overdue = _until_overdue(pod, now.ages, policy)
    if not pod.lease:
        return overdue + policy.silence
    return max(overdue, ENDS_AFTER * pod.lease - now.ages.silence)


def _is_given_up(now: Situation, pod: Observation, policy: Policy) -> bool:
    left = _patience(now, pod, policy)
    return left is not None and left <= 0


def _taken_away(now: Situation, attempt: AttemptRecord, pod: Observation, policy: Policy) -> Decision:
    """Say what is waited for while the cluster ends a pod that Seaway did not ask it to: two must never run at once."""
    if not is_overdue(pod, now.ages, policy):
        message, again = texts.taken_away(pod.node or "NODE"), _until_overdue(pod, now.ages, policy)
    else:
        again = _patience(now, pod, policy) or 0.0
        message = texts.unconfirmed(pod.node or "NODE", now.now + again, leased=bool(pod.lease))
    runs = pod.phase == "Running" or attempt.started is not None
    phase = Phase.RUNNING if runs else Phase.STARTING
    return Decision(_says(now.task, phase, message), replace(attempt, phase=phase), look_again=again)


def _ask(now: Situation, attempt: AttemptRecord, policy: Policy) -> str:
    """Return why an attempt under way must end, "" where it may go on. What was asked first stays."""
    if attempt.asked:
        return attempt.asked
    if now.run.stop_requested is not None:
        return "stop"
    left = _time_left(now, attempt)
    if left is not None and left <= 0:
        return "timeout"
    if now.draining:
        return "drain"
    if now.blocker is not None and now.blocker.verdict is not None and _is_current(now.blocker, now.pod):
        placed = now.pod is not None and now.pod.node is not None
        return "blocked" if placed or now.ages.attempt >= policy.hope else ""
    return WAIT if has_waited_too_long(now) else ""


def _ending(now: Situation, asked: str) -> str:
    """Say why an attempt is being ended; of one that did not start in time, what it waited for when that was decided."""
    if asked != WAIT:
        return texts.ending(asked)
    if now.task.phase is Phase.STOPPING:
        return now.task.message
    return not_started(now, now.blocker.message if now.blocker is not None else now.task.message)


def _is_current(blocker: Blocker, pod: Observation | None) -> bool:
    """Return whether a blocker is about what the pod waits for now."""
    return pod is None or (bool(pod.waiting) and blocker.reason == pod.why_waiting)


def _time_left(now: Situation, attempt: AttemptRecord) -> float | None:
    if now.spec.timeout_seconds is None or attempt.started is None:
        return None
    return now.spec.timeout_seconds - now.ages.program


def _record(attempt: AttemptRecord, pod: Observation) -> AttemptRecord:
    """Return the attempt with what its pod shows."""
    return replace(
        attempt,
        uid=attempt.uid or pod.uid,
        node=pod.node or attempt.node,
        started=attempt.started or pod.started,
        finished=pod.finished or attempt.finished,
        exit_code=pod.exit_code if pod.exit_code is not None else attempt.exit_code,
        peak_memory=max(pod.peak_memory or 0, attempt.peak_memory or 0) or None,
        memory_limit=pod.memory_limit or attempt.memory_limit,
    )


def _conclude(now: Situation, attempt: AttemptRecord, pod: Observation, policy: Policy) -> Decision:
    """Decide about an attempt whose pod has certainly ended."""
    if now.verdict is not None:
        return _finish(now, attempt, now.verdict, policy)
    if ends_unstarted(attempt, pod):
        return _finish(now, attempt, wait_verdict(now.task.message, attempt.asked_at or now.now), policy)
    if pod.succeeded and not attempt.asked:  # nothing to find out: the next task need not wait for the log
        return _finish(now, attempt, texts.SUCCEEDED, policy)
    if now.blocker is not None and now.blocker.verdict is not None and attempt.asked == "blocked":
        return _finish(now, attempt, now.blocker.verdict, policy)
    return Decision(now.task, attempt, (Effect.JUDGE,))


_PHASES = {VerdictClass.SUCCEEDED: Phase.SUCCEEDED, VerdictClass.CANCELLED: Phase.STOPPED}


def _finish(now: Situation, attempt: AttemptRecord, verdict: Verdict, policy: Policy) -> Decision:
    """End an attempt by its verdict, and its task unless it is tried again."""
    said = verdict.as_stored()
    code = attempt.exit_code if attempt.exit_code is not None else verdict.exit_code
    ended = replace(
        attempt, phase=_PHASES.get(verdict.class_, Phase.FAILED), finished=attempt.finished or now.now,
        exit_code=code, verdict=said,
    )  # fmt: skip
    task = tried_again(now, verdict, policy)
    if task is None:
        task = replace(now.task, phase=ended.phase, message=verdict.message, verdict=said, not_before=None)
    effects = (Effect.RELEASE,) if now.pod is not None and not now.pod.gone else ()
    again = None if task.not_before is None else task.not_before - now.now
    return Decision(task, ended, effects, look_again=again)


def _ended(task: TaskRecord, phase: Phase, message: str) -> TaskRecord:
    return replace(task, phase=phase, message=message, not_before=None)


def _says(task: TaskRecord, phase: Phase, message: str) -> TaskRecord:
    return (
        task
        if (task.phase, task.message) == (phase, message)
        else replace(task, phase=phase, message=message)
    )
