"""Queries about who did what."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Select, insert, select

from seaway.platform.database.records import ActRecord, as_row
from seaway.platform.database.tables import ACTS

_COLUMNS = [column for column in ACTS.c if column.name != "id"]
_AT_ONCE = 400
"""Names of one query: databases bound them."""
_ADD = insert(ACTS)


def add(connection: Connection, done: Sequence[ActRecord]) -> None:
    """Append acts, oldest first."""
    if done:
        connection.execute(_ADD, [as_row(act) for act in done])


def of_run(connection: Connection, run_uid: str) -> list[ActRecord]:
    """Return what was done to a run itself, oldest first."""
    return _records(connection, select(*_COLUMNS).where(ACTS.c.run_uid == run_uid))


def of_names(
    connection: Connection, kind: str, names: Collection[str], *, begin: float, end: float, limit: int
) -> list[ActRecord]:
    """Return what was done to objects of some names within a time, oldest first: the oldest where there are more than `limit`.

    Args:
        connection: to read from.
        kind: of the objects, as Kubernetes names it.
        names: theirs; "" for what was done to all of a namespace at once.
        begin: in seconds since the epoch.
        end: likewise.
        limit: most acts of some hundred names.
    """
    found, wanted = [], sorted(names)
    for start in range(0, len(wanted), _AT_ONCE):
        query = (
            select(*_COLUMNS)
            .where(ACTS.c.kind == kind, ACTS.c.name.in_(wanted[start : start + _AT_ONCE]))
            .where(ACTS.c.at >= begin, ACTS.c.at <= end)
        )
        found += _records(connection, query.limit(limit))
    return sorted(found, key=lambda act: act.at)


def _records(connection: Connection, query: Select[tuple[object, ...]]) -> list[ActRecord]:
    rows = connection.execute(query.order_by(ACTS.c.at, ACTS.c.id))
    return [ActRecord(**row._asdict()) for row in rows]
