"""How long something lasts, in words. Pure."""

from __future__ import annotations

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def duration(seconds: float | None) -> str:
    """Return a duration exactly, as it is typed: "90s", "30m", "2h"."""
    whole = int(seconds or 0)
    if whole != (seconds or 0) or whole < 60:
        return f"{seconds:g}s"
    return next((f"{whole // size}{unit}" for size, unit in _UNITS if whole % size == 0), f"{whole}s")
