"""What differs between the two databases: engines, the writer's connection, errors, how it is made ready."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

import orjson
from sqlalchemy import Connection, Engine

from seaway.base.writer import Backend

READERS = 4
"""Connections that read at once; further ones wait."""


class Driver(Protocol):
    """One database, as `Database` uses it. All of it blocks: it is called in threads."""

    title: str
    """What messages call the database."""

    def prepare(self) -> None:
        """Create or upgrade the schema where needed, and take the database over where several servers share it."""
        ...

    def backend(self) -> Backend[Connection]:
        """Return how the one writer works."""
        ...

    def readers(self) -> Engine:
        """Return an engine whose connections only read; each sees one state of the database until it is given back."""
        ...

    def reading(self, engine: Engine) -> AbstractContextManager[Connection]:
        """Return a connection for one query; its errors are those of `seaway.base.sqlite`."""
        ...

    def may_read_again(self, error: Exception, waited: float) -> bool:
        """Return whether a query that raised this is worth another try after so many seconds."""
        ...


def dump_json(value: Any) -> str:
    """Return a value as it is stored in a JSON column."""
    return orjson.dumps(value).decode()
