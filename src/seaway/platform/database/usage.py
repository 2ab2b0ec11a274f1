"""Queries about the room that runs take."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, select

from seaway.platform.database.tables import CHECKPOINTS, LOGS, OUTPUTS, RUNS


class Sum(NamedTuple):
    """Bytes of one kind that one user's runs have left, in the bin or not."""

    user: str
    kind: str
    binned: bool
    size: int


def sums(connection: Connection, user: str | None = None) -> list[Sum]:
    """Return the bytes of outputs, checkpoints and logs; of one user, or of all."""
    found = []
    for kind, size, same in (
        ("outputs", OUTPUTS.c.size, OUTPUTS.c.run_id == RUNS.c.id),
        ("checkpoints", CHECKPOINTS.c.size, CHECKPOINTS.c.run_id == RUNS.c.id),
        ("logs", LOGS.c.size, LOGS.c.run_uid == RUNS.c.uid),
    ):
        binned = RUNS.c.deleted.is_not(None)
        query = (
            select(RUNS.c.user, binned, func.sum(size))
            .join(RUNS, same)
            .where(RUNS.c.emptied.is_(None))
            .group_by(RUNS.c.user, binned)
        )
        if user is not None:
            query = query.where(RUNS.c.user == user)
        found += [Sum(name, kind, bool(gone), int(total)) for name, gone, total in connection.execute(query)]
    return found


def runs_of(connection: Connection) -> dict[str, int]:
    """Return how many runs each user has that are not in the bin; users whose runs all are there have none."""
    kept = func.sum(func.coalesce(RUNS.c.deleted * 0, 1))  # 1 where it is not in the bin, else 0
    query = select(RUNS.c.user, kept).where(RUNS.c.emptied.is_(None)).group_by(RUNS.c.user)
    return {name: int(count) for name, count in connection.execute(query)}
