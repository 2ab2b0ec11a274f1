"""The open database: one writer, several readers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Engine

from seaway.base.measures import Measure
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.base.writer import OneWriter
from seaway.platform.database.driver import READERS, Driver
from seaway.platform.database.location import Location, SqliteLocation
from seaway.platform.database.sqlite_driver import SqliteDriver

if TYPE_CHECKING:
    from seaway.platform.database.postgres_driver import PostgresSettings

T = TypeVar("T")
_BACKOFF = Backoff(0.1, 2.0, 2.0)


class Database:
    """Runs queries (functions of a connection); see the modules beside this one for them."""

    def __init__(self, driver: Driver, writer: OneWriter[Connection], readers: Engine) -> None:
        self._driver, self._writer, self._readers = driver, writer, readers
        self._threads = ThreadPoolExecutor(READERS, "database-reader")

    @property
    def title(self) -> str:
        """Return what messages call the database."""
        return self._driver.title

    @property
    def epoch(self) -> int:
        """Return how often servers have taken it over; 0 for a file, which is one server's."""
        return 0

    def measures(self) -> list[Measure]:
        """Return what is counted of its transactions."""
        return [self._writer.durations, self._writer.writes]

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run a function in the next transaction; returns when its work is durable. It shares the commit with others that wait.

        It may be run again on another connection, and does nothing but work on it.
        """
        return await self.submit(work)

    def submit(self, work: Callable[[Connection], T], *, patient: bool = False) -> asyncio.Future[T]:
        """Queue a function as `write` does and return the future of its result; writes happen in the order of these calls.

        Args:
            work: the function.
            patient: nobody waits for it: it may wait a moment for others, to share their transaction.
        """
        return self._writer.submit(work, patient=patient)

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query on a connection of its own, in a thread, on one state of the database."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, query)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """Run a query in this thread; waits for a database server that is away."""
        began, failures = time.monotonic(), 0
        while True:
            try:
                with self._driver.reading(self._readers) as connection:
                    return query(connection)
            except DatabaseError as error:
                failures += 1
                if not self._driver.may_read_again(error, time.monotonic() - began):
                    raise
            time.sleep(_BACKOFF.delay(failures))

    async def watch(self) -> None:
        """Return never; raises where this server may not, or cannot, use the database any more."""
        await asyncio.Event().wait()

    def hurry(self) -> None:
        """Have nothing wait for a database that is away any more, or not for long: the server is ending."""

    async def close_readers(self) -> None:
        """Close the connections that read."""
        try:
            await asyncio.to_thread(self._threads.shutdown)
        finally:
            self._readers.dispose()


@asynccontextmanager
async def open_database(
    location: Location | Path, *, check: bool = True, settings: PostgresSettings | None = None
) -> AsyncIterator[Database]:
    """Open a database, created or upgraded first where needed.

    Args:
        location: a file (modes 0600), or a PostgreSQL database, which this server takes over from any other.
        check: look through a file for damage first (about 1 s per GB).
        settings: limits of PostgreSQL.

    Raises:
        seaway.base.sqlite.DatabaseError: it cannot be used; the message says what to do.
    """
    if isinstance(location, Path):
        location = SqliteLocation(location)
    if not isinstance(location, SqliteLocation):
        from seaway.platform.database.postgres_database import open_postgres  # late: its driver is an extra

        async with open_postgres(location, settings) as opened:
            yield opened
        return
    driver = SqliteDriver(location.path, check=check)
    await asyncio.to_thread(driver.prepare)
    writer = OneWriter(driver.backend(), "platform-writer")
    await writer.open()
    database = Database(driver, writer, driver.readers())
    try:
        yield database
    finally:
        try:
            await database.close_readers()
        finally:
            await writer.close()  # last: closing it folds the WAL into the file, which a reader may not do
