"""What a dump is made of: objects as the rules read them, and containers' logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.platform.diagnosis.dump.shapes import shaped
from seaway.platform.diagnosis.dump.structured import unwrapped

Object = Mapping[str, Any]
_TIMED = re.compile(
    r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) ?(?:std(?:out|err) [FP] )?"
)
_PREFIX = re.compile(r"^\[pod/[^\]]+\] ?")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Log:
    """A container's log: its lines, and when each was written where that is known."""

    text: str
    times: tuple[str, ...] = ()
    name: str = ""
    """Where it came from: names of pods and containers in it tell whose it is."""


def as_objects(found: Iterable[Mapping[str, Any]]) -> list[Object]:
    """Return objects that a client read, each with the parts and types that the rules rely on."""
    return [completed(one) for one in found]


def parse_log(text: str, name: str = "") -> Log:
    """Return a log without the times and prefixes that `kubectl logs` can put before each line."""
    lines: list[str] = []
    times: list[str] = []
    for raw in text.splitlines():
        line = _PREFIX.sub("", _COLOUR.sub("", raw.rpartition("\r")[2]))
        timed = _TIMED.match(line)
        line, time = (line[timed.end() :], timed["time"]) if timed else (line, "")
        inner, told = unwrapped(line) or ((line,), "")
        lines += inner
        times += [time or told] * len(inner)
    return Log("\n".join(lines), tuple(times) if any(times) else (), name)


def completed(document: Mapping[str, Any]) -> Object:
    """Return an object with all of its parts, each with the types that its readers rely on."""
    return {"metadata": {}, "spec": {}, "status": {}, **shaped(document)}
