"""Where a server's database is: a file, or a PostgreSQL server. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from seaway.base.sqlite import DatabaseError

DRIVER = "postgresql+psycopg"
_SCHEMES = (DRIVER, "postgresql", "postgres")
_REMEDY = (
    f"give {DRIVER}://USER:PASSWORD@HOST:PORT/DATABASE, or nothing for a SQLite file in the server's home"
)


class InvalidDatabaseUrl(DatabaseError):
    """The setting names no database that can be used."""


@dataclass(frozen=True, slots=True)
class SqliteLocation:
    """A file of this machine."""

    path: Path

    @property
    def title(self) -> str:
        """Return what messages call it."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgresLocation:
    """A database of a PostgreSQL server."""

    url: URL
    """With the password: never shown."""

    @property
    def title(self) -> str:
        """Return what messages call it; without the password and the options."""
        host = self.url.host or self.url.query.get("host") or "its local socket"
        port = f":{self.url.port}" if self.url.port is not None else ""
        return f"the PostgreSQL database {self.url.database!r} at {host}{port}"


Location = SqliteLocation | PostgresLocation


def locate(setting: str, home: Path) -> Location:
    """Return where the database is.

    Args:
        setting: a SQLAlchemy URL of PostgreSQL, or "" for the file in the home.
        home: the server's folder.

    Raises:
        InvalidDatabaseUrl: the setting cannot be used; its text is not repeated, because it may hold a password.
    """
    if not setting:
        return SqliteLocation(home / "seaway.db")
    try:
        url = make_url(setting)
        port = url.port
    except (ArgumentError, ValueError):
        raise InvalidDatabaseUrl(f"database: this is no URL: {_REMEDY}") from None
    if url.drivername not in _SCHEMES:
        raise InvalidDatabaseUrl(f"database: {url.drivername!r} is not supported: {_REMEDY}")
    if not url.database or port == 0:
        raise InvalidDatabaseUrl(f"database: the URL names no database or an impossible port: {_REMEDY}")
    return PostgresLocation(url.set(drivername=DRIVER))
