"""Queries about what Seaway itself said of runs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, insert, select

from seaway.platform.database.records import SentenceRecord, as_row
from seaway.platform.database.tables import SENTENCES

_COLUMNS = [column for column in SENTENCES.c if column.name != "id"]
_ADD = insert(SENTENCES)


def add(connection: Connection, said: Sequence[SentenceRecord]) -> None:
    """Append sentences, oldest first."""
    if said:
        connection.execute(_ADD, [as_row(sentence) for sentence in said])


def of_run(connection: Connection, run_uid: str) -> list[SentenceRecord]:
    """Return what was said of a run, oldest first."""
    query = select(*_COLUMNS).where(SENTENCES.c.run_uid == run_uid).order_by(SENTENCES.c.id)
    return [SentenceRecord(**row._asdict()) for row in connection.execute(query)]
