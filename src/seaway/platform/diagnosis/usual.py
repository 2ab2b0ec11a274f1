"""How long runs of a program usually take, from those that ended well before: an estimate, and said as one. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from seaway.base.clock import rfc3339
from seaway.base.messages import wording

LAST_RUNS = 5
"""Of so many the median is taken: what a program took long ago says little."""
_SCRIPT = re.compile(r"\.\w{1,4}$|^\./")


class Past(NamedTuple):
    """A run that ended well."""

    command: str
    script: str
    """That it ran, see `script_of`."""
    seconds: float


def past_run(command: str, seconds: float) -> Past:
    """Return a run that took so long: its command line is read once, however many runs are compared with it."""
    return Past(command, script_of(command), seconds)


@dataclass(frozen=True, slots=True)
class Usual:
    """How long a run that is under way is likely to take."""

    seconds: float
    """The median of earlier runs."""
    runs: int
    """How many these are."""
    ends: str | None
    """When it would end then, RFC 3339; None where it has run for longer already."""


def usual(command: str, started: float, now: float, before: Sequence[Past]) -> Usual | None:
    """Return how long a run usually takes; None where no earlier one tells.

    Runs of the very same command tell most; where there is none, those of the same script do.

    Args:
        command: of the run that is under way.
        started: when its program began.
        now: what time it is.
        before: runs that ended well, the newest first.
    """
    script = script_of(command)
    alike = [one.seconds for one in before if one.command == command] or [
        one.seconds for one in before if script and one.script == script
    ]
    if not alike:
        return None
    counted = alike[:LAST_RUNS]
    seconds = median(counted)
    end = started + seconds
    return Usual(seconds, len(counted), rfc3339(end) if end > now else None)


def script_of(command: str) -> str:
    """Return the script that a command line runs, "" where it names none."""
    try:
        words = shlex.split(command)
    except ValueError:  # shortened in the middle of a quoted word
        words = command.split()
    return next((word for word in words if _SCRIPT.search(word) and " " not in word), "")


def takes(found: Usual) -> str:
    """Say how long something usually takes, and how that is known."""
    if found.runs == 1:
        return wording("took {duration} the last time", duration=about(found.seconds))
    return wording(
        "usually takes {duration} (median of its last {runs} runs)",
        duration=about(found.seconds), runs=found.runs,
    )  # fmt: skip


def about(seconds: float) -> str:
    """Return a duration in words, no more exact than an estimate is."""
    if seconds < 90:
        return wording("about {seconds} s", seconds=max(1, round(seconds)))
    if seconds < 90 * 60:
        return wording("about {minutes} min", minutes=round(seconds / 60))
    if seconds < 48 * 3600:
        return wording("about {hours} h", hours=f"{seconds / 3600:.1f}".removesuffix(".0"))
    return wording("about {days} days", days=round(seconds / 86400))
