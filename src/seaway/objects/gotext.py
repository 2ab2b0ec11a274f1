"""Values as Kubernetes' error messages print them where they are no JSON."""

from __future__ import annotations

from typing import Any


def go_text(value: Any) -> str:
    """Return a JSON value as Go prints it: "map[a:1 b:[x y]]"."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{name}:{go_text(value[name])}" for name in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(go_text, value)) + "]"
    return str(value)


def json_type(value: Any) -> str:
    """Return the JSON type of a parsed value, as Go's decoder names it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"
