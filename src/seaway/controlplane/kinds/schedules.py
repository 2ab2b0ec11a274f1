"""The schedules of cron jobs: what is wrong with one, and the times that one names.

Source: crontab(5), as the cron library that Kubernetes uses reads it: five fields, words such as "@hourly", "@every 90m".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_MONTHS = {
    word: n
    for n, word in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {word: n for n, word in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}


class _Bounds(NamedTuple):
    lowest: int
    highest: int
    words: dict[str, int]


_FIELDS = (
    _Bounds(0, 59, {}), _Bounds(0, 23, {}), _Bounds(1, 31, {}), _Bounds(1, 12, _MONTHS), _Bounds(0, 6, _DAYS),
)  # fmt: skip
_WORDS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_DURATION = re.compile(r"([0-9]++\.?+[0-9]*+|\.[0-9]++)(ns|us|µs|μs|ms|s|m|h)")
_DURATIONS = re.compile(rf"\+?(?:{_DURATION.pattern})+")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


class BadSchedule(ValueError):
    """A schedule that cannot be read; the message is Kubernetes'."""


@dataclass(frozen=True, slots=True)
class Every:
    """A schedule with a fixed distance."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Fields:
    """A schedule of minute, hour, day of the month, month and day of the week."""

    fields: tuple[str, ...]
    """Each "*" or a list of numbers."""


def parse_schedule(text: str) -> Every | Fields:
    """Read a schedule. Raises BadSchedule."""
    if text.startswith("@every "):
        return Every(max(int(_duration(text, text.removeprefix("@every "))), 1))
    if text.startswith("@"):
        if text not in _WORDS:
            raise BadSchedule(f"unrecognized descriptor: {text}")
        return Fields(tuple(_WORDS[text].split()))
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise BadSchedule(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    return Fields(tuple(_field(part, bounds) for part, bounds in zip(parts, _FIELDS, strict=True)))


def _duration(schedule: str, text: str) -> float:
    if not _DURATIONS.fullmatch(text):
        why = f'time: invalid duration "{text}"' if text else 'time: invalid duration ""'
        raise BadSchedule(f"failed to parse duration {schedule}: {why}")
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))


def _field(text: str, bounds: _Bounds) -> str:
    numbers: set[int] = set()
    starred = False
    for item in filter(None, text.split(",")):
        found, star = _item(item, bounds)
        numbers |= found
        starred = starred or star
    return "*" if starred else ",".join(map(str, sorted(numbers)))


def _item(item: str, bounds: _Bounds) -> tuple[set[int], bool]:
    """Return the numbers of "1-5/2", and whether it stands for all: then the other day field alone decides."""
    low_high, *steps = item.split("/")
    first, *lasts = low_high.split("-")
    star = first in ("*", "?")
    if star:
        start, end = bounds.lowest, bounds.highest
    else:
        if len(lasts) > 1:
            raise BadSchedule(f"too many hyphens: {item}")
        start = _number(first, bounds)
        end = _number(lasts[0], bounds) if lasts else start
    if len(steps) > 1:
        raise BadSchedule(f"too many slashes: {item}")
    step = 1
    if steps:
        step = _number(steps[0], _Bounds(0, 0, {}))
        if not star and not lasts:
            end = bounds.highest
    if start < bounds.lowest:
        raise BadSchedule(f"beginning of range ({start}) below minimum ({bounds.lowest}): {item}")
    if end > bounds.highest:
        raise BadSchedule(f"end of range ({end}) above maximum ({bounds.highest}): {item}")
    if start > end:
        raise BadSchedule(f"beginning of range ({start}) beyond end of range ({end}): {item}")
    if step == 0:
        raise BadSchedule(f"step of range should be a positive number: {item}")
    return set(range(start, end + 1, step)), star and step == 1


def _number(text: str, bounds: _Bounds) -> int:
    if (word := bounds.words.get(text.lower())) is not None:
        return word
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise BadSchedule(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text)
