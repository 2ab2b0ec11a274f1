"""What is no failure: attempts that completed, run, or wait their turn; and what nobody can explain."""

from __future__ import annotations

import re
from datetime import timedelta

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.evidence import (
    blanked,
    condition,
    container_status,
    exit_code,
    from_end,
    from_event,
    from_log,
    last_lines,
    moment,
    pod_status,
    quote,
    terminated,
    waiting,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.tracebacks import last_traceback
from seaway.platform.diagnosis.usual import takes
from seaway.platform.diagnosis.waits import NO_ROOM, whole

_ASKED_TO_END = {
    "stop": wording("it was asked to stop"),
    "timeout": wording("its time limit has passed"),
    "hung": wording("it said nothing and used no CPU for too long"),
    "wait": wording("it had not started when its wait limit was over"),
    "drain": wording(
        "{down} asked it to end; it goes on at the next {up}", down="seaway down", up="seaway up"
    ),
    "lose": wording("it is killed as if with its machine"),
}
_HOLDER = re.compile(r"waits for the lock .* run '(?P<run>[^']+)' has held since")


def completed(facts: Facts) -> Finding | None:
    """Find a program that ended with 0."""
    if exit_code(facts) != 0 and not (
        pod_status(facts).get("phase") == "Succeeded" and exit_code(facts) is None
    ):
        return None
    if pod_status(facts).get("phase") == "Failed" and pod_status(facts).get("reason"):
        return None
    if _was_told_to_end(facts):
        return None
    caught = last_traceback(facts.log_tail)
    said = from_log(facts, [caught.line]) if caught is not None else ()
    return Finding(
        None, VerdictClass.SUCCEEDED, "Completed", wording("it completed"), (*from_end(facts), *said), next_step="seaway outputs {run}",
        exit_code=0,
    )  # fmt: skip


def _was_told_to_end(facts: Facts) -> bool:
    """Tell whether an attempt whose program ended with 0 was being taken away before: programs that save what they have when they are told to end, do so with 0.

    Where the order is not known, it had completed.
    """
    if facts.made is not None or facts.requested:
        return False
    if facts.deleted_while_it_ran or pod_status(facts).get("reason"):  # nodes give one where they end a pod
        return True
    metadata, found = (facts.pod or {}).get("metadata") or {}, condition(facts, "DisruptionTarget") or {}
    due, ended = (
        moment(metadata.get("deletionTimestamp")),
        moment((terminated(facts) or {}).get("finishedAt")),
    )
    told = [moment(facts.deletion_asked)]
    if due is not None:
        told.append(due - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0))
    if found.get("status") == "True":
        told.append(moment(found.get("lastTransitionTime")))
    return ended is not None and any(at is not None and at < ended for at in told)


def waits_for_others(facts: Facts) -> Finding | None:
    """Find an attempt that is not created yet because something must come first."""
    if not facts.waiting or not facts.waits_for:
        return None
    holder, step = _HOLDER.search(facts.waits_for), "seaway show {run}"
    if holder:
        watched = f"seaway logs {holder['run']} -f"
        step = wording("wait, or see how far that is: {command}", command=watched)
    before = holder["run"] if holder else _first_to_end(facts) if facts.waits_for == NO_ROOM else ""
    return Finding(
        Level.SPEC, VerdictClass.UNKNOWN, "Waiting", whole(blanked(facts, facts.waits_for)),
        (quote(facts, "submission", facts.waits_for),), next_step=step, permanent=False,
        done=_until(facts, before),
    )  # fmt: skip


def _first_to_end(facts: Facts) -> str:
    """Return which run under way ends first if each takes as long as usual, "" where that of none is known."""
    ends = [(told.ends, run) for run, told in (facts.usual or {}).items() if told.ends is not None]
    return min(ends, default=("", ""))[1]


def _until(facts: Facts, run: str) -> str:
    """Say how long a run usually takes that is waited for, and when it would end then; "" where no earlier one tells."""
    found = (facts.usual or {}).get(run)
    if found is None:
        return ""
    at = moment(found.ends)
    if at is None:
        return wording(
            "an estimate: {run} {takes}, and has run for longer already", run=run, takes=takes(found)
        )
    return wording(
        "an estimate: {run} {takes}, and would end at about {time} UTC",
        run=run, takes=takes(found), time=f"{at:%H:%M}",
    )  # fmt: skip


