"""Queries about what the cluster showed: revisions of pods and nodes, and events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import Connection, delete, insert, select

from seaway.platform.database.records import EventRecord, RevisionRecord
from seaway.platform.database.tables import EVENTS, REVISIONS


def add(connection: Connection, revisions: Sequence[RevisionRecord]) -> None:
    """Append revisions, oldest first."""
    if revisions:
        connection.execute(insert(REVISIONS), [asdict(revision) for revision in revisions])


def of_object(connection: Connection, kind: str, uid: str) -> list[RevisionRecord]:
    """Return an object's revisions, oldest first."""
    query = select(REVISIONS).where(REVISIONS.c.kind == kind, REVISIONS.c.uid == uid).order_by(REVISIONS.c.id)
    return [_revision(row._asdict()) for row in connection.execute(query)]


def newest(connection: Connection, kind: str, name: str) -> RevisionRecord | None:
    """Return the newest revision under a name."""
    query = (
        select(REVISIONS)
        .where(REVISIONS.c.kind == kind, REVISIONS.c.name == name)
        .order_by(REVISIONS.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _revision(row._asdict()) if row else None


def save_events(connection: Connection, events: Sequence[EventRecord]) -> None:
    """Keep the newest revision of each event."""
    if events:
        connection.execute(delete(EVENTS).where(EVENTS.c.uid.in_([event.uid for event in events])))
        connection.execute(insert(EVENTS), [asdict(event) for event in events])


def events_about(connection: Connection, uid: str) -> list[EventRecord]:
    """Return the events about one object, oldest first."""
    query = select(EVENTS).where(EVENTS.c.about == uid).order_by(EVENTS.c.last_seen)
    return [EventRecord(**row._asdict()) for row in connection.execute(query)]


def _revision(values: dict[str, object]) -> RevisionRecord:
    del values["id"]
    return RevisionRecord(**values)  # type: ignore[arg-type]
