"""The program's own failures: modules, exceptions, signals, exit codes."""

from __future__ import annotations

import re
import signal

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again, is_python, kubectl, with_package
from seaway.platform.diagnosis.evidence import (
    asks_gpu,
    blanked,
    brief,
    chose_its_code,
    exit_code,
    from_end,
    from_log,
    last_lines,
    memory_limit,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.imports import NO_MODULE, is_of_import, why_failed
from seaway.platform.diagnosis.packages import SHARED, is_likely_own, package_of
from seaway.platform.diagnosis.spoken import correct, last_error, last_words_of_abort, spoken
from seaway.platform.diagnosis.tracebacks import (
    IN_CODE,
    Traceback,
    crash_place,
    direct_cause,
    exception,
    was_dumped,
)

_NO_FILE = re.compile(r"No such file or directory: '(?P<quoted>[^']+)'|^(?P<path>\S+) not found\.?$")
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
    signal.SIGKILL: wording("it was killed (SIGKILL) by a process or by the kernel, which does that when a whole machine runs out of memory"),
    signal.SIGSEGV: wording("it crashed in native code (segmentation fault)"),
    signal.SIGTERM: wording("it was ended by the signal SIGTERM, which did not come from Seaway"),
    signal.SIGABRT: wording("it aborted itself (SIGABRT), usually after an error in native code"),
    signal.SIGBUS: wording("it crashed on a bad memory access (SIGBUS), often because shared memory or disk was full"),
    signal.SIGFPE: wording("it crashed on an arithmetic error (SIGFPE)"),
    signal.SIGILL: wording("it used an instruction that this CPU does not have (SIGILL)"),
    signal.SIGINT: wording("it was interrupted (SIGINT)"),
}  # fmt: skip


def module_not_found(facts: Facts) -> Finding | None:
    """Find an import of a package that is not installed, and name the package."""
    found = exception(facts)
    module = _missing_module(facts, found)
    if not module or (found is not None and _of_a_package(module)):
        return None
    package = package_of(module)
    named = wording(" (package {package!r})", package=package) if package != module else ""
    at = found.at if found is not None else ""
    line = found.line if found is not None else last_lines(facts, 1)[0]
    return Finding(
        Level.CODE, VerdictClass.USER, "ModuleNotFound",
        wording("it imports the module {module!r}{named}{at}, which is not installed", module=module, named=named, at=at),
        (*from_log(facts, [line]), *from_end(facts)),
        next_step=_bringing(facts) if is_likely_own(module) else with_package(facts, package),
        exit_code=exit_code(facts),
    )  # fmt: skip


def _bringing(facts: Facts) -> str:
    """Return as a next step that a module of the user's own is brought to where it is imported."""
    if facts.made is not None:
        return wording(
            "if it is your own, have it in the image, in the folder of the script or on PYTHONPATH, then: {command}",
            command=again(facts),
        )
    return wording(
        "if it is your own, put it beside the script, where no .gitignore or .seawayignore leaves it out, then: {command}",
        command=again(facts),
    )


def import_failed(facts: Facts) -> Finding | None:
    """Find an import that fails although the package is there: a wrong version, a missing system library."""
    found = exception(facts)
    if found is None or not is_of_import(found):
        return None
    where = wording(" (at {place})", place=found.where) if found.where else ""
    message, step = why_failed(facts, found)
    return Finding(
        Level.CODE, VerdictClass.USER, "ImportFailed", message + where, (*from_log(facts, [found.line]), *from_end(facts)),
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
            wording("it was interrupted{at} (KeyboardInterrupt)", at=found.at),
            "seaway logs {run}",
        )
    if found.program:
        return _no_program(facts, found)
    cause = direct_cause(facts.log_tail, found.start)
    cause = None if cause is not None and cause.line == found.line else cause
    error = blanked(facts, found.line)
    message = wording("the program failed{at}: {error}", at=found.at, error=error)
    if cause is not None:
        message = wording(
            "the program failed{at}: {error}, because of {cause}",
            at=found.at, error=error, cause=brief(facts, cause.line),
        )  # fmt: skip
    before = [cause.line] if cause is not None else _words_of_a_command(facts, found)
    return Finding(
        Level.DATA if found.short in _DATA_ERRORS else Level.CODE, VerdictClass.USER, "UserException",
        message, (*from_log(facts, [*before, found.line]), *from_end(facts)),
        next_step=_correction(facts, found), exit_code=exit_code(facts),
    )  # fmt: skip


