"""The open database: one writer, several readers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from seaway.base.writer import OneWriter
from seaway.platform.database.connection import SqlAlchemyBackend, reading_engine, translated, writing_engine
from seaway.platform.database.migrate import migrate

T = TypeVar("T")


class Database:
    """Runs queries (functions of a connection); see the modules beside this one for them."""

    def __init__(self, path: Path, writer: OneWriter[Connection], readers: Engine) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in the next transaction; returns when its work is durable. It shares the commit with others that wait."""
        return await self.submit(work)

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Queue a function as `write` does and return the future of its result; writes happen in the order of these calls."""

        def translating(connection: Connection) -> T:
            with translated(self.path):
                return work(connection)

        return self._writer.submit(translating)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a connection of its own, in a thread, on one state of the database."""
        return await asyncio.to_thread(self.read_now, query)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Run a query in this thread."""
        with translated(self.path), self._readers.connect() as connection:
            return query(connection)


@asynccontextmanager
async def open_database(path: Path, *, check: bool = True) -> AsyncIterator[Database]:
    """Open a database file, created or upgraded first where needed.

    Args:
        path: the file; modes 0600.
        check: look through it for damage first (about 1 s per GB).

    Raises:
        seaway.base.sqlite.DatabaseError: it cannot be used; the message says what to do.
    """
    await asyncio.to_thread(migrate, path, check=check)
    writer = OneWriter(SqlAlchemyBackend(writing_engine(path, check=False), path), "platform-writer")
    await writer.open()
    readers = reading_engine(path)
    try:
        yield Database(path, writer, readers)
    finally:
        readers.dispose()
        await writer.close()  # last: closing it folds the WAL into the file, which a reader may not do
