"""Queries about who is told of what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from seaway.platform.database.records import TargetRecord, as_row
from seaway.platform.database.tables import NOTICES, NOTIFY_TARGETS


def every(connection: Connection) -> list[TargetRecord]:
    """Return all of them, by name."""
    rows = connection.execute(select(NOTIFY_TARGETS).order_by(NOTIFY_TARGETS.c.name))
    return [_record(row) for row in rows]


def add(connection: Connection, target: TargetRecord) -> None:
    """Insert one. Raises IntegrityError where its name is taken."""
    connection.execute(insert(NOTIFY_TARGETS).values(_values(target)))


def remove(connection: Connection, name: str) -> int:
    """Remove one with all its messages; return how many that were."""
    connection.execute(delete(NOTICES).where(NOTICES.c.target == name))
    return connection.execute(delete(NOTIFY_TARGETS).where(NOTIFY_TARGETS.c.name == name)).rowcount


def put_all(connection: Connection, targets: Sequence[TargetRecord], created_by: str) -> None:
    """Have exactly these of what `created_by` made; messages to those that stay are kept.

    Args:
        connection: to write on.
        targets: what there is to be.
        created_by: whose targets this is about.
    """
    known = {target.name: target for target in every(connection) if target.created_by == created_by}
    wanted = {target.name: target for target in targets}
    for name in known.keys() - wanted.keys():
        remove(connection, name)
    for name, target in wanted.items():
        if name not in known:
            add(connection, target)
        elif (known[name].url, known[name].events) != (target.url, target.events):
            remove(connection, name)
            add(connection, target)


def report(connection: Connection, name: str, *, sent: float | None, problem: str) -> None:
    """Keep how the last try went."""
    values: dict[str, Any] = {"problem": problem} | ({"last_sent": sent} if sent is not None else {})
    connection.execute(update(NOTIFY_TARGETS).where(NOTIFY_TARGETS.c.name == name).values(values))


def _values(target: TargetRecord) -> dict[str, Any]:
    return as_row(target) | {"events": list(target.events)}


def _record(row: Row[Any]) -> TargetRecord:
    values = row._asdict()
    return TargetRecord(**values | {"events": tuple(values["events"])})
