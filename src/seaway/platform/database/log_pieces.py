"""Queries about pieces of logs whose words are indexed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, text

from seaway.model.run import Phase
from seaway.platform.database import log_words
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.log_records import is_log
from seaway.platform.database.log_words import Wanted
from seaway.platform.database.tables import ATTEMPTS, LOG_PARTLY_INDEXED, LOG_PIECES, LOG_TO_INDEX, LOGS, RUNS

_ENDED = [phase.value for phase in Phase if phase.ended]
_ADD = insert(LOG_PIECES)


class Piece(NamedTuple):
    """Some whole lines of a log."""

    owner: ChunkOwner
    start: int
    size: int
    newest: float
    """The time of its last line, in seconds since the epoch."""


class Place(NamedTuple):
    """Where a log's words come from, as people name it."""

    owner: ChunkOwner
    run: str
    """The run's name, "" where it is no run's."""
    pod: str
    finished: float | None = None
    indexed: int = 0


def add(connection: Connection, pieces: Sequence[tuple[Piece, str]]) -> None:
    """Index pieces with their distinct words."""
    for piece, words in pieces:
        values = piece.owner._asdict() | {"start": piece.start, "size": piece.size, "newest": piece.newest}
        key = connection.execute(_ADD, values).inserted_primary_key
        assert key is not None
        log_words.add(connection, [(key[0], words)])


def is_kept(connection: Connection, place: Place) -> bool:
    """Tell whether a log is there still: it may be removed for good while it is read."""
    owner = place.owner
    if place.run:
        query = (
            select(ATTEMPTS.c.number)
            .join(RUNS, RUNS.c.id == ATTEMPTS.c.run_id)
            .where(RUNS.c.uid == owner.run_uid)
            .where(ATTEMPTS.c.task == owner.task, ATTEMPTS.c.number == owner.attempt)
        )
    else:
        query = select(LOGS.c.attempt).where(is_log(owner), LOGS.c.removed.is_(None))
    return connection.execute(query).first() is not None


def matching(
    connection: Connection, words: Sequence[Wanted], *, run_uid: str | None, limit: int, before: int | None
) -> list[tuple[int, Piece]]:
    """Return pieces that hold all words with their ids, newest first.

    Args:
        connection: to read from.
        words: of a query; at least one.
        run_uid: of one run alone.
        limit: at most so many.
        before: go on after the piece of this id.
    """
    dialect = connection.dialect.name
    matched = text(f"log_pieces.id IN (SELECT rowid FROM log_words WHERE {log_words.condition(dialect)})")  # noqa: S608 - no value in it
    matched = matched.bindparams(query=log_words.query_of(dialect, words))
    query = (
        select(LOG_PIECES)
        .where(matched)
        .order_by(LOG_PIECES.c.newest.desc(), LOG_PIECES.c.id.desc())
        .limit(limit)
    )
    if run_uid is not None:
        query = query.where(LOG_PIECES.c.run_uid == run_uid)
    if before is not None:
        edge = select(LOG_PIECES.c.newest).where(LOG_PIECES.c.id == before).scalar_subquery()
        query = query.where(
            (LOG_PIECES.c.newest < edge) | ((LOG_PIECES.c.newest == edge) & (LOG_PIECES.c.id < before))
        )
    return [
        (row.id, Piece(ChunkOwner(row.run_uid, row.task, row.attempt), row.start, row.size, row.newest))
        for row in connection.execute(query)
    ]


