"""What --context says: kept here by the option, read by whoever connects."""

from __future__ import annotations

from contextvars import ContextVar

ASKED: ContextVar[str | None] = ContextVar("context", default=None)
"""None where the option was not given."""
