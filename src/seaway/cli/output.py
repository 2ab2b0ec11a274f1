"""How answers are drawn: aligned columns, JSON, and colour only where somebody sees it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from seaway.sdk.errors import SeawayError

BOLD, DIM, RED, GREEN, YELLOW, BLUE = "1", "2", "31", "32", "33", "34"
_PHASES = {
    "queued": YELLOW,
    "starting": YELLOW,
    "stopping": YELLOW,
    "running": BLUE,
    "succeeded": GREEN,
    "failed": RED,
    "stopped": DIM,
    "skipped": DIM,
}


_DAYS_SAID = 2 * 86400
"""Seconds from which on an end is said as a day."""


class Format(StrEnum):
    """How a result is written."""

    TEXT = "text"
    JSON = "json"


def print_json(value: Any) -> None:
    """Print a value as JSON; in another encoding than UTF-8 with JSON's own escapes, as Python's would be none."""
    encoding = (sys.stdout.encoding or "utf-8").lower()
    print(json.dumps(value, indent=2, ensure_ascii=encoding not in ("utf-8", "utf8")))


def coloured(stream: TextIO) -> bool:
    """Return whether a stream may be coloured: a terminal, and NO_COLOR (no-color.org) is not set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """Colour a text where the stream may be coloured."""
    return f"\x1b[{colour}m{text}\x1b[0m" if coloured(stream or sys.stdout) else text


def show_error(error: SeawayError) -> None:
    """Write an error and its remedy to standard error."""
    field = f"{error.field}: " if error.field.startswith("-") else ""
    print(paint("error:", RED, sys.stderr), f"{field}{error.message}", file=sys.stderr)
    if error.remedy:
        print(paint("  try:", BOLD, sys.stderr), error.remedy, file=sys.stderr)


def phase_colour(phase: str) -> str:
    """Return the colour of a phase."""
    return _PHASES.get(phase, "0")


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, painted: int | None = None) -> None:
    """Print rows under headers, aligned; on a terminal the last column is cut to its width.

    Args:
        headers: one a column.
        rows: of as many cells.
        painted: the column that holds phases.
    """
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    table = [tuple(headers), *(tuple(_clean(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(headers))]
    for number, row in enumerate(table):
        cells = [cell.ljust(widths[column]) for column, cell in enumerate(row[:-1])]
        left = None if width is None else max(10, width - sum(widths[:-1]) - 2 * len(cells))
        cells.append(row[-1] if left is None or len(row[-1]) <= left else row[-1][: left - 1] + "…")
        if number == 0:
            cells = [paint(cell, BOLD) for cell in cells]
        elif painted is not None:
            cells[painted] = paint(cells[painted], phase_colour(row[painted]))
        print("  ".join(cells).rstrip())


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Print names and values, one pair a line, aligned; those without a value are left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0) + 2
    for name, value in shown:
        print(f"{paint((name + ':').ljust(width), BOLD)} {value}")


def _clean(cell: str) -> str:
    """A run's own text may not move the cursor or begin a line."""
    return "".join(character if character.isprintable() else " " for character in cell)


def moment(text: str | None) -> datetime | None:
    """Parse a time of the REST API."""
    return datetime.fromisoformat(text) if text else None


def now() -> datetime:
    """Return the present time."""
    return datetime.now(UTC)


def count(number: int, word: str) -> str:
    """Return a number of things: "1 run", "2 runs"."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def span(seconds: float) -> str:
    """Write a length of time as a person says it: "45s", "3m12s", "2h5m", "4d"."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60}s" if whole % 60 and whole < 600 else f"{whole // 60}m"
    if whole < 86400:
        minutes = whole % 3600 // 60
        return f"{whole // 3600}h{minutes}m" if minutes else f"{whole // 3600}h"
    return f"{whole // 86400}d"


def age(text: str | None, at: datetime) -> str:
    """Write how long ago a time was."""
    then = moment(text)
    return "" if then is None else span((at - then).total_seconds())


def ends(text: str | None, at: datetime) -> str:
    """Write when something ends: the day, or how soon."""
    end = moment(text)
    if end is None:
        return "does not end"
    left = (end - at).total_seconds()
    if left <= 0:
        return "has ended"
    return f"ends in {span(left)}" if left < _DAYS_SAID else f"ends on {end:%Y-%m-%d}"


def day(text: str | None) -> str:
    """Write a time of the server's as a day, as the user's calendar has it."""
    at = moment(text)
    return "" if at is None else f"{at.astimezone():%Y-%m-%d}"


def took(started: str | None, finished: str | None, at: datetime) -> str:
    """Write how long something ran, or runs."""
    begin, end = moment(started), moment(finished)
    return "" if begin is None else span(((end or at) - begin).total_seconds())
