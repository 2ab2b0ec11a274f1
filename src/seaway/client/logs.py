"""What of a container's log is asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a container's log is asked for. Source: `PodLogOptions` of core/v1."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_seconds: int | None = None
    since_time: str | None = None
    """RFC 3339."""
    tail_lines: int | None = None
    limit_bytes: int | None = None
    stream: str = ""
    """Only what was written to "stdout" or "stderr"; empty for both."""
