"""What --context says: kept here by the option, read by whoever connects."""

from __future__ import annotations

from contextvars import ContextVar

ASKED: ContextVar[str | None] = ContextVar("context", default=None)
"""None where the option was not given."""


def advice(words: str) -> str:
    """Return a command that a person is told to type: on the same server as this one."""
    asked = ASKED.get()
    return f"seaway {words}" + (f" --context {asked}" if asked else "")
