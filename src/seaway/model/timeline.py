"""Timelines: what happened to a run, a pod or a node, in one order."""

from __future__ import annotations

from datetime import datetime

from seaway.model.base import Value


class TimelineEntry(Value):
    """One thing that happened."""

    time: datetime
    object: str
    """What it happened to: "run/train-1", "task/prepare", "pod/train-1-main-1", "node/node-1"."""
    source: str
    """Where it is known from: "seaway" (its own sentences), "change" (a revision of the object), "event" (Kubernetes), "audit"
    (what somebody did or was refused to do, and no change shows)."""
    message: str
    by: str = ""
    """Who did it: the user and the program where the API server tells, else the field manager of the write or the component of
    the event; "" where that is not known."""
    fields: tuple[str, ...] = ()
    """Of a change: the paths of what was written, as far as that is known."""
    warning: bool = False
    """Kubernetes, or Seaway, says that something is wrong."""


class Timeline(Value):
    """What happened to something, oldest first."""

    subject: str
    """What was asked for: "run/train-1", "pod/train-1-main-1"."""
    entries: tuple[TimelineEntry, ...] = ()
    next: datetime | None = None
    """There is more: ask again with `since` this time."""
    notes: tuple[str, ...] = ()
    """What is not in it, and why."""
