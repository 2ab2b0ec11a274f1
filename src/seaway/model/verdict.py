"""Verdicts: how an attempt ended, and what `seaway why` says of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from seaway.model.base import Value


class VerdictClass(StrEnum):
    """What an ending means; decides whether it is tried again."""

    SUCCEEDED = "succeeded"
    INFRASTRUCTURE = "infrastructure"
    """Evicted, preempted, node lost, cluster stopped: tried again from the last checkpoint, never counted."""
    RESOURCE = "resource"
    """Out of memory or over its disk limit."""
    USER = "user"
    """The program's own failure."""
    CONFIGURATION = "configuration"
    """It can never start as it was asked for."""
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


COUNTED = (VerdictClass.USER, VerdictClass.RESOURCE, VerdictClass.UNKNOWN, VerdictClass.DEADLINE)
"""Endings that the user's retries are for."""


class Level(StrEnum):
    """Where a cause sits."""

    CODE = "code"
    DATA = "data"
    SPEC = "spec"
    CONTAINER = "container"
    NODE = "node"
    CLUSTER = "cluster"


class Evidence(Value):
    """One observation, quoted."""

    source: str
    """Where it was seen: "log", "pod status", "event", "node", "submission"."""
    time: datetime | None = None
    quote: str


class Verdict(Value):
    """How one attempt (or a run) ended, and why."""

    class_: VerdictClass = Field(alias="class")
    cause: str
    """A stable word: "Completed", "UserException", "ModuleNotFound", "OOMKilled", "Unschedulable" ..."""
    message: str
    """One sentence that a data scientist understands."""
    exit_code: int | None = None
    evidence: tuple[Evidence, ...] = ()


class Explanation(Value):
    """What `seaway why` answers."""

    subject: str
    """The run's name, or "run/task"."""
    level: Level | None = None
    class_: VerdictClass | None = Field(default=None, alias="class")
    """None while it has not ended."""
    cause: str
    message: str
    evidence: tuple[Evidence, ...] = ()
    done: str = ""
    """What Seaway already did about it."""
    retry: bool
    """Whether trying again unchanged would be right."""
    next_step: str = ""
    """One command, or one short instruction."""
