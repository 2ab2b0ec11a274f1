"""Queries about locks."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from seaway.platform.database.records import AttemptRecord
from seaway.platform.database.tables import ATTEMPTS, LOCKS


def tokens(connection: Connection) -> dict[str, int]:
    """Return the newest number of each lock."""
    return {row.name: row.token for row in connection.execute(select(LOCKS))}


def take(connection: Connection, attempts: Iterable[AttemptRecord]) -> None:
    """Note the numbers under which new attempts hold their locks."""
    for attempt in attempts:
        if attempt.lock is None:
            continue
        renewed = update(LOCKS).where(LOCKS.c.name == attempt.lock).values(token=attempt.lock_token)
        if connection.execute(renewed).rowcount == 0:
            connection.execute(insert(LOCKS), {"name": attempt.lock, "token": attempt.lock_token})


def lost_to(connection: Connection, run_id: int, task: str, fence: int) -> str | None:
    """Return the lock that an attempt held and that another one has had since; None where there is none."""
    query = (
        select(ATTEMPTS.c.lock)
        .join(LOCKS, LOCKS.c.name == ATTEMPTS.c.lock)
        .where(ATTEMPTS.c.run_id == run_id, ATTEMPTS.c.task == task, ATTEMPTS.c.fence == fence)
        .where(LOCKS.c.token != ATTEMPTS.c.lock_token)
    )
    return connection.execute(query).scalar_one_or_none()
