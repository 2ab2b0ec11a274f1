"""What of a look at a run is worth telling somebody. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from seaway.model.notification import Event
from seaway.model.run import Phase
from seaway.model.verdict import VerdictClass
from seaway.platform.database.records import AttemptRecord, NoticeRecord, RunRecord
from seaway.platform.engine.passes import Pass
from seaway.platform.engine.state import RunState

_ENDS = {Phase.SUCCEEDED: Event.SUCCEEDED, Phase.FAILED: Event.FAILED, Phase.STOPPED: Event.STOPPED}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that somebody may want to know."""

    event: Event
    key: str
    """Of what happened; the same for what happened once, however often it is looked at."""
    title: str
    message: str
    """The cause in one sentence; no secret, no argument of a command."""
    user: str | None = None
    """Whose run it is; None for what concerns a node."""
    workspace: str | None = None
    run_uid: str | None = None
    users: frozenset[str] = frozenset()
    """Whom it concerns beside those who hear of everything."""


class Outbox(Protocol):
    """Where happenings go."""

    def address(self, happenings: Sequence[Happening]) -> list[NoticeRecord]:
        """Return the messages to be stored with the change: one for each happening and each who wants to know."""
        ...

    def wake(self) -> None:
        """Say that messages were stored."""
        ...


class NoOutbox:
    """Tells nobody."""

    def address(self, happenings: Sequence[Happening]) -> list[NoticeRecord]:  # noqa: ARG002
        """Return nothing."""
        return []

    def wake(self) -> None:
        """Do nothing."""


def happenings(state: RunState, result: Pass, known: Mapping[str, AttemptRecord]) -> list[Happening]:
    """Return what of a look is worth telling.

    Args:
        state: the run before.
        result: what was decided.
        known: the newest attempts before, by pod.
    """
    found = []
    run = result.run
    for attempt in result.changed.values():
        before = known.get(attempt.pod)
        task = result.tasks.get(attempt.task) or state.tasks[attempt.task]
        about = run.name if state.single else f"{run.name}/{task.name}"
        if before is None or before.phase.ended:
            continue
        if attempt.phase.ended and not task.phase.ended and _is_loss(attempt):
            found.append(
                of_run(run, Event.LOST, f"{task.name}/{attempt.number}", f"{about} was lost and is tried again", _loss(attempt))
            )  # fmt: skip
        elif attempt.phase is Phase.RUNNING and before.phase is not Phase.RUNNING and task.losses:
            where = f" on {attempt.node}" if attempt.node else ""
            found.append(
                of_run(run, Event.RECOVERED, f"{task.name}/{attempt.number}", f"{about} goes on", f"attempt {attempt.number} runs{where}")
            )  # fmt: skip
    if run.phase.ended and not state.run.phase.ended:
        said = (run.verdict or {}).get("message") or run.message
        found.append(
            of_run(
                run, _ENDS[run.phase], f"{run.finished or 0:.3f}", f"{run.name} {run.phase.value}", str(said)
            )
        )
    return found


def of_run(run: RunRecord, event: Event, occasion: str, title: str, message: str) -> Happening:
    """Return something that happened to a run.

    Args:
        run: which one.
        event: of which kind.
        occasion: tells what of this kind happened to the run at different times apart.
        title: a few words.
        message: one sentence.
    """
    return Happening(event, f"{run.uid}/{event}/{occasion}", title, message, run.user, run.namespace, run.uid)


def _loss(attempt: AttemptRecord) -> str:
    """Say how an attempt was lost, and where."""
    said = str((attempt.verdict or {}).get("message", ""))
    return said if not attempt.node or attempt.node in said else f"{said} (it was on {attempt.node})"


def _is_loss(attempt: AttemptRecord) -> bool:
    verdict: Mapping[str, Any] = attempt.verdict or {}
    return verdict.get("class") == VerdictClass.INFRASTRUCTURE and attempt.asked != "drain"
