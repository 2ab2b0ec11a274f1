"""Particular ways in which a program fails: killed children, other languages, file systems."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, twice
from seaway.platform.diagnosis.evidence import (
    blanked,
    brief,
    event_time,
    exit_code,
    from_event,
    memory_limit,
    moment,
    terminated,
)
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.spoken import LAST_WORDS, correct, ended_badly, overcome, said, spoken
from seaway.platform.diagnosis.tracebacks import exception

_CHILD_KILLED = re.compile(
    r"(?i)dataloader worker \(pid.{0,40}killed by signal: killed|exitcode ?[:=] ?-9\b|return code ?[:=] ?-9\b|exit code:? -9\b"
    r"|<Signals\.SIGKILL: 9>|died from signal 9|signal 9 \(SIGKILL\) received"
    r"|^\S+: line \d+:\s+\d+ Killed\b|^Killed\s*$|SIGKILL\(-9\)"
    r"|OutOfMemoryError: Task was killed due to the node running low|exceeded (?:95|\d+)% memory budget"
    r"|worker exceeded \d+% memory|exit code 137|returned non-zero exit status (?:-9|137)"
    r"|Memory cgroup out of memory"
    r"|KilledWorker|ray\.exceptions\.OutOfMemoryError|worker .{0,60}was sent SIGKILL! Perhaps out of memory"
)
_POOL = re.compile(r"\bBrokenProcessPool\b|\bTerminatedWorkerError\b")
"""What a pool says of a process that is gone: not whether it was killed, crashed or left."""
_EXECUTOR = re.compile(r"ExecutorLost|Lost executor|executor with id \d+ exited")
_SHELL_KILLED = re.compile(r"^\S+: line \d+:\s+\d+ Killed\b|^Killed\s*$|Memory cgroup out of memory")
_SHARED_MEMORY = re.compile(
    r"(?i)insufficient shared memory \(shm\)|creating shared memory segment"
    r"|unable to (?:open|allocate) shared memory|/dev/shm.{0,80}no space|killed by signal: bus error"
    r"|No space left on device.{0,60}/dev/shm|unable to mmap \d+ bytes from file </torch"
)
_NO_MEMORY = re.compile(r"std::bad_alloc|(?i:cannot allocate memory)|\[Errno 12\]")
_HEAP = re.compile(
    r"java\.lang\.OutOfMemoryError|GC overhead limit exceeded|JavaScript heap out of memory|Reached heap limit"
)
_READ_ONLY = re.compile(r"(?i)read-only file system|\[errno 30\]|\bEROFS\b")
_PERMISSION = re.compile(r"(?i)permission denied|\bPermissionError\b|\bEACCES\b")
_THREADS = re.compile(
    r"(?i)can't start new thread|resource temporarily unavailable|fork: retry"
    r"|pthread_create.{0,40}(?:failed|resource)|too many open files|\[errno 24\]|\[errno 11\]"
    r"|unable to create (?:new )?native thread"
)
_FILES = re.compile(r"(?i)too many open files|\[errno 24\]")
_ASSERTION = ("AssertionError",)


def child_killed(facts: Facts) -> Finding | None:
    """Find a program one of whose processes the kernel killed, as it does for memory, and that then gave up."""
    line = said(facts, _SHELL_KILLED if exit_code(facts) == 137 else _CHILD_KILLED)
    if not line and any(event.get("reason") == "OOMKilling" for event in (*facts.events, *facts.node_events)):
        line = said(facts, _POOL)
    if not line:
        return None
    limit = memory_limit(facts)
    if _EXECUTOR.search(line):
        return spoken(
            facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "ChildKilled",
            wording("an executor of it was killed (SIGKILL, most likely out of memory under its own pod's limit)"),
            wording("raise spark.executor.memory or spark.executor.memoryOverhead, then: {command}", command=again(facts)),
        )  # fmt: skip
    message = wording("a process that it had started was killed (SIGKILL, most likely out of memory)")
    if limit:
        message = wording(
            "a process that it had started was killed (SIGKILL, most likely out of memory under its limit of {limit})",
            limit=limit,
        )
    more = again(facts, "--memory", twice(limit))
    return spoken(facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "ChildKilled", message, more)


def shared_memory_full(facts: Facts) -> Finding | None:
    """Find processes that share data through /dev/shm, of which a container has 64 MiB unless asked otherwise."""
    line = said(facts, _SHARED_MEMORY)
    if not line:
        return None
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "SharedMemoryFull",
        wording("its /dev/shm was full: data loader workers share batches there, and a container has 64 MiB of it"),
        wording("mount an emptyDir with medium Memory at /dev/shm, or set num_workers=0, then: {command}", command=again(facts)),
    )  # fmt: skip


def native_memory_refused(facts: Facts) -> Finding | None:
    """Find a program whose native code could not get the memory that it asked for."""
    line = said(facts, _NO_MEMORY)
    if not line:
        return None
    limit = memory_limit(facts)
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "MemoryRefused",
        wording("native code of it could not get the memory that it asked for"),
        again(facts, "--memory", twice(limit)),
    )  # fmt: skip


def caused_in_java(facts: Facts) -> Finding | None:
    """Find what failed in Java below a Python program, as PySpark does: the innermost cause says it."""
    found = exception(facts)
    if found is None or found.short != "Py4JJavaError":
        return None
    causes = [line for line in facts.log_tail.splitlines() if line.lstrip().startswith("Caused by: ")]
    line = causes[-1].strip() if causes else found.line
    error = brief(facts, line.removeprefix("Caused by: "), 160)
    message = wording("the program failed{at}: {error}", at=found.at, error=error)
    step = correct(facts, found)
    return spoken(facts, line, Level.CODE, VerdictClass.USER, "ProgramError", message, step)


def heap_full(facts: Facts) -> Finding | None:
    """Find a Java or Spark program whose heap was full."""
    line = said(facts, _HEAP)
    if not line:
        return None
    is_java = "java" in line.lower().replace("javascript", "") or "GC over" in line
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "HeapFull",
        wording("its {language} heap was full: the heap is smaller than what it holds at a time", language="Java" if is_java else "JavaScript"),
        wording("raise the heap (Spark: spark.driver.memory or spark.executor.memory; Java: -Xmx; Node.js: --max-old-space-size), then: {command}", command=again(facts)),
    )  # fmt: skip


def read_only(facts: Facts) -> Finding | None:
    """Find a program that writes where it may only read."""
    line = said(facts, _READ_ONLY)
    if not line:
        return None
    path = re.search(r"['\"](?P<path>/[^'\"]+)['\"]", line)
    message = wording("it writes to a file system that it may only read")
    if path:
        message = wording("it writes {path!r} to a file system that it may only read", path=path["path"])
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "ReadOnlyFileSystem", message,
        wording("write to a volume instead (an emptyDir mounted there, or /tmp), then: {command}", command=again(facts)),
    )  # fmt: skip


def not_permitted(facts: Facts) -> Finding | None:
    """Find a file that the container's user may not read or write."""
    found = exception(facts)
    line = (
        found.line
        if found is not None and found.short == "PermissionError"
        else said(facts, _PERMISSION, last=4)
        if facts.made and found is None
        else ""
    )
    if not line or exit_code(facts) == 126:
        return None
    path = re.search(r"['\"](?P<path>/?[^'\"]+)['\"]|(?P<plain>/\S+): Permission denied", line)
    user = _user(facts)
    message = wording("its user{user} may not read or write a file that it needs", user=user)
    if path:
        file = path["path"] or path["plain"]
        message = wording("its user{user} may not read or write {path!r}", user=user, path=file)
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "PermissionDenied", message,
        wording("give that user the right (fsGroup for a volume, chown in the image), then: {command}", command=again(facts)) if facts.made
        else wording("write below the working directory or $SEAWAY_OUTPUTS, then: {command}", command=again(facts)),
    )  # fmt: skip


