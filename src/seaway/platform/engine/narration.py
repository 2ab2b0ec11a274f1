"""What the log of an attempt says of the attempt itself, in plain sentences. Pure."""

from __future__ import annotations

from seaway.model.run import Phase
from seaway.platform.database.records import AttemptRecord


def narrate(before: AttemptRecord | None, after: AttemptRecord) -> list[str]:
    """Return the sentences that a change of an attempt is worth."""
    said = []
    if before is None:
        said.append("queued" if after.number == 1 else f"attempt {after.number}: queued")
    if after.node and (before is None or not before.node):
        said.append(f"placed on node {after.node}")
    if _has_run(after) and (before is None or not _has_run(before)):
        said.append("started")
    if after.asked and (before is None or not before.asked):
        said.append(_ASKED[after.asked])
    if after.phase.ended and after.phase is not Phase.SUCCEEDED and after.verdict:
        said.append(f"{after.phase.value}: {after.verdict['message']}")
    return said


def _has_run(attempt: AttemptRecord) -> bool:
    return attempt.phase is Phase.RUNNING or attempt.started is not None


_ASKED = {
    "stop": "asked to stop; it may finish in an orderly way",
    "timeout": "its time is over; it may finish in an orderly way",
    "drain": "the server is being stopped; this goes on at its next start",
    "blocked": "can never start as it was asked for",
}
