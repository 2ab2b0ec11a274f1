"""The part of Kubernetes' JSONPath that printer columns use: fields, indices, `[*]` and `[?(@.field=="value")]`.

Source: "JSONPath Support" of the Kubernetes reference and the rules for `additionalPrinterColumns`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

Step = Callable[[Any], list[Any]]

_TOKEN = re.compile(
    r"""
    \.?\['(?P<quoted>[^']+)'\]
    | \.?\["(?P<double>[^"]+)"\]
    | \.?\[(?P<index>-?\d+)\]
    | \.?\[(?P<every>\*)\]
    | \.?\[\?\(\s*@\.(?P<field>[\w.\-/]+)\s*(?P<operator>==|!=)\s*(?P<value>'[^']*'|"[^"]*"|[\w.\-]+)\s*\)\]
    | \.(?P<name>(?:\\.|[^.\[\]\\\s])+)
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def compile_path(path: str) -> tuple[Step, ...]:
    """Return the steps of a path.

    Raises:
        ValueError: it is outside the subset; the message names the part that is not understood.
    """
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    text = text.removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"is not a simple JSONPath: cannot read {text[position:]!r}")
        steps.append(_step(match))
        position = match.end()
    if not steps:
        raise ValueError("must not be empty; write for example .spec.replicas")
    return tuple(steps)


def find(path: str, obj: Any) -> list[Any]:
    """Return every value at a path, none where it leads nowhere. Raises ValueError as `compile_path` does."""
    values = [obj]
    for step in compile_path(path):
        values = [found for value in values for found in step(value)]
    return values


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None:
        return _field(re.sub(r"\\(.)", r"\1", match["name"]))
    if (quoted := match["quoted"] or match["double"]) is not None:
        return _field(quoted)
    if match["index"] is not None:
        return _item(int(match["index"]))
    if match["every"] is not None:
        return _every
    return _filter(match["field"].split("."), match["operator"] == "==", match["value"].strip("'\""))


def _field(name: str) -> Step:
    return lambda value: [value[name]] if isinstance(value, Mapping) and name in value else []


def _item(index: int) -> Step:
    return lambda value: (
        [value[index]] if isinstance(value, list) and -len(value) <= index < len(value) else []
    )


def _every(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, Mapping) else []


def _filter(fields: list[str], equal: bool, wanted: str) -> Step:
    def step(value: Any) -> list[Any]:
        return [item for item in _every(value) if (_text(item, fields) == wanted) is equal]

    return step


def _text(value: Any, fields: list[str]) -> str | None:
    for name in fields:
        value = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
