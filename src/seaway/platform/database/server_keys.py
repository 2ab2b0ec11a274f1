"""Queries about the keys that all replicas of a server share."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from seaway.platform.database.tables import SERVER_KEYS


def get_or_add(connection: Connection, name: str, value: bytes) -> bytes:
    """Return the key of this name; `value` becomes it where there is none."""
    found = connection.execute(select(SERVER_KEYS.c.value).where(SERVER_KEYS.c.name == name)).scalar()
    if found is not None:
        return bytes(found)
    connection.execute(insert(SERVER_KEYS).values(name=name, value=value))
    return value
