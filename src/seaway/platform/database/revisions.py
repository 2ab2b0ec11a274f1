"""Queries about what the cluster showed: revisions of objects, and events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from seaway.platform.database.records import EventRecord, RevisionRecord, as_row
from seaway.platform.database.tables import EVENTS, REVISIONS

KINDS = ("Pod", "Node", "PersistentVolumeClaim", "Job", "Deployment", "ReplicaSet", "StatefulSet")
"""What revisions are kept of; named in queries, because the index by uid begins with the kind."""
_AT_ONCE = 400
"""Values of one query: databases bound them."""
_LONGEST_BEGINNING = 58
"""Characters of a generated name that are somebody's choice: five more make it unique."""
# Written for each task of a run: made once, since to put a statement together costs more than to run it.
_ADD = insert(REVISIONS)
_ADD_EVENTS = insert(EVENTS)
_DROP_EVENTS = delete(EVENTS).where(EVENTS.c.uid.in_(bindparam("uids", expanding=True)))
_SIGNATURES = select(REVISIONS.c.uid, REVISIONS.c.signature, REVISIONS.c.deleted).where(
    REVISIONS.c.id.in_(
        select(func.max(REVISIONS.c.id))
        .where(REVISIONS.c.uid.in_(bindparam("uids", expanding=True)), REVISIONS.c.kind.in_(KINDS))
        .group_by(REVISIONS.c.kind, REVISIONS.c.uid)
    )
)


def add(connection: Connection, revisions: Sequence[RevisionRecord]) -> None:
    """Append revisions, oldest first."""
    if revisions:
        connection.execute(_ADD, [as_row(revision) for revision in revisions])


def add_new(
    connection: Connection, revisions: Sequence[RevisionRecord], unsure: Collection[str] | None = None
) -> None:
    """Append revisions, oldest first, but for those that say nothing new: after a start everything is shown once more.

    Args:
        connection: to write with.
        revisions: of objects.
        unsure: uids of objects of which the newest revision may be stored already; None for all.
    """
    last = _signatures(connection, {one.uid for one in revisions} if unsure is None else set(unsure))
    new = []
    for revision in revisions:
        sign = (revision.signature, revision.deleted)
        if not revision.signature or last.get(revision.uid) != sign:
            new.append(revision)
        last[revision.uid] = sign
    add(connection, new)


def _signatures(connection: Connection, uids: set[str]) -> dict[str, tuple[str, bool]]:
    """Return what was stored last of each object."""
    found: dict[str, tuple[str, bool]] = {}
    wanted = sorted(uids)
    for begin in range(0, len(wanted), _AT_ONCE):
        rows = connection.execute(_SIGNATURES, {"uids": wanted[begin : begin + _AT_ONCE]})
        found |= {row.uid: (row.signature, row.deleted) for row in rows}
    return found


def of_object(connection: Connection, kind: str, uid: str) -> list[RevisionRecord]:
    """Return an object's revisions, oldest first."""
    query = select(REVISIONS).where(REVISIONS.c.kind == kind, REVISIONS.c.uid == uid).order_by(REVISIONS.c.id)
    return [_revision(row._asdict()) for row in connection.execute(query)]


def newest(
    connection: Connection, kind: str, name: str, namespace: str | None = None
) -> RevisionRecord | None:
    """Return the newest revision under a name, in a namespace where one is said."""
    named = (REVISIONS.c.kind == kind) & (REVISIONS.c.name == name)
    if namespace is not None:
        named &= REVISIONS.c.namespace == namespace
    query = select(REVISIONS).where(named).order_by(REVISIONS.c.id.desc()).limit(1)
    row = connection.execute(query).first()
    return _revision(row._asdict()) if row else None