def _no_program(facts: Facts, found: Traceback) -> Finding:
    """Say of a command that the program starts that it is not there."""
    step = wording("install it in the image: {command}", command=again(facts, "--image", "IMAGE"))
    if found.program == "nvidia-smi" and not asks_gpu(facts):
        step = wording("ask for a GPU, where it is there: {command}", command=again(facts, "--gpu", "1"))
    return spoken(
        facts, found.line, Level.CONTAINER, VerdictClass.CONFIGURATION if facts.made else VerdictClass.USER, "CommandNotFound",
        wording("it starts the command {program!r}{at}, which is not there", program=found.program, at=found.at), step,
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
    if not number or (chose_its_code(facts) and is_python(facts)):  # a shell passes on what ended its program
        return None
    said = _SIGNALS.get(number) or wording("it was ended by the signal {signal}", signal=_name(number))
    step: str = "seaway logs {run}"
    if number == signal.SIGKILL and not memory_limit(facts):
        step = wording("reserve memory for it: {command}", command=again(facts, "--memory", "4Gi"))
    elif number in _CRASHES and (is_python(facts) or facts.made is not None):
        telling = again(facts, "--env", "PYTHONFAULTHANDLER=1")
        step = wording("have Python say where: {command}", command=telling)
        if place := crash_place(facts.log_tail):
            said = said + wording(" at {place}", place=place)
            step = wording(
                "look at what {place} calls in compiled code, then: {command}",
                place=place, command=again(facts),
            )  # fmt: skip
        elif was_dumped(facts.log_tail):
            step = "seaway logs {run}"
        elif number == signal.SIGABRT and (words := last_words_of_abort(facts.log_tail)):
            said = wording("it aborted itself (SIGABRT): {error}", error=brief(facts, words))
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
        None, VerdictClass.UNKNOWN, "KilledBySignal",
        wording("it was ended from outside ({signal}), and nothing that was seen says by whom", signal=name),
        (*from_end(facts), *from_log(facts, last_lines(facts, 2))), next_step=kubectl(facts, f"kubectl describe pod {facts.run}"),
        exit_code=exit_code(facts),
    )  # fmt: skip


def failed_exit(facts: Facts) -> Finding | None:
    """Find a program that ended with a code other than 0 and said nothing that another rule knows."""
    code = exit_code(facts)
    if not code:
        return None
    last, error = last_lines(facts, 1), last_error(facts)
    message = wording("the program ended with exit code {code} and said nothing", code=code)
    if error:
        message = wording(
            "the program ended with exit code {code}; the last error that it told of: {line}",
            code=code, line=brief(facts, error, _LONGEST_LAST),
        )  # fmt: skip
    elif last:
        message = wording(
            "the program ended with exit code {code}; the last it said: {line}",
            code=code, line=brief(facts, last[0], _LONGEST_LAST),
        )  # fmt: skip
    return Finding(
        Level.CODE, VerdictClass.USER, "NonZeroExit", message,
        (*from_log(facts, [error] if error else last_lines(facts, 3)), *from_end(facts)), next_step="seaway logs {run}",
        exit_code=code,
    )  # fmt: skip


def _correction(facts: Facts, found: Traceback) -> str:
    """Return as a next step what to correct, and to run it again: what is missing may lie where a run does not see it."""
    named = _NO_FILE.search(found.text) if found.short != "KeyError" else None
    path = IN_CODE.sub("", named["quoted"] or named["path"]) if named else ""
    if path.startswith("/tmp/"):  # noqa: S108
        return wording(
            "put {path!r} elsewhere, best into the project: a run has a /tmp of its own, then: {command}",
            path=path, command=again(facts),
        )  # fmt: skip
    if path.startswith("../"):
        return wording(
            "put {path!r} into the project: a run has a copy of it, and nothing of what lies around it, then: {command}",
            path=path, command=again(facts),
        )  # fmt: skip
    if path and not path.startswith("/"):
        return wording(
            "put {path!r} into the project, where no .gitignore or .seawayignore leaves it out, then: {command}",
            path=path, command=again(facts),
        )  # fmt: skip
    return correct(facts, found)


def _missing_module(facts: Facts, found: Traceback | None) -> str:
    if found is not None:
        if found.type not in ("ModuleNotFoundError", "ImportError"):
            return ""
        named = NO_MODULE.search(found.text)
        return named["module"] if named else ""
    if exit_code(facts) != 1:
        return ""
    # `python -m NAME` says it without a traceback.
    named = re.search(
        r"python[\w./-]*: (?:Error while finding module specification for .{1,200} \(ModuleNotFoundError: )?No module named '?(?P<module>[\w.]+)'?\)?$",
        "\n".join(last_lines(facts, 1)),
    )
    return named["module"] if named else ""
