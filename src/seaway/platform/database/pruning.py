"""Queries that remove what is older than history is kept, a bounded number of rows each."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from seaway.platform.database.tables import ACTS, EVENTS, LOGS, REVISIONS, SENTENCES


def events(connection: Connection, before: float, limit: int) -> int:
    """Remove events that were last seen before a time; return how many."""
    old = select(EVENTS.c.uid).where(EVENTS.c.last_seen < before).limit(limit)
    return connection.execute(delete(EVENTS).where(EVENTS.c.uid.in_(old))).rowcount


def sentences(connection: Connection, before: float, limit: int) -> int:
    """Remove what was said before a time; return how many sentences."""
    old = select(SENTENCES.c.id).where(SENTENCES.c.said < before).limit(limit)
    return connection.execute(delete(SENTENCES).where(SENTENCES.c.id.in_(old))).rowcount


def acts(connection: Connection, before: float, limit: int) -> int:
    """Remove what was done before a time; return how many acts."""
    old = select(ACTS.c.id).where(ACTS.c.at < before).limit(limit)
    return connection.execute(delete(ACTS).where(ACTS.c.id.in_(old))).rowcount


def gone_objects(connection: Connection, before: float, limit: int) -> int:
    """Remove all revisions of objects that were deleted before a time; return how many."""
    gone = (
        select(REVISIONS.c.kind, REVISIONS.c.uid)
        .where(REVISIONS.c.deleted, REVISIONS.c.observed < before)
        .limit(max(1, limit // 10))
        .subquery()
    )
    old = select(REVISIONS.c.id).join(
        gone, (gone.c.kind == REVISIONS.c.kind) & (gone.c.uid == REVISIONS.c.uid)
    )
    return connection.execute(delete(REVISIONS).where(REVISIONS.c.id.in_(old))).rowcount


def superseded(connection: Connection, before: float, limit: int) -> int:
    """Remove revisions from before a time that a later one replaces; return how many.

    Those of pods stay until the pod is gone: later ones say only what changed.
    """
    later = REVISIONS.alias()
    old = (
        select(REVISIONS.c.id)
        .where(REVISIONS.c.observed < before, REVISIONS.c.kind != "Pod")
        .where(
            select(later.c.id)
            .where(
                later.c.kind == REVISIONS.c.kind, later.c.uid == REVISIONS.c.uid, later.c.id > REVISIONS.c.id
            )
            .exists()
        )
        .limit(limit)
    )
    return connection.execute(delete(REVISIONS).where(REVISIONS.c.id.in_(old))).rowcount


def log_bytes(connection: Connection) -> int:
    """Return how many bytes of logs are kept, but for those that are being written."""
    query = select(func.coalesce(func.sum(LOGS.c.size), 0)).where(LOGS.c.closed.is_not(None))
    return int(connection.execute(query).scalar_one())
