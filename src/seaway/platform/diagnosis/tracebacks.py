"""Reading a Python traceback out of a log."""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from seaway.base.messages import wording
from seaway.platform.diagnosis.drawn import HEADER as _HEADER
from seaway.platform.diagnosis.drawn import as_python
from seaway.platform.diagnosis.evidence import exit_code, pod_status
from seaway.platform.diagnosis.facts import Facts

_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_DUMPED = "(most recent call first)"
"""What Python writes above its stack when it crashes."""
_CRASHED = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+) in ')
_EXCEPTION = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?::(?: (?P<text>.*))?)?$")
_RAISED = re.compile(r"(?:Error|Exception|Interrupt|Exit|Warning|Timeout|Iteration)$")
"""How the names of exceptions end as a rule."""
_CARETS = re.compile(r"^\s+[\^~]+\s*$")
_STRAY = 5
"""Lines of another stream that may stand in the middle of a traceback: what a program printed is sent when it ends."""
IN_CODE = re.compile(r"^/\S*?/seaway-[0-9a-f]{16}/code/")
"""Where the runner puts the copy of the project."""
_SYNTAX = re.compile(r"^(SyntaxError|IndentationError|TabError): ")
_INTERRUPTED = 130
"""What Python exits with after a KeyboardInterrupt."""
_CUT = 3
"""Lines from the beginning of a log up to which a frame may be what is left of a traceback."""
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
_CONSEQUENCE = re.compile(
    r"(?i)see (?:the )?(?:root cause|inner exception|stack trace|logs?|error|traceback)s? (?:above|for)"
    r"|root cause above|collective operation timeout|NCCL (?:error|communicator was aborted)|ncclRemoteError"
    r"|connection closed by (?:remote )?peer|worker process.{0,40}(?:died|failed)|engine (?:process|core).{0,40}(?:failed|died)"
    r"|(?:worker|subprocess|child process|process \d+).{0,60}(?:exited unexpectedly|exit code|non-zero|exitcode)"
    r"|returned non-zero exit status"
)
"""What a process says that gave up because of another one, or of what was printed before."""
_CHAINED = re.compile(r"^(?:The above exception was the direct cause|During handling of the above exception)")
_RANK = re.compile(
    r"^(?:(?P<rank>\[(?:rank|default|\w+:)?\d+\]):? ?|(?P<ray>\((?:[\w.]+ )?pid=\d+[^)]*\)) |(?P<mpi>\[\d+,\d+\])<std(?:out|err)>: ?)"
)
"""What torchrun, Ray and mpirun put before the lines of a worker."""
_FIRST = re.compile(r"^\s*rank\s*: (?P<rank>\d+)\b")
"""Where torchrun says which worker failed first."""
_CELL = re.compile(r"^(?P<type>\w*(?:Error|Exception|Interrupt)): (?P<text>.*)$")
_NOT_THE_USERS = re.compile(r"site-packages|dist-packages|/lib(?:64)?/python3|^<|\.pyz/|\.p(?:yx|xi|xd)$")
_IGNORED = re.compile(r"^(?:Exception ignored |Error in atexit\b)")
"""What stands before an exception that ends no program."""
_ELSEWHERE = re.compile(r"^Exception in thread |\bexception was never retrieved$|^Exception in callback ")
"""What stands before one that ends no program by itself: of a thread, or of a task that nobody awaited."""
_NO_PROGRAM = re.compile(r"No such file or directory: '(?P<program>[^'/]+)'$")


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
    worker: str = ""
    """Which of several workers printed it, as its launcher marks their lines; "" where it does not."""
    source: str = ""
    """The line of code at `where`, "" where the log does not show it."""

    @property
    def is_wrapper(self) -> bool:
        """Whether a launcher raised it because of another process."""
        return self.short in _WRAPPERS

    @property
    def is_consequence(self) -> bool:
        """Whether it was raised because of another process or of what was printed before."""
        return self.is_wrapper or bool(_CONSEQUENCE.search(self.text))

    @property
    def short(self) -> str:
        """The exception's class without its module."""
        return self.type.rpartition(".")[2]

    @property
    def at(self) -> str:
        """Where the user's code was, as a part of a sentence."""
        return wording(" at {place}", place=self.where) if self.where else ""

    def through(self, *packages: str) -> bool:
        """Tell whether it passed through one of these packages."""
        return any(f"/{package}/" in path for package in packages for path in self.paths)

    @property
    def program(self) -> str:
        """Return the command that could not be started because it is not there, "" where it is about something else."""
        started = any(path.endswith("/subprocess.py") for path in self.paths)
        found = _NO_PROGRAM.search(self.text) if started and self.short == "FileNotFoundError" else None
        return found["program"] if found else ""

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


