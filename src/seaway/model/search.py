"""Searches in logs."""

from __future__ import annotations

from datetime import datetime

from seaway.model.base import Value


class SearchHit(Value):
    """One line that was found."""

    time: datetime
    run: str = ""
    """The run's name; "" where the line is of a pod that is no run's."""
    task: str
    """The run's task, or the pod's container."""
    attempt: int
    """Of the task; of a container how often it had been started before."""
    pod: str = ""
    line: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    own: bool = False
    """The line is Seaway's own."""


class SearchResult(Value):
    """What was found, newest first."""

    hits: tuple[SearchHit, ...] = ()
    more: bool = False
    """There may be older ones."""
    notes: tuple[str, ...] = ()
    """What was not looked through, and why."""
