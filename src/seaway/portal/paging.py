"""Parameters of answers that come in pages by time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

Since = Annotated[
    datetime | None,
    Query(description="Leave out what happened before this time (RFC 3339; UTC where it has no zone)."),
]
Limit = Annotated[int, Query(ge=1, le=10_000, description="About so many; the answer says how to go on.")]


def seconds(time: datetime | None) -> float:
    """Return a time in seconds since the epoch, 0 for none."""
    if time is None:
        return 0.0
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()
