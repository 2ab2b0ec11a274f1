"""Reading a Python traceback out of a log."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from seaway.platform.diagnosis.evidence import exit_code, pod_status
from seaway.platform.diagnosis.facts import Facts

_HEADER = "Traceback (most recent call last):"
_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?::(?: (?P<text>.*))?)?$")
_SYNTAX = re.compile(r"^(SyntaxError|IndentationError|TabError): ")
_INTERRUPTED = 130
"""What Python exits with after a KeyboardInterrupt."""
_NO_SIGNAL = 160
"""From here on a code is the program's own again: 255 is what `sys.exit(-1)` becomes."""
_WRAPPERS = (
    "ChildFailedError",
    "SignalException",
    "Py4JJavaError",
    "SystemExit",
    "ProcessRaisedException",
    "ProcessExitedException",
    "PapermillExecutionError",
    "CellExecutionError",
)
"""What launchers raise because a process of theirs failed: its own traceback came before."""
_CHAINED = re.compile(r"^(?:The above exception was the direct cause|During handling of the above exception)")
_RANK = re.compile(r"^(?:\[(?:rank|default|\w+:)?\d+\]:? ?|\((?:[\w.]+ )?pid=\d+[^)]*\) )")
"""What torchrun and Ray put before the lines of a worker."""
_CELL = re.compile(r"^(?P<type>\w*(?:Error|Exception|Interrupt)): (?P<text>.*)$")
_NOT_THE_USERS = re.compile(r"site-packages|dist-packages|/lib(?:64)?/python3|^<|\.pyz/")


@dataclass(frozen=True, slots=True)
class Traceback:
    """The last exception that a program printed."""

    type: str
    """The exception's class, for example "ValueError" or "json.decoder.JSONDecodeError"."""
    text: str
    """What it says, "" for nothing."""
    where: str = ""
    """The user's own code that was running, "file:line", "" where none of the frames is the user's."""

    paths: tuple[str, ...] = ()
    """The files of its frames, outermost first."""
    start: int = 0
    """The line of the log, from 0, with which it begins, or the exception that caused it."""

    @property
    def is_wrapper(self) -> bool:
        """Whether a launcher raised it because of another process."""
        return self.short in _WRAPPERS

    @property
    def short(self) -> str:
        """The exception's class without its module."""
        return self.type.rpartition(".")[2]

    @property
    def at(self) -> str:
        """Where the user's code was, as a part of a sentence."""
        return f" at {self.where}" if self.where else ""

    def through(self, *packages: str) -> bool:
        """Tell whether it passed through one of these packages."""
        return any(f"/{package}/" in path for package in packages for path in self.paths)

    @property
    def line(self) -> str:
        """The traceback's last line."""
        return f"{self.type}: {self.text}" if self.text else self.type


def exception(facts: Facts) -> Traceback | None:
    """Return the exception that ended a program, None where it ended well or by a signal."""
    code = exit_code(facts)
    if code is None and facts.made is not None and not facts.waiting and not _seen_to_end(facts):
        code = 1  # the pod is not in the dump: its log is all there is
    if not code or (128 <= code < _NO_SIGNAL and code != _INTERRUPTED):
        return None
    found = last_traceback(facts.log_tail)
    if code == _INTERRUPTED and (found is None or found.type != "KeyboardInterrupt"):
        return None
    return found


def _seen_to_end(facts: Facts) -> bool:
    return bool(pod_status(facts).get("containerStatuses"))


def is_standard(module: str) -> bool:
    """Return whether a module comes with Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names


def is_users_own(path: str) -> bool:
    """Return whether a file is the user's, not Python's or a package's."""
    return not _NOT_THE_USERS.search(path)


def last_traceback(log: str) -> Traceback | None:
    """Return the last exception in a log, None where there is none that ended in the log.

    What a launcher raises because of another exception counts only where there is no other.
    """
    lines = [_bare(line) for line in log.splitlines()]
    starts = [index for index, line in enumerate(lines) if line.strip() == _HEADER]
    if not starts:
        return _syntax_error(lines)
    found = [_ending(lines, start, _chain(lines, starts, start)) for start in starts]
    own = [one for one in found if one is not None and not one.is_wrapper]
    last = found[-1]
    if last is None or not last.is_wrapper:
        return last
    return own[-1] if own else _inner(lines, last) or last


def _inner(lines: list[str], wrapper: Traceback) -> Traceback | None:
    """Return the exception that a notebook's runner prints below its own."""
    for line in reversed(lines[wrapper.start :]):
        found = _CELL.match(line)
        if found is not None and found["type"] not in _WRAPPERS:
            return Traceback(found["type"], found["text"], start=wrapper.start)
    return None


def _bare(line: str) -> str:
    line = _RANK.sub("", line)
    return re.sub(r"^\s*[|+][ |+-]*(?=\S)", "", line) if line.lstrip().startswith(("|", "+")) else line


def _chain(lines: list[str], starts: list[int], start: int) -> int:
    """Return where the first exception of a chain begins, of which one begins here."""
    before = [other for other in starts if other < start]
    joined = any(_CHAINED.search(line) for line in lines[max(0, start - 3) : start])
    return _chain(lines, starts, before[-1]) if joined and before else start


def _ending(lines: list[str], start: int, first: int) -> Traceback | None:
    frames: list[re.Match[str]] = []
    for line in lines[start + 1 :]:
        frame = _FRAME.match(line)
        if frame is not None:
            frames.append(frame)
        elif line and not line[0].isspace():
            found = _EXCEPTION.match(line.rstrip())
            paths = tuple(frame["path"] for frame in frames)
            return (
                Traceback(found["type"], found["text"] or "", _own(frames), paths, first) if found else None
            )
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
    own = [frame for frame in frames if is_users_own(frame["path"])]
    if not own:
        return ""
    path = own[-1]["path"].rpartition("/")[2]
    return f"{path}:{own[-1]['line']}"
