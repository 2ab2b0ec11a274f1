"""Queries about logs that lie in the database, in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select

from seaway.platform.database.tables import LOG_CHUNKS


class ChunkOwner(NamedTuple):
    """Whose log."""

    run_uid: str
    task: str
    attempt: int


class Chunk(NamedTuple):
    """Some bytes of a log, packed."""

    start: int
    """Position of its first byte in the log."""
    size: int
    """Bytes before packing."""
    codec: str
    data: bytes


_DELETE = delete(LOG_CHUNKS).where(
    LOG_CHUNKS.c.run_uid == bindparam("_run_uid"),
    LOG_CHUNKS.c.task == bindparam("_task"),
    LOG_CHUNKS.c.attempt == bindparam("_attempt"),
    LOG_CHUNKS.c.start >= bindparam("_start"),
)


def cut(connection: Connection, cuts: Sequence[tuple[ChunkOwner, int]]) -> None:
    """Delete the chunks that begin at a position or later."""
    if cuts:
        rows = [
            {"_run_uid": owner.run_uid, "_task": owner.task, "_attempt": owner.attempt, "_start": start}
            for owner, start in cuts
        ]
        connection.execute(_DELETE, rows)


def add(connection: Connection, chunks: Sequence[tuple[ChunkOwner, Chunk]]) -> None:
    """Insert chunks."""
    if chunks:
        connection.execute(insert(LOG_CHUNKS), [owner._asdict() | chunk._asdict() for owner, chunk in chunks])


def at(connection: Connection, owner: ChunkOwner, position: int) -> Chunk | None:
    """Return the chunk that holds a position, None where the log ends before."""
    query = (
        select(LOG_CHUNKS)
        .where(_of(owner), LOG_CHUNKS.c.start <= position)
        .order_by(LOG_CHUNKS.c.start.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None or row.start + row.size <= position:
        return None
    return Chunk(row.start, row.size, row.codec, bytes(row.data))


def size(connection: Connection, owner: ChunkOwner) -> int:
    """Return how many bytes of a log are stored."""
    end = func.max(LOG_CHUNKS.c.start + LOG_CHUNKS.c.size)
    return int(connection.execute(select(end).where(_of(owner))).scalar_one() or 0)


def last(connection: Connection, owner: ChunkOwner, length: int) -> list[Chunk]:
    """Return the chunks that hold at least the last bytes of a log, in order."""
    end = connection.execute(
        select(func.max(LOG_CHUNKS.c.start + LOG_CHUNKS.c.size)).where(_of(owner))
    ).scalar_one()
    if end is None:
        return []
    query = (
        select(LOG_CHUNKS)
        .where(_of(owner), LOG_CHUNKS.c.start + LOG_CHUNKS.c.size > end - length)
        .order_by(LOG_CHUNKS.c.start)
    )
    return [Chunk(row.start, row.size, row.codec, bytes(row.data)) for row in connection.execute(query)]


def _of(owner: ChunkOwner) -> ColumnElement[bool]:
    return and_(
        LOG_CHUNKS.c.run_uid == owner.run_uid,
        LOG_CHUNKS.c.task == owner.task,
        LOG_CHUNKS.c.attempt == owner.attempt,
    )
