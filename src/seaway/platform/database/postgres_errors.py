"""What PostgreSQL's errors mean, and what to do about them. Pure.

Source: "PostgreSQL Error Codes" (appendix A of its manual). An error of the connection itself carries no code: its text is
looked at, which the server may have written in another language; it is quoted in any case. No text of libpq holds a password.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seaway.base.sqlite import (
    DatabaseCorrupt,
    DatabaseError,
    DatabaseFull,
    DatabaseLocked,
    DatabaseUnavailable,
)


class DatabaseTaken(DatabaseError):
    """Another server has taken the database over: this one may not write any more."""


class DatabaseRefused(DatabaseUnavailable):
    """The database server will not have this user, database or kind of connection: waiting does not help."""


class _Meaning(NamedTuple):
    kind: type[DatabaseError]
    text: str
    """`{name}` is what messages call the database, `{said}` what PostgreSQL said."""


_BY_CODE: tuple[tuple[str, _Meaning], ...] = (
    ("53100", _Meaning(DatabaseFull, "the disk of {name} is full: make room there; nothing was lost ({said})")),
    ("53300", _Meaning(DatabaseUnavailable, "{name} has no connection left for this server: raise max_connections there, or close others ({said})")),
    ("53", _Meaning(DatabaseUnavailable, "{name} has run out of memory or another resource ({said})")),
    ("42501", _Meaning(DatabaseRefused, "a right is missing in {name} ({said}): as its owner, GRANT USAGE, CREATE ON SCHEMA and the tables in it to this user")),
    ("28", _Meaning(DatabaseRefused, "{name} refuses this user ({said}): check user and password in the database URL")),
    ("3D000", _Meaning(DatabaseRefused, "{name} does not exist ({said}): create it (createdb), or mend the name in the database URL")),
    ("3F000", _Meaning(DatabaseRefused, "{name} has no schema to create tables in ({said}): create one, or set the user's search_path")),
    ("25006", _Meaning(DatabaseUnavailable, "{name} is read-only ({said}): name the primary server in the database URL, not a replica")),
    ("55P03", _Meaning(DatabaseLocked, "{name} is in use by another program that locks its tables ({said}): end that one")),
    ("57014", _Meaning(DatabaseUnavailable, "{name} took too long ({said}): see what keeps it busy (pg_stat_activity)")),
    ("58", _Meaning(DatabaseUnavailable, "{name} cannot read or write its own files ({said}): see its log and its disk")),
    ("XX", _Meaning(DatabaseCorrupt, "{name} is damaged ({said}): see its log, and restore a backup")),
)  # fmt: skip
"""Longer codes first; two characters stand for their class."""

_LOST_CODES = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25006")
"""The connection is of no more use; a new one may be, later. Read-only: after a failover a new one may reach the primary."""

_BY_TEXT: tuple[tuple[str, _Meaning], ...] = (
    (r"password authentication failed|no password supplied", _Meaning(DatabaseRefused, "{name} refuses this user or password ({said}): check both in the database URL")),
    (r'role ".*" does not exist|is not permitted to log in', _Meaning(DatabaseRefused, "{name} does not know this user ({said}): create it (createuser), or mend the database URL")),
    (r'database ".*" does not exist', _Meaning(DatabaseRefused, "{name} does not exist ({said}): create it (createdb), or mend the name in the database URL")),
    (r"permission denied for database", _Meaning(DatabaseRefused, "a right is missing in {name} ({said}): GRANT CONNECT ON DATABASE to this user")),
    (r"no encryption|SSL off|SSL connection is required|requires SSL", _Meaning(DatabaseRefused, "{name} wants TLS ({said}): add ?sslmode=require (better verify-full with sslrootcert) to the database URL")),
    (r"server does not support SSL", _Meaning(DatabaseRefused, "{name} does not speak TLS, which the database URL asks for ({said}): switch it on there, or leave sslmode out")),
    (r"certificate|sslrootcert|sslmode", _Meaning(DatabaseRefused, "the certificate of {name} is not accepted ({said}): check sslmode, sslrootcert and the host's name in the database URL")),
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", _Meaning(DatabaseRefused, "{name} does not admit this user from here ({said}): add a line to its pg_hba.conf")),
    (r"too many clients|remaining connection slots", _Meaning(DatabaseUnavailable, "{name} has no connection left for this server: raise max_connections there, or close others ({said})")),
    (r"starting up|shutting down|recovery mode|not yet accepting connections|not accepting connections", _Meaning(DatabaseUnavailable, "{name} is starting or stopping ({said}): it is tried again")),
    (r"could not translate host name|failed to resolve host|Name or service not known|nodename nor servname", _Meaning(DatabaseUnavailable, "the host of {name} is not known ({said}): check the name in the database URL, and the DNS")),
    (r"invalid (connection option|URI query parameter|dsn|sslmode|port)|missing \"=\"|unexpected token", _Meaning(DatabaseRefused, "the URL of {name} holds an option that cannot be used ({said}): mend it")),
)  # fmt: skip
_UNREACHABLE = _Meaning(
    DatabaseUnavailable,
    "{name} cannot be reached ({said}): check that it runs, and host, port and network policies on the way",
)


def meaning(name: str, code: str | None, said: str) -> DatabaseError | None:
    """Return the error that a failure of PostgreSQL means; None where it is a mistake in SQL or a broken constraint.

    Args:
        name: what messages call the database.
        code: SQLSTATE; None where the connection itself failed.
        said: what the driver said.
    """
    found = _by_code(code) if code else _by_text(said)
    return found.kind(found.text.format(name=name, said=_short(said))) if found is not None else None


def is_lost(code: str | None, *, connection_failed: bool) -> bool:
    """Return whether an error says that the connection is of no more use, and a new one may be.

    Args:
        code: SQLSTATE, None for none.
        connection_failed: the driver found the connection broken.
    """
    return connection_failed or (code is not None and code.startswith(_LOST_CODES))


def _by_code(code: str) -> _Meaning | None:
    for prefix, found in _BY_CODE:
        if code.startswith(prefix):
            return found
    return _UNREACHABLE if code.startswith(_LOST_CODES) else None


def _by_text(said: str) -> _Meaning:
    for pattern, found in _BY_TEXT:
        if re.search(pattern, said, re.IGNORECASE):
            return found
    return _UNREACHABLE


def _short(said: str) -> str:
    """Return the first lines of what was said, in one line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return " ".join(lines)[:300]
