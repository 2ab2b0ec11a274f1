"""Queries about which logs are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.records import LogRecord, as_row
from seaway.platform.database.tables import LOGS

_ADD = insert(LOGS)


def begin(connection: Connection, log: LogRecord) -> None:
    """Take note of a log, unless it is known."""
    if not _is_known(connection, log):
        connection.execute(_ADD, as_row(log))


def close(connection: Connection, log: LogRecord) -> None:
    """Take note of what is known of a log that is closed."""
    if _is_known(connection, log):
        owner = ChunkOwner(log.run_uid, log.task, log.attempt)
        change(connection, owner, closed=log.closed, size=log.size, indexed=log.indexed)
    else:
        connection.execute(_ADD, as_row(log))


def _is_known(connection: Connection, log: LogRecord) -> bool:
    query = select(LOGS.c.began).where(is_log(ChunkOwner(log.run_uid, log.task, log.attempt)))
    return connection.execute(query).first() is not None


def change(connection: Connection, owner: ChunkOwner, **values: Any) -> None:
    """Change what is known of a log."""
    connection.execute(update(LOGS).where(is_log(owner)).values(values))


def one(connection: Connection, owner: ChunkOwner) -> LogRecord | None:
    """Return a log."""
    row = connection.execute(select(LOGS).where(is_log(owner))).first()
    return LogRecord(**row._asdict()) if row else None


def of_pod(connection: Connection, pod: str) -> list[LogRecord]:
    """Return the logs of pods of a name, oldest first."""
    query = select(LOGS).where(LOGS.c.pod == pod).order_by(LOGS.c.began, LOGS.c.task, LOGS.c.attempt)
    return [LogRecord(**row._asdict()) for row in connection.execute(query)]


def oldest_closed(connection: Connection, limit: int) -> list[LogRecord]:
    """Return the logs that were closed longest ago."""
    query = select(LOGS).where(LOGS.c.closed.is_not(None)).order_by(LOGS.c.closed).limit(limit)
    return [LogRecord(**row._asdict()) for row in connection.execute(query)]


def open_ones(connection: Connection) -> list[LogRecord]:
    """Return the logs that are not closed."""
    query = select(LOGS).where(LOGS.c.closed.is_(None), LOGS.c.removed.is_(None))
    return [LogRecord(**row._asdict()) for row in connection.execute(query)]


def forget(connection: Connection, owners: Sequence[ChunkOwner]) -> None:
    """Forget logs."""
    for owner in owners:
        connection.execute(delete(LOGS).where(is_log(owner)))


def is_log(owner: ChunkOwner) -> ColumnElement[bool]:
    """Return the condition that a row is a log's."""
    return (LOGS.c.run_uid == owner.run_uid) & (LOGS.c.task == owner.task) & (LOGS.c.attempt == owner.attempt)
