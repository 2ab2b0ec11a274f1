"""Times as Go reads them: RFC 3339, and the words for a text that is none.

Source: Go's time.Parse with the layouts of apimachinery's Time and MicroTime.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache

_LAYOUT = "2006-01-02T15:04:05Z07:00"
_PRECISE_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"
_PARTS = ("2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05")
_RANGES = {
    "01": ("month", 1, 12),
    "02": ("day", 1, 31),
    "15": ("hour", 0, 23),
    "04": ("minute", 0, 59),
    "05": ("second", 0, 59),
}
_ZONE = re.compile(r"Z|[+-]\d\d:\d\d")
_FRACTION = re.compile(r"[.,](\d+)")


@lru_cache(maxsize=4096)
def time_fault(text: str, *, precise: bool = False) -> str:
    """Return what is wrong with a text that should be a time, "" for nothing.

    Args:
        text: for example "2020-01-02T03:04:05Z".
        precise: microseconds must be given (MicroTime).
    """
    layout = _PRECISE_LAYOUT if precise else _LAYOUT
    fault = _fault(text, precise=precise)
    return f'parsing time {_quoted(text)} as "{layout}": {fault}' if fault else ""


def _fault(text: str, *, precise: bool) -> str:
    rest = text
    late = ""
    for part in _PARTS:
        taken = rest[: len(part)]
        wrong = (
            taken != part
            if not part[0].isdigit()
            else not (len(taken) == len(part) and taken.isascii() and taken.isdigit())
        )
        if wrong:
            return f'cannot parse {_quoted(rest)} as "{part}"'
        if part in _RANGES:
            name, low, high = _RANGES[part]
            if not low <= int(taken) <= high and name == "day":
                late = "day out of range"
            elif not low <= int(taken) <= high:
                return f"{name} out of range"
        rest = rest[len(part) :]
    fraction = _FRACTION.match(rest)
    if precise and (fraction is None or len(fraction[1]) < 6):
        return f'cannot parse {_quoted(rest)} as ".000000"'
    if fraction:
        rest = rest[fraction.end() :]
    zone = _ZONE.match(rest)
    if zone is None:
        return f'cannot parse {_quoted(rest)} as "Z07:00"'
    if rest[zone.end() :]:
        return f"extra text: {_quoted(rest[zone.end() :])}"
    return late or _calendar_fault(text)


def _calendar_fault(text: str) -> str:
    try:
        datetime.strptime(text[:10], "%Y-%m-%d")  # noqa: DTZ007  # a date alone
    except ValueError:
        return "day out of range"
    return ""


def _quoted(text: str) -> str:
    """Quote as Go's time package does: what is not printable ASCII as its bytes."""
    shown = "".join(
        f"\\{c}" if c in '"\\' else c if " " <= c <= "~" else "".join(f"\\x{byte:02x}" for byte in c.encode())
        for c in text
    )
    return f'"{shown}"'