def _user(facts: Facts) -> str:
    spec = (facts.pod or {}).get("spec") or {}
    own = (spec.get("securityContext") or {}).get("runAsUser")
    return wording(" (uid {uid})", uid=own) if own is not None else ""


def too_many_processes(facts: Facts) -> Finding | None:
    """Find a program that may have no more processes, threads or open files."""
    line = said(facts, _THREADS)
    if not line:
        return None
    if _FILES.search(line):
        return spoken(
            facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "TooManyProcesses",
            wording("it has as many open files as it may have"),
            wording("close those that it is done with (with open(...)), or open fewer at a time, then: {command}", command=again(facts)),
        )  # fmt: skip
    return spoken(
        facts, line, Level.CONTAINER, VerdictClass.RESOURCE, "TooManyProcesses",
        wording("it has as many processes, threads or open files as it may have"),
        wording("start fewer workers or threads (OMP_NUM_THREADS, num_workers), then: {command}", command=again(facts)),
    )  # fmt: skip


def recursion(facts: Facts) -> Finding | None:
    """Find a function that calls itself without end."""
    found = exception(facts)
    if found is None or found.short != "RecursionError":
        return None
    message = wording("a function calls itself without end{at}", at=found.at)
    step = correct(facts, found)
    return spoken(facts, found.line, Level.CODE, VerdictClass.USER, "Recursion", message, step)