def skipped(facts: Facts) -> Finding | None:
    """Find a task that never started because one that it comes after did not succeed."""
    if not facts.skipped:
        return None
    return Finding(
        Level.SPEC, VerdictClass.CANCELLED, "Skipped", whole(facts.skipped), (quote(facts, "seaway", facts.skipped),),
        next_step=wording("see why that one did not: {command}", command="seaway why {run}"),
    )  # fmt: skip


def stopping(facts: Facts) -> Finding | None:
    """Find an attempt that was asked to end and has not ended yet."""
    asked = _ASKED_TO_END.get(facts.requested)
    if not facts.waiting or asked is None or "running" not in (container_status(facts).get("state") or {}):
        return None
    due = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    said = wording("it is ending: {reason}", reason=asked)
    if due:
        said = wording(
            "it is ending: {reason}; it has until {time}, and is killed then", reason=asked, time=due
        )
    return Finding(
        None, VerdictClass.UNKNOWN, "Stopping", said,
        (quote(facts, "seaway", asked, facts.requested_at),), next_step="seaway logs {run} -f", permanent=False,
    )  # fmt: skip


def running(facts: Facts) -> Finding | None:
    """Find an attempt that runs."""
    started = (container_status(facts).get("state") or {}).get("running")
    if not facts.waiting or started is None or _is_heard_of_only(facts):
        return None
    return Finding(
        None, VerdictClass.UNKNOWN, "Running", wording("nothing is wrong: it runs"),
        (quote(facts, "pod status", wording("container is running"), started.get("startedAt")),),
        next_step="seaway logs {run} -f", permanent=False,
    )  # fmt: skip


def starting(facts: Facts) -> Finding | None:
    """Find an attempt that is on its way."""
    if not facts.waiting or (facts.made is not None and facts.pod is None) or _is_heard_of_only(facts):
        return None
    node = ((facts.pod or {}).get("spec") or {}).get("nodeName")
    reason = waiting(facts).get("reason", "")
    said = (
        wording("it is being started on {node}", node=node)
        if node
        else wording("it waits to be placed on a node")
    )
    scheduler = ((facts.pod or {}).get("spec") or {}).get("schedulerName")
    if not node and facts.made is not None and scheduler not in (None, "default-scheduler"):
        said = wording(
            "it waits for the scheduler {scheduler!r} to place it, which has said nothing of it yet",
            scheduler=scheduler or "",
        )
    text = reason or pod_status(facts).get("phase") or wording("not created yet")
    return Finding(
        None, VerdictClass.UNKNOWN, "Starting" if node else "Queued", said,
        (quote(facts, "pod status", text), *from_event(facts, facts.events[-1] if facts.events else None)),
        next_step="seaway logs {run} -f", permanent=False,
    )  # fmt: skip


def unknown(facts: Facts) -> Finding:
    """Say that no rule fits, with all that was seen."""
    status = pod_status(facts)
    state = wording(
        "phase {phase}, reason {reason}",
        phase=status.get("phase", wording("unknown")), reason=status.get("reason") or wording("none"),
    )  # fmt: skip
    seen = [quote(facts, "pod status", state)]
    seen += from_end(facts)
    seen += from_event(facts, facts.events[-1] if facts.events else None)
    seen += from_log(facts, last_lines(facts, 2))
    said = wording("it waits, and nothing that was seen says for what")
    if _is_heard_of_only(facts):
        said = wording("it started, and only its events are known, which do not say what became of it")
        seen = seen[1:]
    elif not facts.waiting:
        said = wording("it ended, and nothing that was seen says why")
    return Finding(
        None, VerdictClass.UNKNOWN, "Unknown", said, tuple(seen),
        next_step="seaway logs {run}", exit_code=exit_code(facts),
    )  # fmt: skip


def _is_heard_of_only(facts: Facts) -> bool:
    """Tell whether nothing but events tell of a pod that has started: they do not say whether it still runs."""
    status = pod_status(facts)
    return bool(status.get("onlyEvents")) and status.get("phase") == "Running"
