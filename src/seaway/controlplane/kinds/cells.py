"""Cells that many kinds print: name, age, labels, and missing values as kubectl writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.kinds.declaration import Column, Object
from seaway.objects import meta

NONE = "<none>"
UNKNOWN = "<unknown>"
UNSET = "<unset>"

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(seconds: float) -> str:
    """Return a duration in at most two units, as kubectl prints ages: "45s", "3m20s", "5d4h"."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = whole % large // small
    return f"{whole // large}{large_unit}" + (f"{rest}{small_unit}" if rest else "")


def since(timestamp: str | None, now: float) -> str:
    """Return how long ago a time was, "<unknown>" where there is none."""
    if not timestamp:
        return UNKNOWN
    try:
        return human_duration(now - parse_rfc3339(timestamp))
    except ValueError:
        return UNKNOWN


def age(obj: Object, now: float) -> str:
    """Return the object's age."""
    return since((obj.get("metadata") or {}).get("creationTimestamp"), now)


def name(obj: Object, _now: float) -> str:
    """Return the object's name."""
    return meta.name(obj)


def at(*path: str, default: Any = "") -> Callable[[Object, float], Any]:
    """Return a cell function that reads a field, `default` where it is absent."""

    def cell(obj: Object, _now: float) -> Any:
        return read(obj, *path, default=default)

    return cell


def read(obj: Mapping[str, Any], *path: str, default: Any = "") -> Any:
    """Return a nested field of an object, `default` where it or a parent is absent or null."""
    value: Any = obj
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return default
    return value


def format_labels(labels: Mapping[str, str] | None) -> str:
    """Return labels as "a=b,c=d", "<none>" where there are none."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or NONE


def joined(values: Iterable[str]) -> str:
    """Return values separated by commas."""
    return ",".join(values)


NAME = Column(
    "Name", name, format="name", description="Name of the object, unique among its kind in its namespace."
)
AGE = Column("Age", age, description="Time since the object was created.")
CREATED_AT = Column(
    "Created At",
    at("metadata", "creationTimestamp"),
    type="date",
    description="When the object was created.",
)
DEFAULT_COLUMNS = (NAME, AGE)
"""What is printed of a kind that declares no columns."""
