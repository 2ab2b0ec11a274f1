"""Queries about messages that are on their way: the outbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from seaway.platform.database.records import NoticeRecord, as_row
from seaway.platform.database.tables import NOTICES, NOTIFY_TARGETS

_PENDING = NOTICES.c.sent.is_(None)
_KNOWN = select(NOTICES.c.id).where(
    NOTICES.c.target == bindparam("of_target"), NOTICES.c.key == bindparam("of_key")
)
_THERE = select(NOTIFY_TARGETS.c.name).where(NOTIFY_TARGETS.c.name == bindparam("of_target"))


def add(connection: Connection, notices: Sequence[NoticeRecord]) -> None:
    """Insert what was not told yet, to targets that are still there."""
    for notice in notices:
        at = {"of_target": notice.target, "of_key": notice.key}
        if connection.execute(_KNOWN, at).first() or not connection.execute(_THERE, at).first():
            continue
        values = {name: value for name, value in as_row(notice).items() if name != "id"}
        connection.execute(insert(NOTICES).values(values))


def pending(connection: Connection, target: str, limit: int) -> list[NoticeRecord]:
    """Return what is to be sent to a target, oldest first."""
    query = select(NOTICES).where(NOTICES.c.target == target, _PENDING).order_by(NOTICES.c.id).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def count_pending(connection: Connection) -> dict[str, int]:
    """Return how many messages wait, by target; those without any are left out."""
    query = select(NOTICES.c.target, func.count()).where(_PENDING).group_by(NOTICES.c.target)
    return {row[0]: row[1] for row in connection.execute(query)}


def sent_since(connection: Connection, target: str, since: float) -> list[float]:
    """Return when messages went to a target, rising; those that went together count as one."""
    query = select(NOTICES.c.sent).where(NOTICES.c.target == target, NOTICES.c.sent > since).distinct()
    return sorted(row[0] for row in connection.execute(query))


def mark_sent(connection: Connection, ids: Iterable[int], now: float) -> None:
    """Keep that messages were sent together."""
    rows = [{"_id": each, "sent": now} for each in ids]
    if rows:
        connection.execute(
            update(NOTICES).where(NOTICES.c.id == bindparam("_id")).values(sent=bindparam("sent")), rows
        )


def postpone(connection: Connection, ids: Iterable[int], due: float) -> None:
    """Keep that messages did not arrive, and when they are tried again."""
    rows = [{"_id": each, "_due": due} for each in ids]
    if rows:
        change = update(NOTICES).where(NOTICES.c.id == bindparam("_id"))
        connection.execute(change.values(due=bindparam("_due"), tries=NOTICES.c.tries + 1), rows)


def prune(connection: Connection, *, sent_before: float, created_before: float) -> int:
    """Forget what was sent long ago; give up what could not be sent for long, and return how many those were."""
    connection.execute(delete(NOTICES).where(NOTICES.c.sent < sent_before))
    return connection.execute(delete(NOTICES).where(_PENDING, NOTICES.c.created < created_before)).rowcount


def _record(row: Row[Any]) -> NoticeRecord:
    return NoticeRecord(**row._asdict())