def assertion(facts: Facts) -> Finding | None:
    """Find an assertion of the program's own that did not hold."""
    found = exception(facts)
    if found is None or found.short not in _ASSERTION:
        return None
    message = wording("an assertion of the program does not hold{at}", at=found.at)
    if found.text:
        message = wording(
            "an assertion of the program does not hold{at}: {text}",
            at=found.at, text=blanked(facts, found.text),
        )  # fmt: skip
    step = correct(facts, found)
    return spoken(facts, found.line, Level.CODE, VerdictClass.USER, "AssertionFailed", message, step)


def wrong_shape(facts: Facts) -> Finding | None:
    """Find tensors or arrays whose shapes, types or devices do not fit together."""
    found = exception(facts)
    if found is None or not re.search(
        r"(?i)shapes? .{0,60}(?:cannot be|not aligned|mismatch|must|invalid)|size mismatch|must match the size|mat1 and mat2|could not broadcast|cannot reshape|expected (?:scalar type|\w*tensor|input)|inconsistent numbers? of samples|dimensions? .{0,40}(?:mismatch|must)|expected all tensors to be on the same device|dtype.{0,40}(?:mismatch|expected|not match)|incompatible shapes|Error\(s\) in loading state_dict|expected \d+D or \d+D|should be the same|could not be broadcast|mismatch in its core dimension|loop with signature matching types|is expecting \d+ features|trying to merge on \S+ and \S+ columns",
        found.text,
    ):
        return None
    message = wording(
        "arrays that do not fit together in shape, type or device{at}: {error}",
        at=found.at, error=brief(facts, found.text),
    )  # fmt: skip
    step = correct(facts, found)
    return spoken(facts, found.line, Level.CODE, VerdictClass.USER, "WrongShape", message, step)


_CHILD_CRASHED = re.compile(
    r"(?i)<Signals\.(?P<name>SIG(?:SEGV|ABRT|BUS|ILL|FPE)): \d+>|exitcode ?[:=] ?-(?P<number>4|6|7|8|11)\b"
    r"|Signal (?P<torch>4|6|7|8|11) \(SIG\w+\) received|Fatal Python error: (?P<fatal>[\w ]+)"
    r"|Segmentation fault|(?P<loky>SIG(?:SEGV|ABRT|BUS|ILL|FPE))\(-\d+\)"
)


def child_crashed(facts: Facts) -> Finding | None:
    """Find a program one of whose processes crashed in native code, or is gone without a word."""
    line = said(facts, _CHILD_CRASHED)
    telling = again(facts, "--env", "PYTHONFAULTHANDLER=1")
    if not line and (gone := said(facts, _POOL)):
        return spoken(
            facts, gone, None, VerdictClass.UNKNOWN, "WorkerDied",
            wording("a process of its pool is gone, and nothing says why: it was killed (often for memory), crashed in native code, or ended itself"),
            wording("have Python say where, if it crashes: {command}", command=telling),
        )  # fmt: skip
    if not line or (exit_code(facts) or 0) > 128:
        return None
    return spoken(
        facts, line, Level.CODE, VerdictClass.USER, "NativeCrash",
        wording("a process of it crashed in native code: a compiled library, not Python itself"),
        wording("have Python say where: {command}", command=telling),
    )  # fmt: skip


