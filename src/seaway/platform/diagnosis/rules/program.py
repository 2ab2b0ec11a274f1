"""The program's own failures: modules, exceptions, signals, exit codes."""

from __future__ import annotations

import re
import signal

from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.evidence import blanked, exit_code, from_end, from_log, last_lines, terminated
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.packages import package_of
from seaway.platform.diagnosis.rules.resources import script
from seaway.platform.diagnosis.tracebacks import Traceback, last_traceback

_NO_MODULE = re.compile(r"No module named '?(?P<module>[\w.]+)'?")
_NO_NAME = re.compile(
    r"cannot import name '(?P<name>[^']+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'"
)
_NO_LIBRARY = re.compile(r"(?P<library>lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
_DATA_ERRORS = (
    "FileNotFoundError",
    "UnicodeDecodeError",
    "JSONDecodeError",
    "ParserError",
    "EmptyDataError",
    "EOFError",
)
_SIGNALS: dict[int, str] = {
    signal.SIGKILL: "it was killed from outside (SIGKILL), often because the node ran out of memory",
    signal.SIGSEGV: "it crashed in native code (segmentation fault)",
    signal.SIGTERM: "it was asked to end from outside (SIGTERM)",
    signal.SIGABRT: "it aborted itself (SIGABRT), usually after an error in native code",
    signal.SIGBUS: "it crashed on a bad memory access (SIGBUS), often because shared memory or disk was full",
    signal.SIGFPE: "it crashed on an arithmetic error (SIGFPE)",
    signal.SIGILL: "it used an instruction that this CPU does not have (SIGILL)",
    signal.SIGINT: "it was interrupted (SIGINT)",
}


def module_not_found(facts: Facts) -> Finding | None:
    """Find an import of a package that is not installed, and name the package."""
    found = _exception(facts)
    module = _missing_module(facts, found)
    if not module:
        return None
    package = package_of(module)
    named = f" (package {package!r})" if package != module else ""
    where = f" at {found.where}" if found is not None and found.where else ""
    line = found.line if found is not None else last_lines(facts, 1)[0]
    return Finding(
        Level.CODE, VerdictClass.USER, "ModuleNotFound", f"it imports the module {module!r}{named}{where}, which is not installed",
        (*from_log(facts, [line]), *from_end(facts)),
        next_step=f"echo {package} >> requirements.txt && seaway run --requirements requirements.txt {script(facts)}",
        exit_code=exit_code(facts),
    )  # fmt: skip


def import_failed(facts: Facts) -> Finding | None:
    """Find an import that fails although the package is there: a wrong version, a missing system library."""
    found = _exception(facts)
    if found is None or found.type.rpartition(".")[2] != "ImportError":
        return None
    name, library = _NO_NAME.search(found.text), _NO_LIBRARY.search(found.text)
    if name:
        said = f"the module {name['module']!r} has no {name['name']!r}: another version of it is installed than the program expects"
        step = f"pin the version that has it ({package_of(name['module'])}==VERSION) in requirements.txt and run again"
    elif library:
        said = f"a package needs the system library {library['library']}, which the container does not have"
        headless = "opencv-python-headless" if "libGL" in library["library"] else ""
        step = (
            f"replace opencv-python by {headless} in requirements.txt"
            if headless
            else "seaway run --image IMAGE_WITH_IT ..."
        )
    else:
        said, step = f"an import failed: {blanked(facts, found.text)}", "correct the import, then run again"
    where = f" (at {found.where})" if found.where else ""
    return Finding(
        Level.CODE, VerdictClass.USER, "ImportFailed", said + where, (*from_log(facts, [found.line]), *from_end(facts)),
        next_step=step, exit_code=exit_code(facts),
    )  # fmt: skip


def user_exception(facts: Facts) -> Finding | None:
    """Find an exception that the program did not catch."""
    found = _exception(facts)
    if found is None:
        return None
    where = f" at {found.where}" if found.where else ""
    short = found.type.rpartition(".")[2]
    return Finding(
        Level.DATA if short in _DATA_ERRORS else Level.CODE, VerdictClass.USER, "UserException",
        f"the program failed{where}: {blanked(facts, found.line)}", (*from_log(facts, [found.line]), *from_end(facts)),
        next_step=f"correct {found.where or 'the program'}, then run it again: seaway run {script(facts)}",
        done=_retries(facts), exit_code=exit_code(facts),
    )  # fmt: skip


def killed_by_signal(facts: Facts) -> Finding | None:
    """Find a program that a signal ended."""
    ended, code = terminated(facts) or {}, exit_code(facts)
    number = ended.get("signal") or (code - 128 if code is not None and 128 < code < 160 else 0)
    if not number:
        return None
    said = _SIGNALS.get(number, f"it was ended by signal {number}")
    step = (
        "seaway logs {run}"
        if number != signal.SIGKILL
        else f"try with more memory: seaway run --memory 8Gi {script(facts)}"
    )
    return Finding(
        Level.CONTAINER, VerdictClass.USER, "KilledBySignal", said,
        (*from_end(facts), *from_log(facts, last_lines(facts, 2))), next_step=step, done=_retries(facts),
        exit_code=code if code is not None else 128 + number,
    )  # fmt: skip


def failed_exit(facts: Facts) -> Finding | None:
    """Find a program that ended with a code other than 0 and said nothing that another rule knows."""
    code = exit_code(facts)
    if not code:
        return None
    return Finding(
        Level.CODE, VerdictClass.USER, "NonZeroExit", f"the program ended with exit code {code}",
        (*from_log(facts, last_lines(facts, 3)), *from_end(facts)), next_step="seaway logs {run}", done=_retries(facts),
        exit_code=code,
    )  # fmt: skip


def _exception(facts: Facts) -> Traceback | None:
    """Return the exception that ended the program, None where it ended well or by a signal."""
    code = exit_code(facts)
    return last_traceback(facts.log_tail) if code and code < 128 else None


def _missing_module(facts: Facts, found: Traceback | None) -> str:
    if found is not None:
        if found.type not in ("ModuleNotFoundError", "ImportError"):
            return ""
        named = _NO_MODULE.search(found.text)
        return named["module"] if named else ""
    if exit_code(facts) != 1:
        return ""
    # `python -m NAME` says it without a traceback.
    named = re.search(
        r"python[\w./-]*: No module named '?(?P<module>[\w.]+)'?$", "\n".join(last_lines(facts, 1))
    )
    return named["module"] if named else ""


def _retries(facts: Facts) -> str:
    if facts.retries_left <= 0:
        return ""
    return f"it is tried again; {facts.retries_left} {'retry is' if facts.retries_left == 1 else 'retries are'} left"