def to_index(connection: Connection, limit: int, run_uid: str | None = None) -> list[Place]:
    """Return attempts that have ended and whose logs nobody has looked at, newest first, and other closed logs."""
    query = (
        select(
            RUNS.c.uid, RUNS.c.name, ATTEMPTS.c.task, ATTEMPTS.c.number, ATTEMPTS.c.pod, ATTEMPTS.c.finished
        )
        .join(ATTEMPTS, ATTEMPTS.c.run_id == RUNS.c.id)
        .where(LOG_TO_INDEX, ATTEMPTS.c.phase.in_(_ENDED))
        .order_by(ATTEMPTS.c.run_id.desc())
        .limit(limit)
    )
    if run_uid is not None:
        query = query.where(RUNS.c.uid == run_uid)
    found = [
        Place(ChunkOwner(row.uid, row.task, row.number), row.name, row.pod, row.finished)
        for row in connection.execute(query)
    ]
    others = (  # a pod that is greater than "" is looked up in an index, one that differs from it is not
        select(LOGS)
        .where(LOGS.c.closed.is_not(None), LOGS.c.pod > "", LOGS.c.indexed == 0, LOGS.c.size > 0)
        .limit(limit)
    )
    if run_uid is None:
        found += [
            Place(ChunkOwner(row.run_uid, row.task, row.attempt), "", row.pod, row.closed)
            for row in connection.execute(others)
        ]
    return found


def all_logs(connection: Connection, run_uid: str | None, limit: int) -> list[Place]:
    """Return logs, newest first: those of runs, then those of other pods."""
    query = (
        select(
            RUNS.c.uid, RUNS.c.name, ATTEMPTS.c.task, ATTEMPTS.c.number, ATTEMPTS.c.pod, ATTEMPTS.c.finished
        )
        .join(ATTEMPTS, ATTEMPTS.c.run_id == RUNS.c.id)
        .order_by(RUNS.c.id.desc())
        .limit(limit)
    )
    if run_uid is not None:
        query = query.where(RUNS.c.uid == run_uid)
    found = [
        Place(ChunkOwner(row.uid, row.task, row.number), row.name, row.pod, row.finished)
        for row in connection.execute(query)
    ]
    if run_uid is None:
        others = select(LOGS).where(LOGS.c.pod != "").order_by(LOGS.c.began.desc()).limit(limit)
        found += [
            Place(ChunkOwner(row.run_uid, row.task, row.attempt), "", row.pod, row.closed)
            for row in connection.execute(others)
        ]
    return found


def partly(connection: Connection, run_uid: str | None, limit: int) -> list[Place]:
    """Return logs of which a part is not indexed, newest first."""
    query = (
        select(LOGS, RUNS.c.name)
        .outerjoin(RUNS, RUNS.c.uid == LOGS.c.run_uid)
        .where(LOG_PARTLY_INDEXED)
        .order_by(LOGS.c.closed.desc())
        .limit(limit)
    )
    if run_uid is not None:
        query = query.where(LOGS.c.run_uid == run_uid)
    return [
        Place(
            ChunkOwner(row.run_uid, row.task, row.attempt), row.name or "", row.pod, row.closed, row.indexed
        )
        for row in connection.execute(query)
    ]


def names(connection: Connection, owners: Sequence[ChunkOwner]) -> dict[str, tuple[str, str]]:
    """Return the run's name and the pod's of logs, by run uid; one of both is ""."""
    wanted = sorted({owner.run_uid for owner in owners})
    runs = connection.execute(select(RUNS.c.uid, RUNS.c.name).where(RUNS.c.uid.in_(wanted)))
    found = {row.uid: (str(row.name), "") for row in runs}
    logs = connection.execute(
        select(LOGS.c.run_uid, LOGS.c.pod).where(LOGS.c.run_uid.in_(wanted), LOGS.c.pod != "").distinct()
    )
    return {row.run_uid: ("", str(row.pod)) for row in logs} | found


def indexed_bytes(connection: Connection) -> int:
    """Return how many bytes of logs are indexed."""
    return int(connection.execute(select(func.coalesce(func.sum(LOG_PIECES.c.size), 0))).scalar_one())


def forget(connection: Connection, owner: ChunkOwner) -> None:
    """Forget a log's pieces."""
    own = (
        (LOG_PIECES.c.run_uid == owner.run_uid)
        & (LOG_PIECES.c.task == owner.task)
        & (LOG_PIECES.c.attempt == owner.attempt)
    )
    ids = list(connection.scalars(select(LOG_PIECES.c.id).where(own)))
    if ids:
        log_words.remove(connection, ids)
        connection.execute(delete(LOG_PIECES).where(own))