_PLACE = re.compile(r"\S+:\d+:\d+:$")
_OTHERS = (
    re.compile(r"^Exception in thread \"[^\"]+\" (?P<what>\S+(?:: .*)?)"),
    re.compile(r"^(?P<what>Error in .{3,})$|^(?P<r>Error: .{3,})$"),
    re.compile(r"^panic: (?P<what>.+)"),
    re.compile(r"^fatal: (?P<what>.+)"),
    re.compile(r"^thread '.*' panicked at (?P<what>.+)"),
    re.compile(r"^(?P<what>(?:org|java|com)\.[\w.]+(?:Exception|Error): .+)"),
    re.compile(r"^ERROR: (?P<what>LoadError: .+)"),
    re.compile(r"^\w*: error: (?P<what>.+)|^(?P<arg>\S+\.py: error: .+)"),
)


def wrong_arguments(facts: Facts) -> Finding | None:
    """Find a command line that the program does not understand: argparse and its like exit with 2."""
    if exit_code(facts) != 2:
        return None
    line = said(
        facts,
        re.compile(
            r"(?i)"
            r"\berror: (?:unrecognized arguments|the following arguments are required|argument |invalid choice|no such option|missing option|missing argument|ambiguous option)"
            r"|invalid value for '|: cannot open \S+: No such file|no such option|can't open file|Got unexpected extra argument|unknown (?:flag|option)"
            r"|invalid option|unrecognized option"
        ),
        last=6,
    )
    if not line:
        return None
    return spoken(
        facts, line, Level.SPEC, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "WrongArguments",
        wording("the program does not take the arguments that it was given: {error}", error=brief(facts, line.strip(" │"))),
        wording("correct command, args or workingDir, then: {command}", command=again(facts)) if facts.made
        else wording("correct the arguments, then: {command}", command=again(facts)),
    )  # fmt: skip


def other_language(facts: Facts) -> Finding | None:
    """Find the error of a program in another language than Python: Java, Scala, R, Go, Rust, Julia."""
    if exception(facts) is not None or not ended_badly(facts) or (exit_code(facts) or 0) in (126, 127):
        return None
    for line in reversed([line for line in facts.log_tail.splitlines() if line.strip()][-LAST_WORDS:]):
        for pattern in _OTHERS:
            if (found := pattern.search(line)) and not overcome(line):
                what = next(filter(None, found.groups()))
                if _PLACE.match(what):  # Rust's message stands below
                    what = facts.log_tail.partition(line)[2].lstrip("\n").partition("\n")[0] or what
                return spoken(
                    facts, line, Level.CODE, VerdictClass.USER, "ProgramError",
                    wording("the program failed: {error}", error=brief(facts, what, 160)),
                    wording("correct the program, then: {command}", command=again(facts)),
                )  # fmt: skip
    return None


def system_out_of_memory(facts: Facts) -> Finding | None:
    """Find a program that the kernel killed because the whole node had no memory left, not because of its own limit."""
    if exit_code(facts) != 137 or (memory_limit(facts) and _says_own_limit(facts)):
        return None
    name = ((facts.pod or {}).get("metadata") or {}).get("name", "")
    event = next(
        (e for e in reversed(facts.node_events) if e.get("reason") in ("SystemOOM", "OOMKilling")
         and (e.get("reason") == "SystemOOM" or name in (e.get("message") or "") or not facts.events)),
        None,
    )  # fmt: skip
    if event is None or not _near(facts, event):
        return None
    reserving = again(facts, "--memory", "AMOUNT")
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeOutOfMemory",
        wording("its node ran out of memory as a whole, and the kernel killed it; it was not over a limit of its own"),
        from_event(facts, event), next_step=wording("reserve what it needs, so that it is placed where there is room: {command}", command=reserving),
        retry=True, exit_code=137,
    )  # fmt: skip


def _says_own_limit(facts: Facts) -> bool:
    return (terminated(facts) or {}).get("reason") == "OOMKilled"


def _near(facts: Facts, event: Mapping[str, Any]) -> bool:
    at, ended = moment(event_time(event)), moment((terminated(facts) or {}).get("finishedAt"))
    return at is None or ended is None or abs((at - ended).total_seconds()) < 120
