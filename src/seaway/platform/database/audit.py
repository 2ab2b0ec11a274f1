"""Queries about who did what, and was refused it."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select

from seaway.platform.database.records import AuditRecord, as_row
from seaway.platform.database.tables import AUDIT

MOST = 10_000
"""Entries that are kept; the oldest go."""


def add(connection: Connection, entry: AuditRecord) -> None:
    """Write one down."""
    connection.execute(insert(AUDIT).values(as_row(entry)))
    newest = select(func.max(AUDIT.c.id)).scalar_subquery()
    connection.execute(delete(AUDIT).where(AUDIT.c.id <= newest - MOST))


def last(connection: Connection, limit: int) -> list[AuditRecord]:
    """Return the last ones, oldest first."""
    columns = [column for column in AUDIT.c if column.name != "id"]
    rows = connection.execute(select(*columns).order_by(AUDIT.c.id.desc()).limit(limit)).all()
    return [AuditRecord(**row._asdict()) for row in reversed(rows)]
