"""Logs whose lines are JSON objects: what docker's json-file driver, structlog, python-json-logger and zap write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_TEXTS = ("message", "msg", "event", "log", "text", "textPayload")
_TRACES = ("exc_info", "exception", "traceback", "stack_trace", "stacktrace", "stack", "exc_text", "error")
_LEVELS = ("level", "levelname", "severity", "lvl")
_TIMES = ("time", "timestamp", "ts", "@timestamp", "asctime")
_CALM = ("debug", "info", "trace", "warn", "warning")


def unwrapped(line: str) -> tuple[tuple[str, ...], str] | None:
    """Return the lines that a JSON object holds, and when it says that they were written; None for any other line.

    A calm level stays in front of the text, since it says that what follows is no failure.
    """
    if not line.startswith("{") or not line.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    text = _first(found, _TEXTS) if isinstance(found, dict) else ""
    if not text:
        return None
    level = _first(found, _LEVELS)
    told = f"{level.upper()} {text}" if level.lower() in _CALM else text
    lines = told.rstrip("\n").split("\n")
    trace = _first(found, _TRACES)
    if trace and trace not in text:
        lines += trace.rstrip("\n").split("\n")
    time = _first(found, _TIMES)
    return tuple(lines), time if time[:2] == "20" and "T" in time else ""


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((value for name in names if isinstance(value := found.get(name), str) and value), "")
