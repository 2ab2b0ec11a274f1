"""Failures of what surrounds the program: its environment, its code, its outputs, its checkpoint."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import Any

from seaway.base.messages import joined, mapped, wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import brief, exit_code, quote, terminated
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a stage's failure means."""

    cause: str
    message: str
    level: Level = Level.CLUSTER
    class_: VerdictClass = VerdictClass.INFRASTRUCTURE
    step: str = "seaway status"
    """A command or a file in it that is a name in braces, such as "{again}", stands for what `runner_failed` knows."""


_STAGES = {
    "lease": _Failure("ServerUnreachable", wording("it was stopped because the server did not let it go on"), Level.NODE),
    "scratch": _Failure(
        "ScratchFull", wording("it left more on its container's own disk than it may"), Level.CODE, VerdictClass.RESOURCE,
        wording("remove what is not needed while it runs, or ask for more: {command}", command="{scratch}"),
    ),
    "runner": _Failure("RunnerFailed", wording("what surrounds the program could not be started")),
    "environment": _Failure(
        "EnvironmentFailed", wording("the packages that it needs could not be installed"), Level.SPEC, VerdictClass.CONFIGURATION,
        wording("correct {file}, then: {command}", file="{requirements}", command="{again}"),
    ),
    "code": _Failure("CodeUnavailable", wording("its code could not be brought into the container")),
    "checkpoint": _Failure("CheckpointFailed", wording("its checkpoint could not be restored or saved")),
    "outputs": _Failure("OutputsFailed", wording("the program ended, but its outputs could not be stored")),
}  # fmt: skip
_REFUSED = {
    "code": _Failure(
        "FolderMissing", wording("the folder to start in is not in its code"), Level.SPEC, VerdictClass.CONFIGURATION,
        wording("correct --workdir, then: {command}", command="{again}"),
    ),
    "checkpoint": _Failure(
        "CheckpointRefused", wording("the program ended, but its checkpoint was refused"), Level.DATA, VerdictClass.USER,
        wording("correct what the program writes into {variable}, then: {command}", variable="SEAWAY_CHECKPOINT", command="{again}"),
    ),
    "outputs": _Failure(
        "OutputsRefused", wording("the program ended, but its outputs were refused"), Level.DATA, VerdictClass.USER,
        wording("correct what the program writes into {variable}, then: {command}", variable="SEAWAY_OUTPUTS", command="{again}"),
    ),
}  # fmt: skip
"""What would end the same if it were run again."""
_DAMAGED = _Failure(
    "CheckpointDamaged", wording("its checkpoint is damaged where the server keeps it"), Level.CLUSTER, VerdictClass.CONFIGURATION,
    wording("begin without the checkpoint: {command}", command="seaway retry {run} --fresh"),
)  # fmt: skip
"""What the server itself found damaged: trying again meets the same."""
_TOO_MANY_FILES = _Failure(
    "ScratchFull", _STAGES["scratch"].message, Level.CODE, VerdictClass.RESOURCE,
    wording(
        "write fewer, larger files (an archive, a database), remove some while it runs, or have {setting} raised, then: {command}",
        setting="scratch_files", command="{again}",
    ),
)  # fmt: skip
"""What no option of a run raises."""
_ALLOWED_FILES = re.compile(r"and may have [\d,]+$")
_ALLOWED_BYTES = re.compile(r"and may have ([\d.]+) (?:(K|M|G)iB|bytes)$")
"""How the runner's sentence ends (`seaway.runner.scratch`)."""
_FULL = ("no space left on device", "no room left", "disk quota exceeded", "errno 28")
_UNREACHABLE = re.compile(
    r"(?i)network|connection|timed out|temporary failure|\bdns\b|could not connect|unreachable"
)
_EXIT_CODES = range(117, 126)
_LONGEST_ERROR = 200
_INSTALLER = re.compile(r"\w+ says:\s*$")
_DRAWN = re.compile("^[\\s\u00d7\u251c\u2570\u2502\u2500\u25b6|>*-]+")  # how uv draws a tree
_EXCEPTION = re.compile(r"^[\w.]*(?:Error|Exception|Exit)\b: \S")
_NOISE = re.compile(r"(?i)^(hint|note|warning|help)\b|^\[std(err|out)\]$|^error: subprocess-exited")