def was_dumped(log: str) -> bool:
    """Tell whether Python said where it crashed."""
    return _DUMPED in log


def crash_place(log: str) -> str:
    """Return where the user's own code was when Python crashed, "file:line", "" where Python did not say so."""
    _, _, dump = log.rpartition(_DUMPED)
    frames = [found for line in dump.splitlines() if (found := _CRASHED.match(line))] if dump != log else []
    return _own(frames[::-1])


def is_standard(module: str) -> bool:
    """Return whether a module comes with Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names


def is_users_own(path: str) -> bool:
    """Return whether a file is the user's, not Python's or a package's."""
    return not _NOT_THE_USERS.search(path)


@lru_cache(maxsize=8)
def last_traceback(log: str) -> Traceback | None:
    """Return the last exception in a log, None where there is none that ended in the log.

    What is raised because of another exception counts only where there is no other. Of several workers the one counts
    that failed first.
    """
    marked = [_bare(line) for line in as_python(log.splitlines())]
    lines = [line for _, line in marked]
    starts = [
        index
        for index in range(len(lines))
        if _begins(marked, index) and not _follows(lines, index, _IGNORED)
    ]
    if not starts:
        return _syntax_error(lines)
    first_of = _chains(lines, starts)
    found = [_ending(marked, start, first_of[start]) for start in starts]
    own = [one for one in found if one is not None and not one.is_consequence]
    last = _of_the_program(lines, found)
    first = _first_worker(lines, own)
    if first:
        return [one for one in own if one.worker == first][-1]
    if last is None or not last.is_consequence:
        return last
    return own[-1] if own else (_inner(lines, last) if last.is_wrapper else None) or last


@lru_cache(maxsize=8)
def direct_cause(log: str, start: int) -> Traceback | None:
    """Return what another exception was raised because of.

    Args:
        log: in which both stand.
        start: where the first of them begins.
    """
    marked = [_bare(line) for line in as_python(log.splitlines())]
    rest = [line for _, line in marked[start:]]
    joined = next((line for line in rest if _CHAINED.match(line)), "")
    return _ending(marked, start, start) if joined.startswith("The above") else None


def _of_the_program(lines: list[str], found: list[Traceback | None]) -> Traceback | None:
    """Return the last exception; that of a thread only where there is no other."""
    own = [one for one in found if one is not None and not _follows(lines, one.start, _ELSEWHERE)]
    return (
        own[-1]
        if own and found[-1] is not None and _follows(lines, found[-1].start, _ELSEWHERE)
        else found[-1]
    )


def _follows(lines: list[str], index: int, phrase: re.Pattern[str]) -> bool:
    """Tell whether one of the two lines before one says this."""
    return any(phrase.search(line) for line in lines[max(0, index - 2) : index])


def _first_worker(lines: list[str], own: list[Traceback]) -> str:
    """Return which of several workers failed first, "" where not several did."""
    workers = [one.worker for one in own if one.worker]
    if not workers or any(one.worker == "" and not one.is_wrapper for one in own):
        return ""
    told = next((match["rank"] for line in lines if (match := _FIRST.match(line))), "")
    named = [worker for worker in workers if re.search(rf"\D{told}\b", worker)] if told else []
    return (named or workers)[0]


def _begins(marked: list[tuple[str, str]], index: int) -> bool:
    """Tell whether a traceback begins: with its header, or with a frame where the header is missing.

    A log that was cut begins in the middle of one, and Ray puts the worker's name where the header was.
    """
    worker, line = marked[index]
    if line.strip() == _HEADER:
        return True
    if not _FRAME.match(line):
        return False
    before = [text for other, text in marked[max(0, index - 60) : index] if other == worker and text.strip()]
    for text in reversed(before):
        if text.strip() == _HEADER:
            return False
        if not text[0].isspace():
            return "ray::" in text or len(before) < _CUT
        if _FRAME.match(text):
            return False
    return True