def pods_of(connection: Connection, job: str, uid: str, limit: int) -> list[RevisionRecord]:
    """Return the newest revision of each pod that a job made, oldest first: of the newest pods where there are more than `limit`.

    Args:
        connection: to read from.
        job: its name, with which those of its pods begin.
        uid: the job's.
        limit: most pods.
    """
    begins = REVISIONS.c.name.startswith(f"{job}-"[:_LONGEST_BEGINNING], autoescape=True)
    spans = (
        select(func.min(REVISIONS.c.id).label("first"), func.max(REVISIONS.c.id).label("last"))
        .where(REVISIONS.c.kind == "Pod", begins, REVISIONS.c.run_uid.is_(None))
        .group_by(REVISIONS.c.uid)
        .order_by(func.max(REVISIONS.c.id).desc())
        .limit(_AT_ONCE)
        .subquery()
    )
    query = select(spans.c.last, REVISIONS.c.object).join(spans, REVISIONS.c.id == spans.c.first)
    rows = connection.execute(query.order_by(spans.c.last.desc()))
    own = [row.last for row in rows if _is_made_by(row.object, uid)][:limit]
    newest = select(REVISIONS).where(REVISIONS.c.id.in_(own)).order_by(REVISIONS.c.id)
    return [_revision(row._asdict()) for row in connection.execute(newest)]


def _is_made_by(pod: dict[str, Any], uid: str) -> bool:
    """Tell whether a pod has an owner; asked of its first revision, which alone is whole."""
    return any(owner.get("uid") == uid for owner in pod["metadata"].get("ownerReferences") or ())


def of_run(connection: Connection, run_uid: str) -> list[RevisionRecord]:
    """Return the revisions of a run's pods, oldest first."""
    query = select(REVISIONS).where(REVISIONS.c.run_uid == run_uid).order_by(REVISIONS.c.id)
    return [_revision(row._asdict()) for row in connection.execute(query)]


def of_name(
    connection: Connection, kind: str, name: str, *, namespace: str = "", begin: float, end: float, limit: int
) -> list[RevisionRecord]:
    """Return the revisions under a name within a time, oldest first: the newest ones where there are more than `limit`.

    The one before that time is among them, so that the first change in it can be told.
    """
    named = (REVISIONS.c.kind == kind) & (REVISIONS.c.name == name)
    if namespace:
        named &= REVISIONS.c.namespace.in_((namespace, ""))
    within = (
        select(REVISIONS)
        .where(named, REVISIONS.c.observed >= begin, REVISIONS.c.observed <= end)
        .order_by(REVISIONS.c.id.desc())
        .limit(limit)
    )
    before = (
        select(REVISIONS).where(named, REVISIONS.c.observed < begin).order_by(REVISIONS.c.id.desc()).limit(1)
    )
    rows = [*connection.execute(within), *connection.execute(before)]
    return [_revision(row._asdict()) for row in reversed(rows)]


def of_namespace(connection: Connection, namespace: str, *, begin: float, limit: int) -> list[RevisionRecord]:
    """Return the revisions in a namespace since a time, oldest first: the newest ones where there are more than `limit`.

    Of each object the one before is among them, so that its first change can be told.
    """
    query = (
        select(REVISIONS)
        .where(REVISIONS.c.namespace == namespace, REVISIONS.c.observed >= begin)
        .order_by(REVISIONS.c.id.desc())
        .limit(limit)
    )
    rows = list(reversed(list(connection.execute(query))))
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.uid, row.id)
    uids, before = sorted(first), list[int]()
    for start in range(0, len(uids), _AT_ONCE):
        earlier = (
            select(func.max(REVISIONS.c.id))
            .where(REVISIONS.c.kind.in_(KINDS), REVISIONS.c.uid.in_(uids[start : start + _AT_ONCE]))
            .where(REVISIONS.c.id < min(first.values()))
            .group_by(REVISIONS.c.kind, REVISIONS.c.uid)
        )
        before += connection.scalars(earlier)
    for start in range(0, len(before), _AT_ONCE):
        known = select(REVISIONS).where(REVISIONS.c.id.in_(before[start : start + _AT_ONCE]))
        rows = [*connection.execute(known), *rows]
    return [_revision(row._asdict()) for row in rows]


def events_of_namespace(
    connection: Connection, namespace: str, *, begin: float, limit: int
) -> list[EventRecord]:
    """Return the events in a namespace since a time, oldest first: the newest where there are more than `limit`."""
    query = (
        select(EVENTS)
        .where(EVENTS.c.namespace == namespace, EVENTS.c.last_seen >= begin)
        .order_by(EVENTS.c.last_seen.desc())
        .limit(limit)
    )
    return [EventRecord(**row._asdict()) for row in reversed(list(connection.execute(query)))]


