"""Queries about runs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, bindparam, func, insert, select, update

from seaway.model.run import Phase
from seaway.platform.database.records import RunRecord, as_row
from seaway.platform.database.tables import RUNS

_COLUMNS = [column for column in RUNS.c if column.name not in ("spec", "emptied")]
_LIVE = [phase.value for phase in Phase if not phase.ended]
_SAVE = (
    update(RUNS)
    .where(RUNS.c.id == bindparam("_id"))
    .values(
        {
            name: bindparam(name)
            for name in (
                "phase",
                "message",
                "started",
                "finished",
                "deleted",
                "stop_requested",
                "verdict",
                "exit_code",
            )
        }
    )
)


def add(connection: Connection, run: RunRecord, spec: dict[str, Any]) -> RunRecord:
    """Insert a run; return it with its id. Raises IntegrityError where the name is taken."""
    values = as_row(run) | {"phase": run.phase.value, "spec": spec}
    del values["id"]
    result = connection.execute(insert(RUNS).values(values))
    key = result.inserted_primary_key
    return RunRecord(**(as_row(run) | {"id": key[0] if key else 0, "phase": run.phase}))


def save(connection: Connection, run: RunRecord) -> None:
    """Write what of a run can change."""
    values = as_row(run)
    connection.execute(
        _SAVE, {"_id": run.id} | {k: values[k] for k in _CHANGING} | {"phase": run.phase.value}
    )


_CHANGING = ("message", "started", "finished", "deleted", "stop_requested", "verdict", "exit_code")


def by_name(connection: Connection, name: str) -> RunRecord | None:
    """Return one run, also one in the bin."""
    query = select(*_COLUMNS).where(RUNS.c.name == name, RUNS.c.emptied.is_(None))
    row = connection.execute(query).first()
    return _record(row) if row else None


def by_uid(connection: Connection, uid: str) -> RunRecord | None:
    """Return one run, also one in the bin."""
    row = connection.execute(select(*_COLUMNS).where(RUNS.c.uid == uid)).first()
    return _record(row) if row else None


def spec(connection: Connection, run_id: int) -> dict[str, Any]:
    """Return what was submitted."""
    found: dict[str, Any] = connection.execute(select(RUNS.c.spec).where(RUNS.c.id == run_id)).scalar_one()
    return found


def live(connection: Connection) -> list[RunRecord]:
    """Return all runs that have not ended, oldest first."""
    rows = connection.execute(select(*_COLUMNS).where(RUNS.c.phase.in_(_LIVE)).order_by(RUNS.c.id))
    return [_record(row) for row in rows]


def last_ended(connection: Connection, limit: int) -> list[RunRecord]:
    """Return the runs that ended last, newest first."""
    query = select(*_COLUMNS).where(RUNS.c.phase.not_in(_LIVE)).order_by(RUNS.c.finished.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def succeeded_of(connection: Connection, user: str, limit: int) -> list[tuple[str, float]]:
    """Return command and seconds of a user's runs that ended well, newest first, among the last so many that they submitted."""
    query = (
        select(RUNS.c.phase, RUNS.c.command, RUNS.c.started, RUNS.c.finished)
        .where(RUNS.c.user == user)
        .order_by(RUNS.c.id.desc())
        .limit(limit)
    )
    return [
        (row.command, row.finished - row.started)
        for row in connection.execute(query)
        if row.phase == Phase.SUCCEEDED.value and row.started is not None and row.finished is not None
    ]


def page(
    connection: Connection,
    *,
    ended: bool,
    limit: int,
    before: str | None,
    binned: bool = False,
    namespace: str | None = None,
    user: str | None = None,
) -> list[RunRecord]:
    """Return runs, newest first.

    Args:
        connection: to read from.
        ended: also those that ended, and those in the bin.
        limit: at most so many.
        before: name of the run before which the page begins.
        binned: those in the bin and no others.
        namespace: only those in it.
        user: only theirs.
    """
    query = select(*_COLUMNS).where(RUNS.c.emptied.is_(None)).order_by(RUNS.c.id.desc()).limit(limit)
    if binned:
        query = query.where(RUNS.c.deleted.is_not(None))
    elif not ended:
        query = query.where(RUNS.c.phase.in_(_LIVE))
    few = binned or not ended
    if namespace is not None:
        query = query.where(_looked_at(RUNS.c.namespace, few=few) == namespace)
    if user is not None:
        query = query.where(_looked_at(RUNS.c.user, few=few) == user)
    if before is not None:
        query = query.where(RUNS.c.id < select(RUNS.c.id).where(RUNS.c.name == before).scalar_subquery())
    return [_record(row) for row in connection.execute(query)]


def _looked_at(column: Column[str], *, few: bool) -> ColumnElement[str]:
    """Return a column as it is compared; among few runs without its index, which SQLite would take before the few."""
    return column.concat("") if few else column


def were_in(connection: Connection, namespace: str) -> bool:
    """Tell whether there is any run in a namespace, of whatever phase."""
    query = select(RUNS.c.id).where(RUNS.c.namespace == namespace).limit(1)
    return connection.execute(query).first() is not None


def count_by_phase(connection: Connection) -> dict[str, int]:
    """Return how many runs there are in each phase, without the bin."""
    query = select(RUNS.c.phase, func.count()).where(RUNS.c.deleted.is_(None)).group_by(RUNS.c.phase)
    return {row[0]: row[1] for row in connection.execute(query)}


def _record(row: Row[Any]) -> RunRecord:
    values = row._asdict()
    return RunRecord(**values | {"phase": Phase(values["phase"])})
