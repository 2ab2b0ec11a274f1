"""What a run that was killed once on purpose showed: did it resume, and how much work was lost? Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from random import Random
from typing import Any

from seaway.cli.output import span

_MOST_NAMED = 3
"""Files that are named where outputs differ."""
PERIOD = 30
"""Seconds between two saves where the program does not ask for one."""
EARLIEST, LATEST = 10.0, 90.0
"""Seconds after its start between which a program of unknown duration is killed."""
_FIRST, _LAST = 0.2, 0.8
"""Parts of a known duration between which a program is killed."""
_RESTORED = re.compile(
    r"^\[seaway\] checkpoint: restored from the last attempt \(([0-9a-f]{12})\)$", re.MULTILINE
)
_UNREAD = re.compile(r"^\[seaway\] checkpoint: the program read none of the restored files$", re.MULTILINE)
_BUILDS = re.compile(r"^\S+ \[seaway\] environment: installing ", re.MULTILINE)
_BUILT = re.compile(r"^(\S+) \[seaway\] environment: ready in ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kill:
    """When an attempt was killed, and what was left of it."""

    loss: Mapping[str, Any]
    """The server's `LossView`."""
    started: str | None
    """When the attempt's program started."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outputs of two runs, file by file."""

    run: str
    """The earlier one."""
    same: int
    """How many files are the same to the byte."""
    different: tuple[str, ...]
    """Files that differ, or that only one of both has, each as TASK/PATH."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome."""

    outcome: str
    """"resumed", "ended-early", "nothing-saved", "not-tried-again", "not-restored", "not-read" or "failed"."""
    message: str
    next_step: str = ""
    lost: float | None = None
    """Seconds of work that had to be done again; None where nothing was killed."""
    ran: float | None = None
    """Seconds that the killed attempt had run."""
    saved_before: float | None = None
    """Seconds between the checkpoint and the kill."""
    resumed: Mapping[str, Any] | None = None
    """The attempt that came after."""
    outputs: Comparison | None = None
    """Of what it made with what an earlier run made that was not killed; None where there is none."""

    @property
    def proven(self) -> bool:
        """It resumed from its checkpoint and ended well."""
        return self.outcome == "resumed"


def moment(random: Random, known: float | None) -> float:
    """Return how many seconds after its start a program is killed.

    Args:
        random: decides.
        known: how long it takes, in seconds, where that is known.
    """
    if known is None:
        return round(random.uniform(EARLIEST, LATEST), 1)
    return round(known * random.uniform(_FIRST, _LAST), 1)


def duration(run: Mapping[str, Any], task: str) -> float | None:
    """Return how long a task of a run took that succeeded at once, in seconds; None where that is not known."""
    attempts: Sequence[Mapping[str, Any]] = next(
        (found["attempts"] for found in run["tasks"] if found["name"] == task), []
    )
    if len(attempts) != 1 or attempts[0]["phase"] != "succeeded":
        return None
    return _between(attempts[0].get("started"), attempts[0].get("finished"))


def unlabelled(log: str, task: str) -> str:
    """Return a task's log without the task's name, which stands before each line where the run has several."""
    return re.sub(rf"^{re.escape(task)} \| ", "", log, flags=re.MULTILINE)


def restored(log: str) -> str:
    """Return which checkpoint the runner says it restored, "" where none; the first characters of its digest."""
    found = _RESTORED.search(log)
    return found[1] if found else ""


def preparation(log: str) -> tuple[bool, str]:
    """Return whether an attempt builds its environment, and since when that is done, "" where it is not.

    Args:
        log: of the attempt, with times.
    """
    built = _BUILT.search(log)
    return _BUILDS.search(log) is not None, built[1] if built else ""


_SAVING = (
    "write what the program needs to go on into the folder SEAWAY_CHECKPOINT and call seaway.checkpoint() "
    f"after that; without the call it is saved every {PERIOD} s"
)


def ended_early(view: Mapping[str, Any], after: float, *, unsaved: bool = False) -> Proof:
    """Return the outcome of a run that ended before it could be killed.

    Args:
        view: the run at its end.
        after: how many seconds after its start, or after its first checkpoint, it was to be killed.
        unsaved: its first checkpoint was waited for, and none was saved while it ran.
    """
    name, phase = view["name"], view["phase"]
    if phase != "succeeded":
        message = f"{name} {phase} before it was killed: {view.get('message') or 'no reason is known'}"
        return Proof("ended-early", message, f"seaway why {name}")
    if unsaved:
        message = f"{name} ended without having saved a checkpoint while it ran"
        return Proof("ended-early", message, _SAVING)
    return Proof(
        "ended-early",
        f"{name} ended before {after:g} s had passed, so it was not killed",
        f"seaway prove {name}   (how long it takes is known now), or give an earlier moment with --after",
    )


