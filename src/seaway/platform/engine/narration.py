"""What the log of an attempt says of the attempt itself, in plain sentences. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.model.run import Phase
from seaway.platform.database.records import AttemptRecord, TaskRecord
from seaway.platform.diagnosis import waits
from seaway.platform.engine import texts
from seaway.platform.engine.line import Ahead


def narrate(before: AttemptRecord | None, after: AttemptRecord, memory: str = "") -> list[str]:
    """Return the sentences that a change of an attempt is worth.

    Args:
        before: the attempt as it was, None where it is new.
        after: the attempt.
        memory: how much it gets, where it gets more than was asked for.
    """
    said = []
    if before is None:
        more = f" with {memory} of memory" if memory else ""
        said.append("queued" if after.number == 1 else f"attempt {after.number}{more}: queued")
    if after.node and (before is None or not before.node):
        said.append(f"placed on node {after.node}")
    if _has_run(after) and (before is None or not _has_run(before)):
        said.append("started")
    if after.asked and (before is None or not before.asked):
        said.append(_ASKED[after.asked])
    if after.phase.ended and after.phase is not Phase.SUCCEEDED and after.verdict:
        said.append(f"{after.phase.value}: {after.verdict['message']}")
    return said


def narrate_wait(before: str, after: TaskRecord, ahead: Ahead) -> str:
    """Return what is said of a task that is not started yet; "" where that is nothing new.

    Args:
        before: what it waited for until now.
        after: the task.
        ahead: who gets a place before it, where it waits for one.
    """
    if after.phase is Phase.FAILED and after.message != before:
        return f"failed: {after.message}"
    if after.phase is not Phase.QUEUED or after.message in ("", waits.QUEUED, before):
        return ""
    return texts.queued_behind(*ahead[:4]) if after.message == waits.NO_ROOM else after.message


_SAID = {
    "Pulling",
    "Pulled",
    "ErrImageNeverPull",
    "FailedMount",
    "FailedAttachVolume",
    "SuccessfulAttachVolume",
}
"""Reasons of events that are worth a sentence: what is done for a pod before its program starts."""


def narrate_event(event: Mapping[str, Any]) -> str:
    """Return what an event about a run's pod is worth in the run's log: images and volumes; "" for others."""
    message = " ".join(str(event.get("message") or "").split())
    if event.get("reason") not in _SAID or not message:
        return ""
    return message[:1].lower() + message[1:]


def _has_run(attempt: AttemptRecord) -> bool:
    return attempt.phase is Phase.RUNNING or attempt.started is not None


_ASKED = {
    "stop": "asked to stop; it may finish in an orderly way",
    "timeout": "its time is over; it may finish in an orderly way",
    "hung": "it has written nothing and used no CPU for as long as its --stop-if-hung says; it may finish in an orderly way",
    "wait": "it has not started within its wait limit: its pod is taken back",
    "drain": "the server is being stopped; this goes on at its next start",
    "lose": "lost on purpose: killed without grace, and nothing that it makes from now on is kept",
    "blocked": "can never start as it was asked for",
}


def happened(event: Mapping[str, Any]) -> float:
    """Return when an event happened last, in seconds since the epoch; 0 where it does not say."""
    series = event.get("series") or {}
    told = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return parse_rfc3339(told) if told else 0.0
