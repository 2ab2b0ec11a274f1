"""Queries about the room that runs take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, case, delete, func, insert, literal_column, select

from seaway.platform.database.tables import CHECKPOINTS, LOGS, OUTPUTS, RUN_UPLOADS, RUNS, STORAGE_WARNINGS

USER, WORKSPACE = RUNS.c.user, RUNS.c.namespace
"""What sums are made by."""
_BINNED = case((RUNS.c.deleted.is_not(None), 1), else_=0)
_CHECKPOINT_FILES = func.sum(func.coalesce(CHECKPOINTS.c.files, 1))
"""One that nobody counted is one file at least."""


BYTES, FILES = "bytes", "files"
"""What is measured, and limited."""


class Sum(NamedTuple):
    """What the runs of one user, or of one workspace, have left of one kind, in the bin or not."""

    whose: str
    kind: str
    binned: bool
    size: int
    """Bytes."""
    files: int = 0
    """In the artifact store; none of logs, which a server may keep in its database."""


class Crossing(NamedTuple):
    """The runs of a user, or in a workspace, take at least so many percent of what they may."""

    kind: str
    """"user" or "workspace"."""
    whose: str
    percent: int
    measure: str = BYTES


def sums(connection: Connection, by: Any = USER, among: Iterable[str] | None = None) -> list[Sum]:
    """Return the bytes and files of outputs, checkpoints, logs and uploads.

    Code and environments count once for each user or workspace whose runs refer to them, and in the bin where all of these do.

    Args:
        connection: to read from.
        by: USER or WORKSPACE.
        among: only of these; None for all.
    """
    queries = {
        kind: select(by, _BINNED.label("binned"), func.sum(size), files)
        .join(RUNS, same)
        .group_by(by, _BINNED)
        for kind, size, files, same in (
            ("outputs", OUTPUTS.c.size, func.count(), OUTPUTS.c.run_id == RUNS.c.id),
            ("checkpoints", CHECKPOINTS.c.size, _CHECKPOINT_FILES, CHECKPOINTS.c.run_id == RUNS.c.id),
            ("logs", LOGS.c.size, literal_column("0"), LOGS.c.run_uid == RUNS.c.uid),
        )
    }
    found = []
    for kind, query in queries.items():
        rows = connection.execute(_only(query, by, among))
        found += [
            Sum(whose, kind, bool(binned), int(size), int(files)) for whose, binned, size, files in rows
        ]
    once = (
        select(
            by.label("whose"), func.min(_BINNED).label("binned"), func.max(RUN_UPLOADS.c.size).label("size")
        )
        .join(RUNS, RUN_UPLOADS.c.run_id == RUNS.c.id)
        .group_by(by, RUN_UPLOADS.c.kind, RUN_UPLOADS.c.sha256)
    )
    each = _only(once, by, among).subquery()
    added = select(each.c.whose, each.c.binned, func.sum(each.c.size), func.count())
    for whose, binned, size, files in connection.execute(added.group_by(each.c.whose, each.c.binned)):
        found.append(Sum(whose, "code", bool(binned), int(size), int(files)))
    return found


def runs_of(connection: Connection, by: Any = USER) -> dict[str, int]:
    """Return how many runs each user or workspace has that are not in the bin; 0 where all are there."""
    query = select(by, func.sum(1 - _BINNED)).where(RUNS.c.emptied.is_(None)).group_by(by)
    return {name: int(count) for name, count in connection.execute(query)}


def counts(connection: Connection, run_uid: str) -> bool:
    """Tell whether what a run left counts: it is there, and is not being taken out of the bin for good."""
    query = select(RUNS.c.id).where(RUNS.c.uid == run_uid, RUNS.c.emptied.is_(None))
    return connection.execute(query).first() is not None


def crossings(connection: Connection) -> dict[Crossing, float]:
    """Return what was warned of and still holds, and since when."""
    rows = connection.execute(select(STORAGE_WARNINGS))
    return {Crossing(row.kind, row.whose, row.percent, row.measure): row.since for row in rows}


def change_crossings(connection: Connection, new: Mapping[Crossing, float], over: Iterable[Crossing]) -> None:
    """Write down what was crossed, and forget what does not hold any more."""
    kept = STORAGE_WARNINGS.c
    for one in over:
        same = (getattr(kept, column) == value for column, value in one._asdict().items())
        connection.execute(delete(STORAGE_WARNINGS).where(*same))
    for one, since in new.items():
        connection.execute(insert(STORAGE_WARNINGS).values(**one._asdict(), since=since))


def _only(query: Select[Any], by: Any, among: Iterable[str] | None) -> Select[Any]:
    query = query.where(RUNS.c.emptied.is_(None))
    return query if among is None else query.where(by.in_(list(among)))
