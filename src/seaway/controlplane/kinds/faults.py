"""Faults of an object, worded as Kubernetes words them.

Source: the error types of apimachinery's `field` package, as they appear in `Status` causes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from seaway.objects.errors import Cause
from seaway.objects.names import go_quoted

IMMUTABLE = "field is immutable"


def required(field: str, detail: str = "") -> Cause:
    """Return the fault of a field that must be given."""
    return Cause("FieldValueRequired", _join("Required value", detail), field)


def invalid(field: str, value: Any, detail: str) -> Cause:
    """Return the fault of a value that breaks a rule."""
    return Cause("FieldValueInvalid", _join(f"Invalid value: {_shown(value)}", detail), field)


def invalid_whole(field: str, detail: str) -> Cause:
    """Return the fault of a value that breaks a rule as a whole and is not shown."""
    return Cause("FieldValueInvalid", f"Invalid value: {detail}", field)


def unsupported(field: str, value: Any, supported: Iterable[str]) -> Cause:
    """Return the fault of a value outside a fixed set."""
    listed = ", ".join(_shown(word) for word in supported)
    value = "" if value is None else value
    return Cause(
        "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}", field
    )


def duplicate(field: str, value: Any, detail: str = "") -> Cause:
    """Return the fault of a value that must be unique and is not."""
    message = f"Duplicate value: {_shown(value)}" + (f": {detail}" if detail else "")
    return Cause("FieldValueDuplicate", message, field)


def not_found(field: str, value: Any, detail: str = "") -> Cause:
    """Return the fault of a reference within the object that meets nothing."""
    return Cause("FieldValueNotFound", _join(f"Not found: {_shown(value)}", detail), field)


def forbidden(field: str, detail: str) -> Cause:
    """Return the fault of a field that may not be set or changed here."""
    return Cause("FieldValueForbidden", _join("Forbidden", detail), field)


def too_long(field: str, limit: int) -> Cause:
    """Return the fault of a text of more than `limit` bytes."""
    return Cause("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", field)


def too_many(field: str, count: int, limit: int) -> Cause:
    """Return the fault of a list of more than `limit` items."""
    return Cause("FieldValueTooMany", f"Too many: {count}: must have at most {limit} items", field)


def immutable(field: str, new: Any, old: Any) -> list[Cause]:
    """Return the fault of a changed field that may not change, if it changed."""
    return [] if new == old else [invalid(field, new, IMMUTABLE)]


def _shown(value: Any) -> str:
    """Return a value as Go shows it: text quoted, all else as compact JSON."""
    if isinstance(value, str):
        return go_quoted(value)
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _join(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head
