"""How a stored log looks, and how a stream of a container's log is joined to what is stored already. Pure.

A stored line is a time (RFC 3339), one byte, the text, and a line feed. The byte is a blank for a line of the container
and "+" for one of Seaway's own. A last line without a line feed is still being written.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seaway.base.clock import parse_rfc3339, rfc3339_nano

_TIME = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)([ +])")
_LONGEST_TIME = 40
_LONGEST_SHOWN = 4096
"""Bytes of a line that are looked at to explain an ending."""
FEW = 20
"""Lines without which an ending is not explained if there are more: where the last are very long, more is read for them."""
OWN = b"[seaway] "


class Point(NamedTuple):
    """How far a log is stored."""

    nanoseconds: int = 0
    """Time of the container's last whole line, 0 where there is none."""
    repeats: int = 0
    """How many of the container's last whole lines have this time."""
    partial: bytes = b""
    """The container's unfinished line after it, as stored."""


def line_time(line: bytes) -> int | None:
    """Return a line's time in nanoseconds since the epoch, None where it has none."""
    match = _TIME.match(line)
    if match is None:
        return None
    seconds, fraction, zone, _ = match.groups()
    whole = round(parse_rfc3339((seconds + zone).decode()))
    return whole * 1_000_000_000 + int((fraction or b"").ljust(9, b"0"))


class Tail(NamedTuple):
    """The last lines of a program's output."""

    text: str = ""
    times: tuple[str, ...] = ()
    """When each line was written, RFC 3339."""


def tail(stored: bytes, count: int) -> Tail:
    """Return the program's last lines, each as it stood at last (a progress bar overwrites itself).

    Args:
        stored: whole lines of a log.
        count: most lines.
    """
    texts: list[str] = []
    times: list[str] = []
    for line in stored.split(b"\n"):
        match = _TIME.match(line)
        if match is not None and match.group(4) != b"+":
            times.append(line[: match.end() - 1].decode())
            text = line[match.end() :].rstrip(b"\r").rpartition(b"\r")[2]
            texts.append(_clipped(text).decode(errors="replace"))
    return Tail("\n".join(texts[-count:]), tuple(times[-count:]))


def _clipped(text: bytes) -> bytes:
    """Return a line without its middle where nobody would read it to its end."""
    if len(text) <= _LONGEST_SHOWN:
        return text
    return text[: _LONGEST_SHOWN * 3 // 4] + b" ... " + text[-_LONGEST_SHOWN // 4 :]


def own_line(text: str, nanoseconds: int) -> bytes:
    """Return one of Seaway's own lines as it is stored."""
    return rfc3339_nano(nanoseconds).encode() + b"+" + OWN + " ".join(text.split()).encode() + b"\n"


def is_own(line: bytes) -> bool:
    """Return whether a stored line is Seaway's own."""
    match = _TIME.match(line)
    return match is not None and match.group(4) == b"+"


def resume_point(stored: bytes) -> Point:
    """Return how far a log is stored, from its end.

    Args:
        stored: the log, or its last part from any byte on.
    """
    *whole, partial = stored.split(b"\n")
    nanoseconds, count = 0, 0
    for line in reversed(whole):
        if is_own(line) or (time := line_time(line)) is None:
            continue
        if count == 0:
            nanoseconds = time
        elif time != nanoseconds:
            break
        count += 1
    return Point(nanoseconds, count, partial)


class Joiner:
    """Drops from a container's log, read with times from somewhere before a point, what is stored already.

    Lines must come in the order of their times, as a container runtime writes them. Until the point is passed, whole
    lines are looked at; from then on bytes pass as they come, also unfinished lines (progress bars).
    """

    def __init__(self, point: Point) -> None:
        self._point = point
        self._known = 0
        self._buffer = b""
        self._passed = point == Point()

    def feed(self, chunk: bytes) -> bytes:
        """Return what of a chunk is new."""
        if self._passed:
            return chunk
        self._buffer += chunk
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if not self._is_stored(line, whole=bool(found)):
                break
            if not found:
                return b""
            self._buffer = rest
        new = self._continue_partial(self._buffer)
        if new is None:
            return b""
        self._passed, self._buffer = True, b""
        return new

    def _is_stored(self, line: bytes, *, whole: bool) -> bool:
        """Return whether a line is stored, or cannot be told yet."""
        if not whole and _TIME.match(line) is None:
            return len(line) < _LONGEST_TIME
        time = line_time(line)
        if time is None:
            return True  # the rest of a line whose beginning was not sent: it is before the point
        if time < self._point.nanoseconds:
            return True
        if time == self._point.nanoseconds and self._known < self._point.repeats:
            self._known += int(whole)
            return True
        return False

    def _continue_partial(self, new: bytes) -> bytes | None:
        """Return what comes after the unfinished line that is stored; None where it has not all come again yet."""
        partial = self._point.partial
        if not partial or new.startswith(partial):
            return new[len(partial) :]
        return None if partial.startswith(new) else b"\n" + new


class Stripper:
    """Turns stored bytes, as they come, into what a reader sees."""

    def __init__(self, *, timestamps: bool = False) -> None:
        self._timestamps = timestamps
        self._head: bytes | None = b""
        """The beginning of a line whose time has not all come; None inside a line."""

    def feed(self, chunk: bytes) -> bytes:
        """Return what a reader sees of the next bytes."""
        shown = []
        for part in chunk.splitlines(keepends=True) if b"\r" not in chunk else _lines(chunk):
            if self._head is not None:
                part = self._strip(self._head + part)
            shown.append(part)
            if part.endswith(b"\n"):
                self._head = b""
        return b"".join(shown)

    def _strip(self, line: bytes) -> bytes:
        match = _TIME.match(line)
        if match is None:
            if len(line) < _LONGEST_TIME and not line.endswith(b"\n"):
                self._head = line
                return b""
            self._head = None
            return line
        self._head = None
        text = line[match.end() :]
        return line[: match.end() - 1] + b" " + text if self._timestamps else text


def _lines(chunk: bytes) -> list[bytes]:
    """Split at line feeds alone: a carriage return belongs to the line."""
    return [part + b"\n" for part in chunk.split(b"\n")[:-1]] + [
        last for last in (chunk.rsplit(b"\n", 1)[-1],) if last
    ]
