"""Asking a database that is not open whether this server could use it."""

from __future__ import annotations

import asyncio

from sqlalchemy.pool import NullPool

from seaway.base.sqlite import DatabaseUnavailable
from seaway.platform.database.location import PostgresLocation
from seaway.platform.database.migrate import require_known
from seaway.platform.database.postgres_driver import PostgresDriver, PostgresSettings

_SETTINGS = PostgresSettings(holder="nobody", connect_seconds=2, statement_seconds=2.0, lock_seconds=1.0)
_SECONDS = 5.0


class Probe:
    """Asks one database, on a connection of its own each time."""

    def __init__(self, location: PostgresLocation) -> None:
        self._location = location
        self._asking: asyncio.Task[None] | None = None

    async def ask(self) -> None:
        """Return where the database answers and holds nothing of a newer release; several callers share one question.

        Raises:
            seaway.base.sqlite.DatabaseError: it cannot be used; the message says what to do.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name="database probe")
        await asyncio.shield(self._asking)

    async def _ask(self) -> None:
        driver = PostgresDriver(self._location, _SETTINGS, on_taken=_nothing)
        work = asyncio.create_task(asyncio.to_thread(_look, driver))
        done, _ = await asyncio.wait([work], timeout=_SECONDS)
        if not done:
            driver.watch.break_all()
            await asyncio.wait([work])
            work.exception()
            raise DatabaseUnavailable(f"{driver.title} did not answer for {_SECONDS:g} s")
        await work


def _look(driver: PostgresDriver) -> None:
    engine = driver.engine("probe", {"poolclass": NullPool})
    try:
        with driver.reading(engine) as connection:
            require_known(connection, driver.title)
    finally:
        engine.dispose()


def _nothing(_: object) -> None:
    return
