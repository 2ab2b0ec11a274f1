"""How the one writer works on PostgreSQL: under its epoch, and on a new connection where the old one broke."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from seaway.base.sqlite import DatabaseError, DatabaseUnavailable
from seaway.base.tasks import Backoff
from seaway.platform.database import writers

if TYPE_CHECKING:
    from seaway.platform.database.postgres_driver import PostgresDriver

log = logging.getLogger(__name__)
BACKOFF = Backoff(0.1, 2.0, 2.0)
"""Between tries to reach a database server that is away."""
_TRIES = 3
"""Of one batch, where the connection breaks in the middle of it."""


class PostgresBackend:
    """The backend of OneWriter.

    A batch whose connection breaks is made again on a new one. Where it broke while the batch was being committed, the
    number that each transaction writes tells whether it was.

    Args:
        driver: whose database.
        engine: makes the connection.
        epoch: under which this server writes.
    """

    def __init__(self, driver: PostgresDriver, engine: Engine, epoch: int) -> None:
        self._driver, self._engine, self._epoch = driver, engine, epoch
        self._number = 0
        self._failures = 0
        self._begun = False
        self._commit_lost = False
        self._work = ExitStack()

    def open(self) -> Connection:
        """Open the connection."""
        with self._driver.translated():
            return self._engine.connect()

    def begin(self, connection: Connection) -> None:
        """Begin a transaction under the epoch; waits for a server that is away."""
        self._begun = self._commit_lost = False
        self._patiently(connection, self._begin)
        self._begun = True

    def _begin(self, connection: Connection) -> None:
        connection.begin()
        self._watch(connection)
        number = writers.count(connection, self._epoch)
        if number is None:
            raise self._driver.taken(writers.other_holder(connection, self._epoch) or "another server")
        self._number = number

    def commit(self, connection: Connection) -> None:
        """Commit; durable when it returns."""
        try:
            with self._driver.translated():
                connection.commit()
        except DatabaseUnavailable:
            if not connection.invalidated:
                raise
            if not self._was_committed(connection):
                self._commit_lost = True
                raise
        self._work.close()
        self._failures = 0

    def _was_committed(self, connection: Connection) -> bool:
        """Find out, on a new connection, what became of a transaction whose commit was not answered."""
        found: list[int | None] = []

        def ask(connection: Connection) -> None:
            connection.begin()
            self._watch(connection)
            found.append(writers.counted(connection, self._epoch))
            connection.rollback()

        self._give_back(connection)
        self._patiently(connection, ask)
        number = found[-1]
        if number is None:
            raise self._driver.taken("another server")
        return number >= self._number

    def _patiently(self, connection: Connection, step: Callable[[Connection], None]) -> None:
        began, failures = time.monotonic(), 0
        while True:
            if self._driver.given_up:
                raise DatabaseUnavailable(self._driver.given_up)
            try:
                with self._driver.translated():
                    step(connection)
                return
            except DatabaseError as error:
                self._give_back(connection)
                failures += 1
                if not self._driver.may_read_again(error, time.monotonic() - began):
                    raise
                if failures == 1:
                    log.warning("%s; writes wait for up to %g s", error, self._driver.settings.patience)
            time.sleep(BACKOFF.delay(failures))

    def rollback(self, connection: Connection) -> None:
        """Undo the transaction, where there is one."""
        try:
            with self._driver.translated():
                connection.rollback()
        except DatabaseError:  # the connection broke: the server undoes what it had of it
            self._give_back(connection)
        self._work.close()

    def _give_back(self, connection: Connection) -> None:
        """Have the next transaction begin on a new connection."""
        if not connection.invalidated and not connection.closed:
            connection.invalidate()
        connection.rollback()
        self._work.close()

    def _watch(self, connection: Connection) -> None:
        self._work.enter_context(self._driver.watch.work())(descriptor(connection))

    def active(self, connection: Connection) -> bool:
        """Return whether the transaction is still open."""
        if connection.invalidated:
            return False
        from psycopg.pq import TransactionStatus  # late: only where PostgreSQL is used

        driver: Any = connection.connection.driver_connection
        return bool(driver.info.transaction_status == TransactionStatus.INTRANS)

    def again(self, connection: Connection) -> bool:
        """Return whether a batch that failed is run again: nothing of it was kept, and the cause may not come again."""
        lost = self._begun and (connection.invalidated or self._commit_lost)
        self._failures += 1
        if lost and self._failures < _TRIES and not self._driver.given_up:
            return True
        self._failures = 0
        return False

    def block(self, connection: Connection, *, savepoint: bool) -> AbstractContextManager[object]:
        """Return a block for one function; with a savepoint it undoes only its own work."""
        return self._savepoint(connection) if savepoint else self._driver.translated()

    @contextmanager
    def _savepoint(self, connection: Connection) -> Iterator[None]:
        with self._driver.translated(), connection.begin_nested():
            yield

    def close(self, connection: Connection) -> None:
        """Close the connection."""
        connection.close()
        self._engine.dispose()


def descriptor(connection: Connection) -> int:
    """Return the file descriptor of a connection's socket."""
    driver: Any = connection.connection.driver_connection
    number: int = driver.fileno()
    return number
