"""What a program said in its log before it ended: phrases that are evidence of a cause."""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import exit_code, from_end, from_log, pod_status
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.tracebacks import Traceback, exception

LAST = 80
"""Lines of a log's end in which a phrase counts."""
LAST_OF_CHAIN = 300
"""The same for what an exception says that another one followed from."""
LAST_WORDS = 8
"""The same where no exception ended the program: what it went on after did not end it."""
_LATE = 8
"""Lines from the end from which on a warning was overcome."""
_OVERCOME = re.compile(
    r"(?i)^\S*\s*(?:\[?(?:debug|info|trace)\]?\b)|\bretry(?:ing)?\b.*\bin \d|will retry|retrying"
    r"|\b(?:ignored|ignoring|skipp(?:ed|ing)|non-fatal|falling back|not critical|continuing|recovering|instead|left out)\b"
    r"|\(optional\)|\boptional\b.{0,40}:|[,;] (?:trying|using|running)\b|\. Reducing\b"
)
_ERROR = re.compile(r"\b(?:ERROR|CRITICAL|FATAL)\b")
_ABORTS = re.compile(r"^\s*what\(\):\s*(?P<what>\S.*)|(?P<assertion>\bAssertion [`'].+ failed\.?)$")
_WARNING = re.compile(r"\bWARN(?:ING)?\b")


def ended_badly(facts: Facts) -> bool:
    """Tell whether the program ended with a failure, or, of a pod that is not known, whether its log must say so."""
    if facts.pod is None:
        return facts.made is not None and bool(facts.log_tail)
    code = exit_code(facts)
    if code is None and facts.made is not None and pod_status(facts).get("phase") == "Failed":
        return not pod_status(facts).get("reason")
    return bool(code)


def said(facts: Facts, phrase: re.Pattern[str], last: int = LAST) -> str:
    """Return the last line in which a program that failed said something, "" where it did not.

    Where an exception ended it, only that exception and what follows counts: what was said before was overcome.
    """
    if not ended_badly(facts):
        return ""
    lines = facts.log_tail.splitlines()
    found = exception(facts)
    if found is not None and not found.is_consequence:
        lines = lines[found.start :]
    elif found is None:
        last = min(last, LAST_WORDS)
    lines = [line for line in lines if line.strip()][-last:]
    for distance, line in enumerate(reversed(lines)):
        overcome = _OVERCOME.search(line) or (distance >= _LATE and _WARNING.search(line))
        if not overcome and phrase.search(line):
            return line
    return ""


def last_error(facts: Facts) -> str:
    """Return the last of the last lines that calls itself an error, "" where none does."""
    lines = [line for line in facts.log_tail.splitlines() if line.strip()][-LAST_WORDS:]
    return next((line for line in reversed(lines) if _ERROR.search(line) and not overcome(line)), "")


def last_words_of_abort(log: str) -> str:
    """Return why native code aborted, as C++ and `assert` of C say it, "" where nothing does."""
    told = [found for line in log.splitlines()[-LAST_WORDS:] if (found := _ABORTS.search(line))]
    return next(filter(None, told[-1].groups())).strip() if told else ""


def overcome(line: str) -> bool:
    """Tell whether a line itself says that what it tells of did not end the program."""
    return bool(_OVERCOME.search(line))


def spoken(
    facts: Facts,
    line: str,
    level: Level | None,
    class_: VerdictClass,
    cause: str,
    message: str,
    step: str,
    *,
    retry: bool = False,
) -> Finding:
    """Return a finding whose evidence is a line of the log."""
    return Finding(
        level, class_, cause, message, (*from_log(facts, [line]), *from_end(facts)), next_step=step, retry=retry,
        exit_code=exit_code(facts),
    )  # fmt: skip


def correct(facts: Facts, found: Traceback) -> str:
    """Return as a next step that the program is corrected where an exception came from, and run again."""
    if found.where:
        return wording("correct {place}, then: {command}", place=found.where, command=again(facts))
    return wording("correct the program, then: {command}", command=again(facts))


def of_surroundings(facts: Facts) -> VerdictClass:
    """Return the class of a failure that lies outside of the program, which only the program's words tell of.

    Of somebody else's pod it is infrastructure. Of a run of Seaway's the program's word alone does not make it tried
    again for ever: whether it is tried again its own retries say.
    """
    return VerdictClass.INFRASTRUCTURE if facts.made is not None else VerdictClass.USER
