"""Endings that somebody asked for: a stop, a timeout, the server going down."""

from __future__ import annotations

from datetime import timedelta

from seaway.base.durations import duration
from seaway.base.messages import wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import (
    blanked,
    container_status,
    exit_code,
    from_end,
    from_log,
    last_lines,
    moment,
    quote,
    terminated,
)
from seaway.platform.diagnosis.facts import Facts, Requested
from seaway.platform.diagnosis.finding import Finding

WAIT_LIMIT = "WaitLimit"
"""The cause of an ending before the start: the wait limit was over."""


def stopped(facts: Facts) -> Finding | None:
    """Find a stop that a user asked for."""
    if facts.stopped_after:
        return _stopped_between(facts)
    if not _effective(facts, "stop"):
        return None
    early = wording("it was stopped on request before it started")
    said = wording("it was stopped on request") if terminated(facts) else early
    return Finding(
        None, VerdictClass.CANCELLED, "Stopped", said, _asked(facts, wording("a stop was asked for")),
        next_step="seaway retry {run}", exit_code=exit_code(facts),
    )  # fmt: skip


def _stopped_between(facts: Facts) -> Finding:
    """Say of a task that one attempt had ended and the next had not begun when it was stopped."""
    return Finding(
        None, VerdictClass.CANCELLED, "Stopped", wording("it was stopped on request before its next attempt started"),
        (quote(facts, "seaway", wording("a stop was asked for"), facts.requested_at),), next_step="seaway retry {run}",
        done=wording("the time before it ended: {ending}", ending=blanked(facts, facts.stopped_after)),
    )  # fmt: skip


def timed_out(facts: Facts) -> Finding | None:
    """Find an attempt that ran longer than it may."""
    status = (facts.pod or {}).get("status", {})
    by_kubernetes = status.get("reason") == "DeadlineExceeded"
    if not (_effective(facts, "timeout") or by_kubernetes):
        return None
    if facts.made is not None:
        return _pod_deadline(facts, str(status.get("message") or ""))
    said, passed = (
        wording("it ran longer than its time limit and was stopped"),
        wording("the time limit passed"),
    )
    if facts.timeout_seconds:
        limit = duration(facts.timeout_seconds)
        said = wording("it ran longer than its time limit of {limit} and was stopped", limit=limit)
        passed = wording("the time limit of {limit} passed", limit=limit)
    longer = duration(facts.timeout_seconds * 2) if facts.timeout_seconds else "LONGER"
    return Finding(
        Level.SPEC, VerdictClass.DEADLINE, "Timeout", said, _asked(facts, passed),
        next_step=again(facts, "--timeout", longer), exit_code=exit_code(facts),
    )  # fmt: skip


def stopped_as_hung(facts: Facts) -> Finding | None:
    """Find an attempt that did nothing for as long as its task allows."""
    if not _effective(facts, "hung"):
        return None
    limit = duration(facts.hung_seconds) if facts.hung_seconds else wording("too long")
    asked = wording("no line in its log and no CPU used for {limit} (--stop-if-hung)", limit=limit)
    said = wording("it hung and was stopped: it wrote nothing and used no CPU for {limit}", limit=limit)
    return Finding(
        Level.CODE, VerdictClass.DEADLINE, "StoppedAsHung", said,
        (*from_log(facts, last_lines(facts, 1)), *_asked(facts, asked)),
        next_step="seaway logs {run}", exit_code=exit_code(facts),
    )  # fmt: skip


def not_started_in_time(facts: Facts) -> Finding | None:
    """Find a task whose program did not start within its wait limit."""
    found = facts.not_started
    if found is None or facts.waiting:
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.DEADLINE, WAIT_LIMIT, blanked(facts, found.message), found.evidence,
        next_step="seaway retry {run}",
    )  # fmt: skip


def started_too_late(facts: Facts) -> Finding | None:
    """Find a program that started while its pod was being taken back, because it had not started in time."""
    if not _effective(facts, "wait") or exit_code(facts) == 0 or not terminated(facts):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "StartedTooLate",
        wording("it started at the very moment at which its pod was taken back, because its wait limit was over"),
        _asked(facts, wording("the wait limit was over (--wait-limit)")), next_step="seaway logs {run} -f",
        done=wording("it is tried again, without the wait limit, since it has started once; this does not count as a retry"),
        retry=True, exit_code=exit_code(facts),
    )  # fmt: skip


def _pod_deadline(facts: Facts, message: str) -> Finding | None:
    """Find a pod that its activeDeadlineSeconds ended, not one that could not begin within them."""
    state = container_status(facts).get("state") or {}
    if not state.keys() & {"running", "terminated"} and (state.get("waiting") or {}).get("message"):
        return None
    seconds = ((facts.pod or {}).get("spec") or {}).get("activeDeadlineSeconds")
    said = wording("it ran longer than its time limit and was stopped")
    if seconds:
        limit = f"{duration(seconds)} (activeDeadlineSeconds)"
        said = wording("it ran longer than its time limit of {limit} and was stopped", limit=limit)
    return Finding(
        Level.SPEC, VerdictClass.DEADLINE, "Timeout", said,
        (quote(facts, "pod status", f"DeadlineExceeded: {message}"), *from_end(facts)),
        next_step=again(facts, "--timeout", str(int(seconds * 2)) if seconds else "MORE"), exit_code=exit_code(facts),
    )  # fmt: skip


def own_timeout(facts: Facts) -> Finding | None:
    """Find a program that the command `timeout` ended: it exits with 124."""
    if exit_code(facts) != 124 or facts.made is None:
        return None
    return Finding(
        Level.SPEC, VerdictClass.DEADLINE, "Timeout",
        wording("it ran longer than the command `timeout` that starts it allows (exit code 124)"), from_end(facts),
        next_step=wording("give it more time in its command, then: {command}", command=again(facts)), exit_code=124,
    )  # fmt: skip


def drained(facts: Facts) -> Finding | None:
    """Find an attempt that was stopped because the server went down."""
    if not _effective(facts, "drain"):
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ClusterStopped",
        wording("it was stopped because the cluster was stopped"),
        _asked(facts, wording("the server was asked to go down")), next_step="seaway up",
        done=wording("it goes on from its last checkpoint when the cluster is up again; this does not count as a retry"),
        retry=True, exit_code=exit_code(facts),
    )  # fmt: skip


def lost_on_purpose(facts: Facts) -> Finding | None:
    """Find an attempt that was killed to see whether it resumes."""
    if not _effective(facts, "lose") or exit_code(facts) == 0:
        return None
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "LostOnPurpose",
        wording("it was killed on purpose, as with its machine"),
        _asked(facts, wording("it was to be lost, without grace")), next_step="seaway logs {run} -f",
        done=wording("it is tried again from its last checkpoint; this does not count as a retry"),
        retry=True, exit_code=exit_code(facts),
    )  # fmt: skip


def _effective(facts: Facts, what: Requested) -> bool:
    """Tell whether a request came before the program had ended by itself; times are exact to the second.

    Clocks of machines differ and are set: where the program was seen to run when its Pod was deleted, that counts.
    """
    if facts.requested != what or facts.waiting:
        return False
    if facts.deleted_while_it_ran:
        return True
    asked, ended = moment(facts.requested_at), moment((terminated(facts) or {}).get("finishedAt"))
    return asked is None or ended is None or ended >= asked - timedelta(seconds=1)


def _asked(facts: Facts, text: str) -> tuple[Evidence, ...]:
    return (quote(facts, "seaway", text, facts.requested_at), *from_end(facts))
