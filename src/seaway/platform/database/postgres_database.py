"""An open PostgreSQL database, and the watch over whether it is still this server's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import QueuePool

from seaway.base.sqlite import DatabaseError, DatabaseUnavailable
from seaway.base.writer import OneWriter
from seaway.platform.database.database import Database
from seaway.platform.database.location import PostgresLocation
from seaway.platform.database.postgres_driver import PostgresDriver, PostgresSettings
from seaway.platform.database.postgres_errors import DatabaseTaken


class PostgresDatabase(Database):
    """A database that other servers may take over."""

    def __init__(
        self,
        driver: PostgresDriver,
        writer: OneWriter[Connection],
        readers: Engine,
        taken: asyncio.Future[DatabaseTaken],
    ) -> None:
        super().__init__(driver, writer, readers)
        self._postgres, self._taken = driver, taken
        self._own = driver.engine("watch", {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0})
        self._beat = ThreadPoolExecutor(1, "database-watch")

    @property
    def epoch(self) -> int:
        """Return how often servers have taken it over."""
        return self._postgres.epoch

    async def watch(self) -> None:
        """Return never.

        Raises:
            DatabaseTaken: another server has taken the database over.
            DatabaseUnavailable: it could not be reached for `give_up_seconds`; nothing waits for it any more.
        """
        settings = self._postgres.settings
        limit, answered = settings.give_up_seconds, time.monotonic()
        while True:
            await asyncio.wait([self._taken], timeout=settings.beat_seconds)
            if self._taken.done():
                raise self._taken.result()
            asked = time.monotonic()
            left = limit - (asked - answered) if limit is not None else settings.statement_seconds
            try:
                async with asyncio.timeout(max(left, settings.beat_seconds)):
                    await asyncio.get_running_loop().run_in_executor(self._beat, self._ask)
                answered = asked
            except DatabaseTaken:
                raise
            except (DatabaseError, TimeoutError) as error:
                if limit is not None and time.monotonic() - answered >= limit:
                    reason = (
                        f"{self.title} did not answer for {limit:g} s: this server leaves it to another one"
                    )
                    self._postgres.give_up(reason)
                    raise DatabaseUnavailable(f"{reason} ({error})" if str(error) else reason) from error

    def hurry(self) -> None:
        """Have nothing wait for long for a database that is away: the server is ending."""
        self._postgres.hurry()

    def _ask(self) -> None:
        with self._postgres.reading(self._own) as connection:
            self._postgres.check(connection)

    async def close_readers(self) -> None:
        """Close the connections that read."""
        try:
            await asyncio.to_thread(self._beat.shutdown)
        finally:
            self._own.dispose()
            await super().close_readers()


@asynccontextmanager
async def open_postgres(
    location: PostgresLocation, settings: PostgresSettings | None = None
) -> AsyncIterator[PostgresDatabase]:
    """Take a PostgreSQL database over and open it; see `open_database`."""
    loop = asyncio.get_running_loop()
    taken: asyncio.Future[DatabaseTaken] = loop.create_future()

    def settle(error: DatabaseTaken) -> None:
        if not taken.done():
            taken.set_result(error)

    def tell(error: DatabaseTaken) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, error)

    driver = PostgresDriver(location, settings or PostgresSettings(), tell)
    watching = asyncio.create_task(driver.watch.run(), name="database socket watch")
    try:
        await asyncio.to_thread(driver.prepare)
        writer = OneWriter(driver.backend(), "platform-writer")
        await writer.open()
        database = PostgresDatabase(driver, writer, driver.readers(), taken)
        try:
            yield database
        finally:
            database.hurry()
            try:
                await writer.close()
            finally:
                await database.close_readers()
    finally:
        watching.cancel()
        await asyncio.wait([watching])
