"""Queries about the tokens of a team's users. A token itself is never stored, only what proves that somebody has it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from seaway.platform.database.records import UserTokenRecord, as_row
from seaway.platform.database.tables import USER_TOKENS

_COLUMNS = [column for column in USER_TOKENS.c if column.name != "id"]


def add(connection: Connection, token: UserTokenRecord) -> None:
    """Insert a token. Raises IntegrityError where its key is taken."""
    connection.execute(insert(USER_TOKENS).values(as_row(token)))


def by_key(connection: Connection, key: str) -> UserTokenRecord | None:
    """Return the token of a key, also one that is no longer good."""
    row = connection.execute(select(*_COLUMNS).where(USER_TOKENS.c.key == key)).first()
    return _record(row) if row else None


def good(connection: Connection, now: float) -> list[UserTokenRecord]:
    """Return the tokens that are neither revoked nor expired, by name."""
    query = select(*_COLUMNS).where(_is_good(now)).order_by(USER_TOKENS.c.name)
    return [_record(row) for row in connection.execute(query)]


def good_by_name(connection: Connection, name: str, now: float) -> UserTokenRecord | None:
    """Return the good token of a name."""
    query = select(*_COLUMNS).where(USER_TOKENS.c.name == name, _is_good(now))
    row = connection.execute(query).first()
    return _record(row) if row else None


def revoke(connection: Connection, name: str, now: float) -> int:
    """Revoke the good tokens of a name; return how many those were."""
    change = update(USER_TOKENS).where(USER_TOKENS.c.name == name, _is_good(now)).values(revoked=now)
    return connection.execute(change).rowcount


def _is_good(now: float) -> ColumnElement[bool]:
    return USER_TOKENS.c.revoked.is_(None) & or_(USER_TOKENS.c.expires.is_(None), USER_TOKENS.c.expires > now)


def _record(row: Row[Any]) -> UserTokenRecord:
    return UserTokenRecord(**row._asdict())
