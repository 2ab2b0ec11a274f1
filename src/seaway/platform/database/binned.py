"""Queries about the bin: runs that were removed, and what is taken away with them when it is emptied.

A run that is being emptied is marked first, in one transaction: from then on nobody finds it, and what it refers to counts
for nobody. Its rows go in portions, each after the files that they name; the run's own row goes last, so that whoever comes
after a process that was killed finds what is left to do.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, insert, select, tuple_, update

from seaway.platform.database import log_words
from seaway.platform.database.records import RunRecord
from seaway.platform.database.tables import (
    ACTS,
    ATTEMPTS,
    CHECKPOINTS,
    EVENTS,
    LOG_CHUNKS,
    LOG_PIECES,
    LOGS,
    OUTPUTS,
    REVISIONS,
    RUN_UPLOADS,
    RUNS,
    SENTENCES,
    TASKS,
)

CODE, ENVIRONMENTS = "code", "environments"


class Marked(NamedTuple):
    """A run that is being emptied."""

    id: int
    uid: str


class Upload(NamedTuple):
    """Code or an environment that a run refers to."""

    kind: str
    sha256: str


def put(connection: Connection, run: RunRecord, at: float) -> None:
    """Put a run that has ended into the bin; one that is there stays as it is."""
    connection.execute(update(RUNS).where(RUNS.c.id == run.id, RUNS.c.deleted.is_(None)).values(deleted=at))


def take_out(connection: Connection, run: RunRecord) -> bool:
    """Take a run out of the bin, under the name that it was submitted with where that is free; False where it is not there."""
    wanted = connection.execute(select(RUNS.c.spec).where(RUNS.c.id == run.id)).scalar_one_or_none()
    name = (wanted or {}).get("name") or run.name
    if name != run.name and connection.execute(select(RUNS.c.id).where(RUNS.c.name == name)).first():
        name = run.name
    done = connection.execute(
        update(RUNS)
        .where(RUNS.c.id == run.id, RUNS.c.deleted.is_not(None), RUNS.c.emptied.is_(None))
        .values(deleted=None, name=name)
    )
    return done.rowcount == 1


def give_way(connection: Connection, name: str, other: str) -> None:
    """Give a run in the bin another name, so that a new one can have its own; one that is not in the bin keeps it."""
    connection.execute(
        update(RUNS).where(RUNS.c.name == name, RUNS.c.deleted.is_not(None)).values(name=other)
    )


def add_uploads(connection: Connection, run_id: int, uploads: Mapping[Upload, int]) -> None:
    """Write down what a new run refers to, and how many bytes that has."""
    if uploads:
        connection.execute(
            insert(RUN_UPLOADS),
            [
                {"run_id": run_id, **upload._asdict(), "size": size}
                for upload, size in sorted(uploads.items())
            ],
        )


def mark_due(connection: Connection, before: float, now: float, limit: int) -> int:
    """Mark runs that were put into the bin at a time or earlier, oldest first; return how many."""
    query = (
        select(RUNS.c.uid)
        .where(RUNS.c.deleted <= before, RUNS.c.emptied.is_(None))
        .order_by(RUNS.c.deleted)
        .limit(limit)
    )
    due = connection.execute(query).scalars().all()
    for uid in due:
        mark(connection, uid, now)
    return len(due)


def mark(connection: Connection, uid: str, now: float) -> None:
    """Mark one run in the bin as being emptied; its name is free then."""
    connection.execute(
        update(RUNS).where(RUNS.c.uid == uid, RUNS.c.deleted.is_not(None)).values(emptied=now, name=f"~{uid}")
    )


def marked(connection: Connection, after: int, limit: int) -> list[Marked]:
    """Return runs that are being emptied, by id, those that follow an id."""
    query = (
        select(RUNS.c.id, RUNS.c.uid)
        .where(RUNS.c.deleted.is_not(None), RUNS.c.emptied.is_not(None), RUNS.c.id > after)
        .order_by(RUNS.c.id)
        .limit(limit)
    )
    return [Marked(*row) for row in connection.execute(query)]


def outputs(connection: Connection, run_id: int, limit: int) -> list[str]:
    """Return digests of files that a run committed and that are still written down."""
    query = select(OUTPUTS.c.sha256).where(OUTPUTS.c.run_id == run_id).distinct().limit(limit)
    return list(connection.execute(query).scalars())


def outputs_of_others(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return which files some run refers to that is not being emptied."""
    query = (
        select(OUTPUTS.c.sha256)
        .join(RUNS, RUNS.c.id == OUTPUTS.c.run_id)
        .where(OUTPUTS.c.sha256.in_(digests), RUNS.c.emptied.is_(None))
    )
    return set(connection.execute(query.distinct()).scalars())