def _inner(lines: list[str], wrapper: Traceback) -> Traceback | None:
    """Return the exception that a notebook's runner prints below its own."""
    for line in reversed(lines[wrapper.start :]):
        found = _CELL.match(line)
        if found is not None and found["type"] not in _WRAPPERS:
            return Traceback(found["type"], found["text"], start=wrapper.start)
    return None


def _bare(line: str) -> tuple[str, str]:
    """Return who printed a line, as far as its launcher marks it, and the line without that and without a frame around it."""
    mark = _RANK.match(line)
    worker = next(filter(None, mark.groups()), "") if mark else ""
    line = line[mark.end() :] if mark else line
    if line.lstrip().startswith(("|", "+")):
        line = re.sub(r"^\s*[|+][ |+-]*(?=\S)", "", line)
    return worker, line


def _chains(lines: list[str], starts: list[int]) -> dict[int, int]:
    """Return where the first exception of the chain begins to which each of these belongs."""
    first: dict[int, int] = {}
    for start in starts:
        first[start] = _chain(lines, starts, first, start)
    return first


def _chain(lines: list[str], starts: list[int], first: dict[int, int], start: int) -> int:
    """Return where the first exception of a chain begins, of which one begins here; of those before it that is known."""
    while True:
        joints = range(start - 1, max(-1, start - 4), -1)
        joint = next((index for index in joints if _CHAINED.match(lines[index])), 0)
        if not joint:
            return start
        block = joint
        while block and not lines[block - 1].strip():
            block -= 1
        while block and lines[block - 1].strip() and block not in first:
            block -= 1
        named = _EXCEPTION.match(lines[block].rstrip())
        if named is None or not _RAISED.search(named["type"]):
            before = bisect_left(starts, start)
            return first[starts[before - 1]] if before else start
        start = block  # it was never raised here: it has no traceback


def _ending(marked: list[tuple[str, str]], start: int, first: int) -> Traceback | None:
    frames: list[re.Match[str]] = []
    source = ""
    worker = marked[start][0]
    begin = start if _FRAME.match(marked[start][1]) else start + 1
    for number in range(begin, len(marked)):
        other, line = marked[number]
        if other != worker:
            continue
        frame = _FRAME.match(line)
        if frame is not None:
            frames.append(frame)
            if is_users_own(frame["path"]):
                source = _code_below(marked, number)
        elif line and not line[0].isspace() and not _is_stray(marked, number):
            found = _EXCEPTION.match(line.rstrip())
            if found is None:
                return None
            text = found["text"] or (_below(marked, begin, line) if line.rstrip().endswith(":") else "")
            paths = tuple(frame["path"] for frame in frames)
            return Traceback(found["type"], text, _own(frames), paths, first, worker, source)
    return None


def _code_below(marked: list[tuple[str, str]], frame: int) -> str:
    """Return the line of code that stands below a frame, "" where none does."""
    line = next((text for _, text in marked[frame + 1 : frame + 6] if text.strip()), "")
    return line.strip() if line[:1].isspace() and not _FRAME.match(line) else ""


def _is_stray(marked: list[tuple[str, str]], number: int) -> bool:
    """Tell whether a line is no part of the traceback in whose middle it stands: this goes on after it."""
    worker, line = marked[number]
    found = _EXCEPTION.match(line.rstrip())
    named = found is not None and not found["type"].rpartition(".")[2][0].islower()
    for other, after in marked[number + 1 : number + 1 + _STRAY]:
        if other != worker:
            continue
        if not after.strip() or after.strip() == _HEADER:
            return False
        if _FRAME.match(after) or _CARETS.match(after):
            return True
        raised = _EXCEPTION.match(after.rstrip())
        if not named and raised is not None and _RAISED.search(raised["type"]):
            return True
    return False


def _below(marked: list[tuple[str, str]], begin: int, line: str) -> str:
    """Return the first line of a message that begins below the exception's name."""
    place = next(index for index in range(begin, len(marked)) if marked[index][1] == line)
    return next((text.strip() for _, text in marked[place + 1 : place + 4] if text.strip()), "")


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
