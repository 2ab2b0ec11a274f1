"""Images without a Python that the runner could use."""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import exit_code, from_end, from_log, is_plain, main_container
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.startup import start_failure

NO_PYTHON = "NoPython"
"""The cause after which a task is started again without the runner, where it can do without."""
_MISSING = re.compile(r"(?i)not found|no such file or directory")
_PYTHON = re.compile(r"\bpython[\d.]*\b")
"""What the runner is started with: it is the only program that a node itself looks for, unless the pod is plain."""
_TOO_OLD = re.compile(r"future feature annotations is not defined|invalid syntax")
_TEXT = 'File "<string>"'
"""Where Python says that an error of a program lies that was given on the command line."""


def plain_is_enough(command: tuple[str, ...], *, needs_environment: bool) -> bool:
    """Return whether a task may do its work in an image without Python."""
    program = command[0].rpartition("/")[2] if command else ""
    return not needs_environment and not re.fullmatch(r"python[\d.]*", program)


def no_python(facts: Facts) -> Finding | None:
    """Find an image that lacks the python3 that Seaway's runner is started with."""
    message, evidence = start_failure(facts)
    named = _PYTHON.search(message)
    if facts.made is not None or is_plain(facts) or named is None or not _MISSING.search(message):
        return None
    program = named.group()
    image = main_container(facts).get("image", "?")
    enough = plain_is_enough(tuple(facts.command), needs_environment=facts.needs_environment)
    if enough:
        message = wording("the image {image!r} has no {program}", image=image, program=program)
    elif facts.needs_environment:
        message = wording(
            "the image {image!r} has no {program}, which its packages cannot do without",
            image=image, program=program,
        )  # fmt: skip
    else:
        message = wording(
            "the image {image!r} has no {program}, which a Python program cannot do without",
            image=image, program=program,
        )  # fmt: skip
    newer = again(facts, "--image", "python:3.12-slim")
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, NO_PYTHON, message, evidence,
        next_step=wording("use an image that has python3 (3.9 or newer): {command}", command=newer),
        done=wording("it is started again without Seaway's runner") if enough else "", retry=enough,
    )  # fmt: skip


def old_python(facts: Facts) -> Finding | None:
    """Find an image whose python3 is older than the runner can be."""
    if facts.made is not None or is_plain(facts) or exit_code(facts) != 1 or _TEXT not in facts.log_tail:
        return None
    lines = facts.log_tail.splitlines()
    place = max(index for index, line in enumerate(lines) if _TEXT in line)
    told = [line for line in lines[place:] if line.startswith("SyntaxError:") and _TOO_OLD.search(line)]
    quoted = lines[place + 1].strip() if place + 1 < len(lines) else ""
    is_in_command = any(quoted and quoted in one for one in facts.command)
    if (
        not told or is_in_command or "Traceback (most recent call last):" in lines
    ):  # not the runner's own text
        return None
    image = main_container(facts).get("image", "?")
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "OldPython",
        wording("the python3 of the image {image!r} is older than 3.9, the oldest that Seaway's runner works with", image=image),
        (*from_log(facts, told), *from_end(facts)),
        next_step=wording("use a newer image: {command}", command=again(facts, "--image", "python:3.12-slim")), exit_code=1,
    )  # fmt: skip