def drop_outputs(connection: Connection, run_id: int, digests: Collection[str]) -> None:
    """Forget files that a run committed."""
    connection.execute(delete(OUTPUTS).where(OUTPUTS.c.run_id == run_id, OUTPUTS.c.sha256.in_(digests)))


def uploads(connection: Connection, run_id: int) -> list[Upload]:
    """Return what a run refers to."""
    query = select(RUN_UPLOADS.c.kind, RUN_UPLOADS.c.sha256).where(RUN_UPLOADS.c.run_id == run_id)
    return [Upload(*row) for row in connection.execute(query)]


def uploads_of_others(connection: Connection, wanted: Collection[Upload]) -> set[Upload]:
    """Return which uploads some run refers to that is not being emptied."""
    query = (
        select(RUN_UPLOADS.c.kind, RUN_UPLOADS.c.sha256)
        .join(RUNS, RUNS.c.id == RUN_UPLOADS.c.run_id)
        .where(RUN_UPLOADS.c.sha256.in_({upload.sha256 for upload in wanted}), RUNS.c.emptied.is_(None))
    )
    return {Upload(*row) for row in connection.execute(query.distinct())} & set(wanted)


def drop_uploads(connection: Connection, run_id: int) -> None:
    """Forget what a run refers to."""
    connection.execute(delete(RUN_UPLOADS).where(RUN_UPLOADS.c.run_id == run_id))


def drop_attempts(connection: Connection, run: Marked, limit: int) -> int:
    """Remove attempts of a run with their logs, and what the cluster showed of their pods; return how many."""
    query = (
        select(ATTEMPTS.c.task, ATTEMPTS.c.number, ATTEMPTS.c.uid)
        .where(ATTEMPTS.c.run_id == run.id)
        .limit(limit)
    )
    found = connection.execute(query).all()
    if not found:
        return 0
    keys = [(task, number) for task, number, _ in found]
    pods = [uid for _, _, uid in found if uid]
    pieces = select(LOG_PIECES.c.id).where(_logs(LOG_PIECES, run, keys))
    log_words.remove(connection, connection.execute(pieces).scalars().all())
    for table in (LOG_PIECES, LOGS, LOG_CHUNKS):
        connection.execute(delete(table).where(_logs(table, run, keys)))
    connection.execute(delete(EVENTS).where(EVENTS.c.about.in_(pods)))
    connection.execute(delete(REVISIONS).where(REVISIONS.c.kind == "Pod", REVISIONS.c.uid.in_(pods)))
    connection.execute(
        delete(ATTEMPTS).where(
            ATTEMPTS.c.run_id == run.id, tuple_(ATTEMPTS.c.task, ATTEMPTS.c.number).in_(keys)
        )
    )
    return len(found)


def _logs(table: Table, run: Marked, keys: Collection[tuple[str, int]]) -> ColumnElement[bool]:
    return and_(table.c.run_uid == run.uid, tuple_(table.c.task, table.c.attempt).in_(keys))


def drop_tasks(connection: Connection, run: Marked, limit: int) -> int:
    """Remove tasks of a run whose attempts are gone; return how many."""
    query = select(TASKS.c.name).where(TASKS.c.run_id == run.id).limit(limit)
    names = connection.execute(query).scalars().all()
    if names:
        for table, column in ((CHECKPOINTS, CHECKPOINTS.c.task), (TASKS, TASKS.c.name)):
            connection.execute(delete(table).where(table.c.run_id == run.id, column.in_(names)))
    return len(names)


def drop_run(connection: Connection, run: Marked) -> None:
    """Remove a run of which nothing else is left."""
    for table in (SENTENCES, ACTS):
        connection.execute(delete(table).where(table.c.run_uid == run.uid))
    left = exists().where(TASKS.c.run_id == run.id)
    connection.execute(delete(RUNS).where(RUNS.c.id == run.id, RUNS.c.emptied.is_not(None), ~left))
