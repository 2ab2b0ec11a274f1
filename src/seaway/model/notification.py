"""Who is told of what happens to runs and nodes, and by which way."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from seaway.model.base import Value
from seaway.model.user_token import UserName


class Event(StrEnum):
    """What somebody can be told of."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    """An attempt was lost through nobody's fault, and is tried again."""
    RECOVERED = "recovered"
    """The next attempt after a loss runs."""
    WAITING = "waiting"
    """A run has not started for longer than the server's setting says."""
    HUNG = "hung"
    """A run has neither written to its log nor used the CPU for longer than the server's setting says."""
    GPU = "gpu"
    """A run has used none of the GPUs that it asked for, for half an hour."""
    NODE = "node"
    """A node was lost, is short of something or was deleted, with runs on it."""
    STORAGE = "storage"
    """A user's runs take 80 % of the room that they may, or all of it."""
    CERTIFICATE = "certificate"
    """A certificate on which the server depends expires in 30, 7 or 1 days, or has expired."""


USUAL_EVENTS = tuple(event for event in Event if event is not Event.STOPPED)
"""What is told where nothing else was asked for: all but what somebody did on purpose."""
TargetName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63,
        description="lower-case letters, digits and '-', at most 63 characters",
    ),
]  # fmt: skip
Url = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9+.-]*://\S+$", max_length=2048, repr=False)]


class NotificationSpec(Value):
    """A way to tell somebody, as it is asked for."""

    name: TargetName
    url: Url
    """An Apprise URL (https://appriseit.com/services/); it holds secrets, and is never shown again."""
    user: UserName | None = None
    """Whose runs it tells of; None for everybody's."""
    workspace: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)] | None = None
    """The workspace (namespace) whose runs it tells of; None for all of the server."""
    events: Annotated[tuple[Event, ...], Field(min_length=1)] = USUAL_EVENTS


class NotificationView(Value):
    """A way to tell somebody, without what is secret of it."""

    name: str
    shown: str
    """The URL's kind, and its host where that is no secret."""
    user: str | None = None
    workspace: str | None = None
    events: tuple[Event, ...]
    created: datetime
    created_by: str
    last_sent: datetime | None = None
    problem: str = ""
    """Why the last message did not arrive; it is tried again. "" where it did."""
    pending: int = 0
    """Messages that are still to be sent."""