def runner_failed(facts: Facts) -> Finding | None:
    """Find a failure that the runner itself reported."""
    ended = terminated(facts) or {}
    told = _told(ended.get("message") or "") if exit_code(facts) in _EXIT_CODES else None
    if told is None:
        return None
    error = str(told.get("error", ""))
    failure = _meaning(told, error)
    again_later = failure.class_ is VerdictClass.INFRASTRUCTURE
    shown = brief(facts, essential(error), _LONGEST_ERROR)
    typed = facts.origin.requirements if facts.origin is not None else None
    filled: dict[str, str] = {
        "{requirements}": typed or wording("the requirements"),
        "{again}": again(facts),
        "{scratch}": again(facts, "--scratch", _more(error)),
    }
    return Finding(
        failure.level, failure.class_, failure.cause, joined(": ", (failure.message, shown)) if shown else failure.message,
        (quote(facts, "pod status", f"{told['stage']}: {error}", ended.get("finishedAt")),),
        next_step=mapped(failure.step, lambda part: filled.get(part, part)),
        retry=again_later, exit_code=exit_code(facts), done=wording("it is tried again") if again_later else "",
    )  # fmt: skip


def essential(error: str) -> str:
    """Return the line of an error that says most: of an installer's output, what it was about and its innermost cause."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    start = next((index for index, line in enumerate(lines) if _INSTALLER.search(line)), None)
    if start is None:
        return lines[0] if lines else ""
    said = [
        plain for line in lines[start + 1 :] if (plain := _DRAWN.sub("", line)) and not _NOISE.match(plain)
    ]
    if not said:
        return lines[start]
    causes = [plain for plain in said[1:] if _EXCEPTION.match(plain)]
    causes = causes or [
        _DRAWN.sub("", line) for line in lines[start + 1 :] if line.startswith(("\u2570", "cause:"))
    ]
    first = re.sub(r"^(error|cause): ", "", said[0])
    cause = re.sub(r"^(error|cause): ", "", causes[-1]) if causes else ""
    first = first.rstrip(":")
    return f"{first}: {cause}" if cause and cause != first else first


def _told(message: str) -> dict[str, Any] | None:
    """Return what the runner wrote, None where that is not its own."""
    try:
        told = json.loads(message)
    except ValueError:
        return None
    return told if isinstance(told, dict) and told.get("stage") in _STAGES else None


def _meaning(told: dict[str, Any], error: str) -> _Failure:
    if told.get("damaged") is True and told["stage"] == "checkpoint":
        return _DAMAGED
    known = (_REFUSED if told.get("refused") is True else {}).get(told["stage"]) or _STAGES[told["stage"]]
    return _by_its_words(known, told["stage"], error)


def _more(error: str) -> str:
    """Return twice what a program might have left on its container's own disk, as an option says it."""
    found = _ALLOWED_BYTES.search(error)
    return f"{math.ceil(2 * float(found[1]))}{f'{found[2]}i' if found[2] else ''}" if found else "50Gi"


def _by_its_words(known: _Failure, stage: str, error: str) -> _Failure:
    """Return what a failure means where its words say more than its stage."""
    if stage == "scratch" and _ALLOWED_FILES.search(error):
        return _TOO_MANY_FILES
    if any(word in error.lower() for word in _FULL):
        kept = stage in ("outputs", "checkpoint")
        return _Failure(
            "DiskFull",
            wording("the disk was full when what the program made was kept") if kept
            else wording("the disk was full before the program could do its work"),
            Level.NODE, VerdictClass.RESOURCE,
            wording("free space ({status} shows where), then: {command}", status="seaway status", command="seaway retry {run}"),
        )  # fmt: skip
    if stage == "environment" and _UNREACHABLE.search(error):
        return replace(
            _STAGES["runner"], cause="RegistryUnreachable", message=wording("the package registry could not be reached"),
            step=wording("check the network, then: {command}", command="seaway retry {run}"),
        )  # fmt: skip
    return known
