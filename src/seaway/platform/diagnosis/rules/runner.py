"""Failures of what surrounds the program: its environment, its code, its outputs, its checkpoint."""

from __future__ import annotations

import json

from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.evidence import blanked, exit_code, quote, terminated
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_STAGES = {
    "runner": (
        "RunnerFailed", "what surrounds the program could not be started", Level.CLUSTER, VerdictClass.INFRASTRUCTURE,
        "seaway status", True,
    ),
    "environment": (
        "EnvironmentFailed", "the packages that it needs could not be installed", Level.SPEC, VerdictClass.CONFIGURATION,
        "correct the requirements, then: seaway run --requirements requirements.txt ...", False,
    ),
    "code": (
        "CodeUnavailable", "its code could not be brought into the container", Level.CLUSTER, VerdictClass.INFRASTRUCTURE,
        "seaway status", True,
    ),
    "checkpoint": (
        "CheckpointFailed", "its checkpoint could not be restored or saved", Level.CLUSTER, VerdictClass.INFRASTRUCTURE,
        "seaway status", True,
    ),
    "outputs": (
        "OutputsFailed", "the program ended, but its outputs could not be stored", Level.CLUSTER,
        VerdictClass.INFRASTRUCTURE, "seaway status", True,
    ),
}  # fmt: skip
_REFUSED = {
    "code": (
        "FolderMissing", "the folder to start in is not in its code", Level.SPEC, VerdictClass.CONFIGURATION,
        "correct --workdir, then: seaway run ...", False,
    ),
    "checkpoint": (
        "CheckpointRefused", "the program ended, but its checkpoint was refused", Level.DATA, VerdictClass.USER,
        "correct what the program writes into SEAWAY_CHECKPOINT, then: seaway run ...", False,
    ),
    "outputs": (
        "OutputsRefused", "the program ended, but its outputs were refused", Level.DATA, VerdictClass.USER,
        "correct what the program writes into SEAWAY_OUTPUTS, then: seaway run ...", False,
    ),
}  # fmt: skip
"""What would end the same if it were run again."""
_FULL = ("no space left on device", "no room left", "disk quota exceeded", "errno 28")
_UNREACHABLE = (
    "network",
    "connection",
    "timed out",
    "temporary failure",
    "dns",
    "could not connect",
    "unreachable",
)
_EXIT_CODES = range(120, 126)


def runner_failed(facts: Facts) -> Finding | None:
    """Find a failure that the runner itself reported."""
    ended = terminated(facts) or {}
    if exit_code(facts) not in _EXIT_CODES:
        return None
    try:
        told = json.loads(ended.get("message") or "")
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("stage") not in _STAGES:
        return None
    known = (_REFUSED if told.get("refused") is True else _STAGES).get(told["stage"], _STAGES[told["stage"]])
    cause, message, level, class_, step, again = known
    error = str(told.get("error", ""))
    if any(word in error.lower() for word in _FULL):
        after = told["stage"] in ("outputs", "checkpoint")
        cause = "DiskFull"
        message = f"the disk was full {'when what the program made was kept' if after else 'before the program could do its work'}"
        level, class_, again = Level.NODE, VerdictClass.RESOURCE, False
        step = "free space (seaway status shows where), then: seaway retry {run}"
    elif told["stage"] == "environment" and any(word in error.lower() for word in _UNREACHABLE):
        message, class_, again = (
            "the package registry could not be reached",
            VerdictClass.INFRASTRUCTURE,
            True,
        )
        cause, level, step = (
            "RegistryUnreachable",
            Level.CLUSTER,
            "check the network, then: seaway retry {run}",
        )
    quoted = quote(facts, "pod status", f"{told['stage']}: {error}", ended.get("finishedAt"))
    shown = blanked(facts, error.strip().splitlines()[0])[:160] if error.strip() else ""
    return Finding(
        level, class_, cause, f"{message}: {shown}" if shown else message, (quoted,),
        next_step=step, retry=again, exit_code=exit_code(facts),
        done="it is tried again" if class_ is VerdictClass.INFRASTRUCTURE else "",
    )  # fmt: skip
