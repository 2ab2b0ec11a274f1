"""SQLite: one file, one writer, readers beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from seaway.base import sqlite
from seaway.platform.database.driver import READERS, dump_json
from seaway.platform.database.migrate import bring_up


class SqliteDriver:
    """The driver of a file.

    Args:
        path: the file.
        check: look through it for damage first (about 1 s per GB).
    """

    def __init__(self, path: Path, *, check: bool = True) -> None:
        self.title = str(path)
        self._path, self._check = path, check

    def prepare(self) -> None:
        """Create the file (modes 0600) or upgrade it."""
        engine = self._engine(read_only=False, check=self._check)
        try:
            with translated(self._path), engine.begin() as connection:
                bring_up(connection, self.title)
        finally:
            engine.dispose()

    def backend(self) -> SqliteBackend:
        """Return the writer's backend."""
        return SqliteBackend(self._engine(read_only=False, check=False), self._path)

    def readers(self) -> Engine:
        """Return the readers' engine."""
        return self._engine(read_only=True, check=False)

    @contextmanager
    def reading(self, engine: Engine) -> Iterator[Connection]:
        """Return a connection for one query."""
        with translated(self._path), engine.connect() as connection:
            yield connection

    def may_read_again(self, error: Exception, waited: float) -> bool:  # noqa: ARG002 - the driver's interface
        """A file does not come back by waiting."""
        return False

    def _engine(self, *, read_only: bool, check: bool) -> Engine:
        def connect() -> sqlite3.Connection:
            return sqlite.connect(self._path, check=check, read_only=read_only)

        pool: dict[str, Any] = (
            {"poolclass": QueuePool, "pool_size": READERS, "max_overflow": 0}
            if read_only
            else {"poolclass": NullPool}
        )
        engine = create_engine(
            "sqlite://", creator=connect, json_serializer=dump_json, json_deserializer=orjson.loads,
            hide_parameters=True, **pool,
        )  # fmt: skip
        event.listen(engine, "begin", _begin_reading if read_only else _begin_writing)
        return engine


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise `seaway.base.sqlite`'s errors, which name file and remedy, in place of the driver's."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(error.orig, sqlite3.Error):
            meant = sqlite.translate(error.orig, path)
            if meant is not error.orig:
                raise meant from error
        raise


class SqliteBackend:
    """How `OneWriter` works on a SQLAlchemy connection to a file."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path

    def open(self) -> Connection:
        """Open the connection."""
        with translated(self._path):
            return self._engine.connect()

    def begin(self, connection: Connection) -> None:
        """Begin, taking the write lock at once."""
        with translated(self._path):
            connection.begin()

    def commit(self, connection: Connection) -> None:
        """Commit; durable when it returns."""
        with translated(self._path):
            connection.commit()

    def rollback(self, connection: Connection) -> None:
        """Undo the transaction, where there is one."""
        with translated(self._path):
            connection.rollback()

    def active(self, connection: Connection) -> bool:
        """Return whether SQLite still has the transaction open: a full disk ends it by itself."""
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        return driver.in_transaction

    def again(self, connection: Connection) -> bool:  # noqa: ARG002 - the backend's interface
        """A file is not lost and found again."""
        return False

    def block(self, connection: Connection, *, savepoint: bool) -> AbstractContextManager[object]:
        """Return a block for one function; with a savepoint it undoes only its own work."""
        return self._savepoint(connection) if savepoint else translated(self._path)

    @contextmanager
    def _savepoint(self, connection: Connection) -> Iterator[None]:
        with translated(self._path), connection.begin_nested():
            yield

    def close(self, connection: Connection) -> None:
        """Close the connection."""
        connection.close()
        self._engine.dispose()
