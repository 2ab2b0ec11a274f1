"""Reading a Python traceback out of a log."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<text>.*))?$")
_SYNTAX = re.compile(r"^(SyntaxError|IndentationError|TabError): ")
_NOT_THE_USERS = re.compile(r"site-packages|dist-packages|/lib(?:64)?/python3|^<frozen|\.pyz/")


@dataclass(frozen=True, slots=True)
class Traceback:
    """The last exception that a program printed."""

    type: str
    """The exception's class, for example "ValueError" or "json.decoder.JSONDecodeError"."""
    text: str
    """What it says, "" for nothing."""
    where: str = ""
    """The user's own code that was running, "file:line", "" where none of the frames is the user's."""

    @property
    def line(self) -> str:
        """The traceback's last line."""
        return f"{self.type}: {self.text}" if self.text else self.type


def last_traceback(log: str) -> Traceback | None:
    """Return the last exception in a log, None where there is none that ended in the log."""
    lines = [
        re.sub(r"^\s*[|+][ |+-]*(?=\S)", "", line) if line.lstrip().startswith(("|", "+")) else line
        for line in log.splitlines()
    ]
    start = max((index for index, line in enumerate(lines) if line.strip() == _HEADER), default=-1)
    if start < 0:
        return _syntax_error(lines)
    frames: list[re.Match[str]] = []
    for line in lines[start + 1 :]:
        frame = _FRAME.match(line)
        if frame is not None:
            frames.append(frame)
        elif line and not line[0].isspace():
            found = _EXCEPTION.match(line.rstrip())
            return Traceback(found["type"], found["text"] or "", _own(frames)) if found else None
    return None


def _syntax_error(lines: list[str]) -> Traceback | None:
    """Find a script that did not even parse: Python prints its place without a header."""
    for index in range(len(lines) - 1, -1, -1):
        if _SYNTAX.match(lines[index]):
            frames = [frame for line in lines[max(0, index - 6) : index] if (frame := _FRAME.match(line))]
            kind, _, text = lines[index].partition(": ")
            return Traceback(kind, text.strip(), _own(frames))
    return None


def _own(frames: list[re.Match[str]]) -> str:
    own = [frame for frame in frames if not _NOT_THE_USERS.search(frame["path"])]
    if not own:
        return ""
    path = own[-1]["path"].rpartition("/")[2]
    return f"{path}:{own[-1]['line']}"
