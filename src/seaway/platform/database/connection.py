"""How SQLAlchemy opens the database file, and how the one writer works on it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from seaway.base import sqlite

READERS = 4
"""Connections that read at once; further ones wait."""


def _dump(value: Any) -> str:
    return orjson.dumps(value).decode()


def _engine(path: Path, *, read_only: bool, check: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite.connect(path, check=check, read_only=read_only)

    pool: dict[str, Any] = (
        {"poolclass": QueuePool, "pool_size": READERS, "max_overflow": 0}
        if read_only
        else {"poolclass": NullPool}
    )
    engine = create_engine(
        "sqlite://", creator=connect, json_serializer=_dump, json_deserializer=orjson.loads, **pool
    )
    event.listen(engine, "begin", _begin_reading if read_only else _begin_writing)
    return engine


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def reading_engine(path: Path) -> Engine:
    """Return an engine whose connections only read; each sees one state of the database until it is given back."""
    return _engine(path, read_only=True, check=False)


def writing_engine(path: Path, *, check: bool) -> Engine:
    """Return an engine whose connections write; the file and its modes are made where missing."""
    return _engine(path, read_only=False, check=check)


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


class SqlAlchemyBackend:
    """How `OneWriter` works on a SQLAlchemy connection."""

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

    def savepoint(self, connection: Connection) -> AbstractContextManager[object]:
        """Return a block that undoes only its own work."""
        return self._savepoint(connection)

    @contextmanager
    def _savepoint(self, connection: Connection) -> Iterator[None]:
        with translated(self._path), connection.begin_nested():
            yield

    def close(self, connection: Connection) -> None:
        """Close the connection."""
        connection.close()
        self._engine.dispose()


def scalar(connection: Connection, statement: str) -> Any:
    """Return one value of a plain statement."""
    return connection.execute(text(statement)).scalar()
