"""The program's own failures: modules, exceptions, signals, exit codes."""

from __future__ import annotations

import re
import signal

from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, is_python, kubectl, with_package
from seaway.platform.diagnosis.evidence import (
    asks_gpu,
    blanked,
    brief,
    exit_code,
    from_end,
    from_log,
    last_lines,
    memory_limit,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.packages import SHARED, is_likely_own, package_of
from seaway.platform.diagnosis.spoken import spoken
from seaway.platform.diagnosis.tracebacks import (
    Traceback,
    crash_place,
    direct_cause,
    exception,
    is_standard,
    is_users_own,
    was_dumped,
)

_NO_MODULE = re.compile(r"No module named '?(?P<module>[\w.]+)'?")
_HIDDEN = re.compile(r"; '(?P<name>[\w.]+)' is not a package")
_NO_NAME = re.compile(
    r"cannot import name '(?P<name>[^']+)' from (?:partially initialized module )?'(?P<module>[\w.]+)'(?:.*\((?P<path>/[^)]*)\))?"
)
_NO_LIBRARY = re.compile(r"(?P<library>lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
_NO_PARENT = "attempted relative import with no known parent package"
_NO_FILE = re.compile(r"No such file or directory: '(?P<quoted>[^']+)'|^(?P<path>\S+) not found\.?$")
_IN_CODE = re.compile(r"^/\S*?/seaway-[0-9a-f]{16}/code/")
"""Where the runner puts the copy of the project."""
_DATA_ERRORS = (
    "FileNotFoundError",
    "UnicodeDecodeError",
    "JSONDecodeError",
    "ParserError",
    "EmptyDataError",
    "EOFError",
)
_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
_ASKED = (signal.SIGKILL, signal.SIGTERM)
_LONGEST_LAST = 120
_SIGNALS: dict[int, str] = {
    signal.SIGKILL: "it was killed (SIGKILL) by a process or by the kernel, which does that when a whole machine runs out of memory",
    signal.SIGSEGV: "it crashed in native code (segmentation fault)",
    signal.SIGTERM: "it was ended by the signal SIGTERM, which did not come from Seaway",
    signal.SIGABRT: "it aborted itself (SIGABRT), usually after an error in native code",
    signal.SIGBUS: "it crashed on a bad memory access (SIGBUS), often because shared memory or disk was full",
    signal.SIGFPE: "it crashed on an arithmetic error (SIGFPE)",
    signal.SIGILL: "it used an instruction that this CPU does not have (SIGILL)",
    signal.SIGINT: "it was interrupted (SIGINT)",
}


def module_not_found(facts: Facts) -> Finding | None:
    """Find an import of a package that is not installed, and name the package."""
    found = exception(facts)
    module = _missing_module(facts, found)
    if not module or (found is not None and _of_a_package(module)):
        return None
    package = package_of(module)
    named = f" (package {package!r})" if package != module else ""
    where = f" at {found.where}" if found is not None and found.where else ""
    line = found.line if found is not None else last_lines(facts, 1)[0]
    return Finding(
        Level.CODE, VerdictClass.USER, "ModuleNotFound", f"it imports the module {module!r}{named}{where}, which is not installed",
        (*from_log(facts, [line]), *from_end(facts)),
        next_step=f"if it is your own, {_bringing(facts)}, then: {again(facts)}"
        if is_likely_own(module)
        else with_package(facts, package),
        exit_code=exit_code(facts),
    )  # fmt: skip


def _bringing(facts: Facts) -> str:
    """Return how a module of the user's own gets to where it is imported."""
    if facts.made is not None:
        return "have it in the image, in the folder of the script or on PYTHONPATH"
    return "put it beside the script, where no .gitignore or .seawayignore leaves it out"


def import_failed(facts: Facts) -> Finding | None:
    """Find an import that fails although the package is there: a wrong version, a missing system library."""
    found = exception(facts)
    if found is None or found.short not in ("ImportError", "ModuleNotFoundError"):
        return None
    part, hidden = _NO_MODULE.search(found.text), _HIDDEN.search(found.text)
    name, library = _NO_NAME.search(found.text), _NO_LIBRARY.search(found.text)
    correct = f"correct the import{f' at {found.where}' if found.where else ''}, then: {again(facts)}"
    if name and (is_standard(name["module"]) or (name["path"] and is_users_own(name["path"]))):
        said, step = f"the module {name['module']!r} has no {name['name']!r}", correct
    elif name:
        said = f"the module {name['module']!r} has no {name['name']!r}: the program expects another version of it"
        step = f"name the version that has it ({package_of(name['module'])}==VERSION), then: {again(facts)}"
    elif hidden:
        said = f"it imports {(part['module'] if part else 'a part of it')!r}, but {hidden['name']!r} is a single file: most likely one of yours hides the package"
        step = f"rename {hidden['name'].rpartition('.')[2]}.py, then: {again(facts)}"
    elif part:
        said = (
            f"the package {part['module'].partition('.')[0]!r} is there, but has no module {part['module']!r}"
        )
        step = f"correct the import, or name the version that has it ({package_of(part['module'])}==VERSION), then: {again(facts)}"
    elif library:
        said = f"a package needs the system library {library['library']}, which the container does not have"
        if "libGL" in library["library"]:
            step = f"replace opencv-python by opencv-python-headless, then: {again(facts)}"
        else:
            step = f"install it on the node, or in an image: {again(facts, '--image', 'IMAGE')}"
    elif _NO_PARENT in found.text and facts.made is None:
        said = "it imports relatively (from . import ...), which only works in a module of a package"
        step = "run it as a module, from the folder that holds its package: seaway run -- python -m PACKAGE.MODULE"
    else:
        said, step = f"an import failed: {blanked(facts, found.text)}", correct
    where = f" (at {found.where})" if found.where else ""
    return Finding(
        Level.CODE, VerdictClass.USER, "ImportFailed", said + where, (*from_log(facts, [found.line]), *from_end(facts)),
        next_step=step, exit_code=exit_code(facts),
    )  # fmt: skip


def user_exception(facts: Facts) -> Finding | None:
    """Find an exception that the program did not catch."""
    found = exception(facts)
    if found is None:
        return None
    if found.type == "KeyboardInterrupt" and facts.made is not None:
        return _ended_by_nobody_known(facts, signal.SIGINT)
    if found.type == "KeyboardInterrupt":
        return spoken(
            facts,
            found.line,
            Level.CODE,
            VerdictClass.USER,
            "KilledBySignal",
            f"it was interrupted{found.at} (KeyboardInterrupt)",
            "seaway logs {run}",
        )
    if found.program:
        return _no_program(facts, found)
    cause = direct_cause(facts.log_tail, found.start)
    cause = None if cause is not None and cause.line == found.line else cause
    because = f", because of {brief(facts, cause.line)}" if cause is not None else ""
    before = [cause.line] if cause is not None else _words_of_a_command(facts, found)
    return Finding(
        Level.DATA if found.short in _DATA_ERRORS else Level.CODE, VerdictClass.USER, "UserException",
        f"the program failed{found.at}: {blanked(facts, found.line)}{because}", (*from_log(facts, [*before, found.line]), *from_end(facts)),
        next_step=f"{_correction(found)}, then: {again(facts)}",
        exit_code=exit_code(facts),
    )  # fmt: skip


def _no_program(facts: Facts, found: Traceback) -> Finding:
    """Say of a command that the program starts that it is not there."""
    step = f"install it in the image: {again(facts, '--image', 'IMAGE')}"
    if found.program == "nvidia-smi" and not asks_gpu(facts):
        step = f"ask for a GPU, where it is there: {again(facts, '--gpu', '1')}"
    return spoken(
        facts, found.line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "CommandNotFound",
        f"it starts the command {found.program!r}{found.at}, which is not there", step,
    )  # fmt: skip


def _words_of_a_command(facts: Facts, found: Traceback) -> list[str]:
    """Return the last that a command said whose failure the program did not catch."""
    lines = [line for line in facts.log_tail.splitlines()[: found.start] if line.strip()]
    return lines[-1:] if found.short == "CalledProcessError" else []


def _of_a_package(module: str) -> bool:
    """Tell whether it is a part of a package that is there: Python names the first module that it does not find."""
    return "." in module and module.partition(".")[0] not in SHARED


def killed_by_signal(facts: Facts) -> Finding | None:
    """Find a program that a signal ended."""
    ended, code = terminated(facts) or {}, exit_code(facts)
    number = ended.get("signal") or (code - 128 if code is not None and 128 < code < 160 else 0)
    if not number:
        return None
    said = _SIGNALS.get(number, f"it was ended by the signal {_name(number)}")
    step = "seaway logs {run}"
    if number == signal.SIGKILL and not memory_limit(facts):
        step = f"reserve memory for it: {again(facts, '--memory', '4Gi')}"
    elif number in _CRASHES and (is_python(facts) or facts.made is not None):
        step = f"have Python say where: {again(facts, '--env', 'PYTHONFAULTHANDLER=1')}"
        if place := crash_place(facts.log_tail):
            said, step = (
                f"{said} at {place}",
                f"look at what {place} calls in compiled code, then: {again(facts)}",
            )
        elif was_dumped(facts.log_tail):
            step = "seaway logs {run}"
    if facts.made is not None and number in _ASKED:
        return _ended_by_nobody_known(facts, number)
    return Finding(
        Level.CODE if number in _CRASHES else Level.CONTAINER, VerdictClass.USER, "KilledBySignal", said,
        (*from_end(facts), *from_log(facts, last_lines(facts, 2))), next_step=step,
        exit_code=code if code is not None else 128 + number,
    )  # fmt: skip


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _ended_by_nobody_known(facts: Facts, number: int) -> Finding:
    """Say of somebody else's pod that it was killed: who did that the exit code alone does not tell."""
    name = signal.Signals(number).name
    return Finding(
        None, VerdictClass.UNKNOWN, "KilledBySignal", f"it was ended from outside ({name}), and nothing that was seen says by whom",
        (*from_end(facts), *from_log(facts, last_lines(facts, 2))), next_step=kubectl(facts, f"kubectl describe pod {facts.run}"),
        exit_code=exit_code(facts),
    )  # fmt: skip


def failed_exit(facts: Facts) -> Finding | None:
    """Find a program that ended with a code other than 0 and said nothing that another rule knows."""
    code = exit_code(facts)
    if not code:
        return None
    last = last_lines(facts, 1)
    said = f"; the last it said: {brief(facts, last[0], _LONGEST_LAST)}" if last else " and said nothing"
    return Finding(
        Level.CODE, VerdictClass.USER, "NonZeroExit", f"the program ended with exit code {code}{said}",
        (*from_log(facts, last_lines(facts, 3)), *from_end(facts)), next_step="seaway logs {run}",
        exit_code=code,
    )  # fmt: skip


def _correction(found: Traceback) -> str:
    named = _NO_FILE.search(found.text) if found.short != "KeyError" else None
    path = _IN_CODE.sub("", named["quoted"] or named["path"]) if named else ""
    if path.startswith("/tmp/"):  # noqa: S108
        return f"put {path!r} elsewhere, best into the project: a run has a /tmp of its own"
    if path.startswith("../"):
        return f"put {path!r} into the project: a run has a copy of it, and nothing of what lies around it"
    if path and not path.startswith("/"):
        return f"put {path!r} into the project, where no .gitignore or .seawayignore leaves it out"
    return f"correct {found.where or 'the program'}"


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