def judge(kill: Kill, view: Mapping[str, Any], log: str) -> Proof:
    """Return the outcome of a run that was killed and has ended.

    Args:
        kill: when, and what was left.
        view: the run at its end.
        log: that of the attempt after the killed one; "" where there is none.
    """
    name, loss = view["name"], kill.loss
    saved: Mapping[str, Any] | None = loss.get("checkpoint")
    ran = _between(kill.started, loss["at"]) or 0.0
    age = _between(saved["saved"], loss["at"]) if saved else None
    second = next(iter(_following(view, loss)), None)

    unread = _UNREAD.search(log) is not None

    def said(outcome: str, message: str, next_step: str = "") -> Proof:
        lost = ran if age is None or unread else min(age, ran)
        return Proof(outcome, message, next_step, lost, ran, age, second)

    ending = view.get("message") or view["phase"]
    if second is None:
        return said(
            "not-tried-again", f"{name} was killed and not tried again: {ending}", f"seaway why {name}"
        )
    if saved is None:
        return said(
            "nothing-saved",
            f"nothing had been saved when {name} was killed, so it began anew: all of its work was lost",
            _SAVING,
        )
    number = second["number"]
    if not saved["sha256"].startswith(restored(log) or "-"):
        message = f"a checkpoint was there, but attempt {number} of {name} did not begin from it"
        return said("not-restored", message, f"seaway logs {name} --attempt {number}")
    task = next(found for found in view["tasks"] if found["name"] == loss["task"])
    if task["phase"] != "succeeded":  # of a run with several tasks another one may have failed
        message = f"{name} began from its checkpoint, but did not end well: {ending}"
        return said("failed", message, f"seaway why {name}")
    if unread:
        return said(
            "not-read",
            f"the checkpoint of {name} was restored, but the program read none of its files, so it began anew: "
            "all of its work was lost",
            "have the program look into the folder SEAWAY_CHECKPOINT when it starts, and go on from what is there",
        )
    return said("resumed", f"{name} resumed from its checkpoint and ended well")


def compare(
    earlier: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Comparison:
    """Return how the outputs of a run that was killed compare with those of an earlier one that was not.

    Args:
        earlier: that one's name.
        before: its outputs, as the server lists them.
        after: those of the run that was killed.
    """
    old, new = ({f"{one['task']}/{one['path']}": one["sha256"] for one in found} for found in (before, after))
    different = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    return Comparison(earlier, len(old.keys() | new.keys()) - len(different), tuple(different))


def _compared(found: Comparison) -> str:
    total = found.same + len(found.different)
    if not total:
        return f"none, as {found.run} had none"
    if not found.different:
        return f"the same as those of {found.run}, to the byte ({total} file{'s' if total > 1 else ''})"
    named = ", ".join(found.different[:_MOST_NAMED]) + (" ..." if len(found.different) > _MOST_NAMED else "")
    return f"{len(found.different)} of {total} differ from those of {found.run}: {named}"


def lines(proof: Proof, kill: Kill | None) -> list[tuple[str, str]]:
    """Return what is shown of an outcome, as names and values."""
    if kill is None or proof.ran is None:
        return []
    loss, saved = kill.loss, kill.loss.get("checkpoint")
    where = f" on {loss['node']}" if loss.get("node") else ""
    shown = [("killed", f"attempt {loss['attempt']}, {proof.ran:.1f} s after its start{where}")]
    if saved is not None and proof.saved_before is not None:
        shown.append(("saved", f"{proof.saved_before:.1f} s before that, {saved['size']:,} bytes"))
    if proof.lost is not None:
        shown.append(("lost", f"{proof.lost:.1f} s of work"))
    if proof.resumed is not None:
        second = proof.resumed
        took = _between(second.get("started"), second.get("finished"))
        ran = f", ran {span(took)}" if took is not None else ""
        on = f" on {second['node']}" if second.get("node") else ""
        shown.append(("went on", f"attempt {second['number']}{on}{ran}, {second['phase']}"))
    if proof.outputs is not None:
        shown.append(("outputs", _compared(proof.outputs)))
    return shown


def as_json(proof: Proof, kill: Kill | None, run: str, seed: int, after: float) -> dict[str, Any]:
    """Return an outcome as values."""
    return {
        "run": run,
        "proven": proof.proven,
        "outcome": proof.outcome,
        "message": proof.message,
        "next_step": proof.next_step,
        "seed": seed,
        "after_seconds": after,
        "killed": kill and dict(kill.loss),
        "ran_seconds": proof.ran,
        "saved_seconds_before": proof.saved_before,
        "lost_seconds": proof.lost,
        "resumed": proof.resumed and dict(proof.resumed),
        "outputs": proof.outputs and asdict(proof.outputs),
    }


def _following(view: Mapping[str, Any], loss: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    for task in view["tasks"]:
        if task["name"] == loss["task"]:
            return [found for found in task["attempts"] if found["number"] > loss["attempt"]]
    return ()


def _between(begin: str | None, end: str | None) -> float | None:
    """Return the seconds between two times; programs' starts are known to the second only."""
    if not begin or not end:
        return None
    return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds())