def namespaces(connection: Connection, kind: str, name: str) -> set[str]:
    """Return where objects of a name are or were."""
    query = select(REVISIONS.c.namespace).where(REVISIONS.c.kind == kind, REVISIONS.c.name == name)
    return set(connection.execute(query.distinct()).scalars())


def not_gone(connection: Connection, kind: str) -> list[RevisionRecord]:
    """Return the newest revision of each object of a kind whose end was never seen."""
    gone = select(REVISIONS.c.uid).where(REVISIONS.c.kind == kind, REVISIONS.c.deleted)
    newest = (
        select(func.max(REVISIONS.c.id))
        .where(REVISIONS.c.kind == kind, REVISIONS.c.uid.not_in(gone))
        .group_by(REVISIONS.c.uid)
    )
    query = select(REVISIONS).where(REVISIONS.c.id.in_(newest)).order_by(REVISIONS.c.id)
    return [_revision(row._asdict()) for row in connection.execute(query)]


def gone_since(connection: Connection, kind: str, since: float) -> list[tuple[str, str, float]]:
    """Return name, uid and time of the objects of a kind whose end was seen after a time, oldest first."""
    query = (
        select(REVISIONS.c.name, REVISIONS.c.uid, REVISIONS.c.observed)
        .where(REVISIONS.c.kind == kind, REVISIONS.c.deleted, REVISIONS.c.observed > since)
        .order_by(REVISIONS.c.id)
    )
    return [(row.name, row.uid, row.observed) for row in connection.execute(query)]


def save_events(connection: Connection, events: Sequence[EventRecord]) -> None:
    """Keep events; one that happened again is another, and one that is shown again takes its own place."""
    if events:
        connection.execute(_DROP_EVENTS, {"uids": [event.uid for event in events]})
        connection.execute(_ADD_EVENTS, [as_row(event) for event in events])


def newest_events(connection: Connection, limit: int) -> set[str]:
    """Return the uids under which the events are kept that were seen last."""
    query = select(EVENTS.c.uid).order_by(EVENTS.c.last_seen.desc()).limit(limit)
    return set(connection.scalars(query))


def events_about(connection: Connection, uid: str) -> list[EventRecord]:
    """Return the events about one object, oldest first; of one that happened several times the last."""
    query = select(EVENTS).where(EVENTS.c.about == uid).order_by(EVENTS.c.last_seen)
    newest: dict[str, EventRecord] = {}
    for row in connection.execute(query):
        name = row.uid.partition("/")[0]
        newest.pop(name, None)
        newest[name] = EventRecord(**row._asdict())
    return list(newest.values())


def events_about_all(connection: Connection, uids: Sequence[str]) -> list[EventRecord]:
    """Return the events about some objects, oldest first of each."""
    found = []
    for begin in range(0, len(uids), _AT_ONCE):
        query = (
            select(EVENTS)
            .where(EVENTS.c.about.in_(uids[begin : begin + _AT_ONCE]))
            .order_by(EVENTS.c.last_seen)
        )
        found += [EventRecord(**row._asdict()) for row in connection.execute(query)]
    return found


def events_of_name(
    connection: Connection, kind: str, name: str, *, namespace: str = "", begin: float, end: float, limit: int
) -> list[EventRecord]:
    """Return the events about objects of a name within a time, oldest first: the newest where there are more than `limit`."""
    query = (
        select(EVENTS)
        .where(EVENTS.c.kind == kind, EVENTS.c.name == name)
        .where(EVENTS.c.last_seen >= begin, EVENTS.c.last_seen <= end)
        .order_by(EVENTS.c.last_seen.desc())
        .limit(limit)
    )
    if namespace:
        query = query.where(EVENTS.c.namespace.in_((namespace, "")))
    rows = list(connection.execute(query))
    return [EventRecord(**row._asdict()) for row in reversed(rows)]


def _revision(values: dict[str, object]) -> RevisionRecord:
    del values["id"]
    return RevisionRecord(**values)  # type: ignore[arg-type]
