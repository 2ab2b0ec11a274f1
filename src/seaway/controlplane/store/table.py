"""The log as one SQLite table: its schema, and every statement that reads or writes it.

A row is one revision. `previous` is the revision of the row it replaces (0 where the key is new), and (key, previous)
is unique: of two writers that replace the same value, the file itself lets only one through.

Source: kine's single-table log.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import NamedTuple

from seaway.controlplane.store.keys import prefix_end
from seaway.controlplane.store.log import Change, Page, Record, make_record

SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    revision INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    previous INTEGER NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    value BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS log_succession ON log (key, previous);
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, revision INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO progress VALUES ('compacted', 0), ('swept', 0), ('newest', 0);
"""

_LATEST = "NOT EXISTS (SELECT 1 FROM log AS later WHERE later.key = log.key AND later.previous = log.revision{bound})"
_HISTORY = """
SELECT log.revision, log.key, log.created, log.deleted, log.value, old.revision, old.created, old.value
FROM log LEFT JOIN log AS old ON old.revision = log.previous AND old.deleted = 0
WHERE log.revision > ? AND log.revision <= ? AND +log.key >= ? AND +log.key < ?
ORDER BY log.revision LIMIT ?
"""

Row = tuple[int, str, int, int, int, bytes]
Seal = Callable[[str, bytes], bytes]
"""Given a key and a value, returns the value as the file keeps it, or as it was: see `sealing.Sealer`."""


def as_it_is(_key: str, value: bytes) -> bytes:
    """Return the value: nothing is sealed."""
    return value


class Loaded(NamedTuple):
    """What a store begins with."""

    records: list[Record]
    tombstones: dict[str, int]
    """Deleted keys whose last row is still kept, and its revision."""
    newest: int
    compacted: int
    swept: int


def row(change: Change, previous: int, seal: Seal) -> Row:
    """Return a change as the values of its row."""
    record, deleted = change.record, int(change.type == "delete")
    return record.revision, record.key, previous, record.created, deleted, seal(record.key, record.value)


def append(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Add rows, oldest first."""
    connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)", rows)


def load(connection: sqlite3.Connection, unseal: Seal) -> Loaded:
    """Read what is live."""
    latest = _LATEST.format(bound="")
    live = connection.execute(f"SELECT key, revision, created, value FROM log WHERE deleted = 0 AND {latest}")  # noqa: S608
    records = [_record(*fields, unseal=unseal) for fields in live]
    dead = connection.execute(f"SELECT key, revision FROM log WHERE deleted = 1 AND {latest}")  # noqa: S608
    progress = dict(connection.execute("SELECT name, revision FROM progress"))
    (newest,) = connection.execute("SELECT coalesce(max(revision), 0) FROM log").fetchone()
    newest = max(newest, progress["newest"])
    return Loaded(records, dict(dead), newest, progress["compacted"], progress["swept"])


def record_compaction(connection: sqlite3.Connection, revision: int, newest: int) -> None:
    """Note that what came before `revision` is given up; `newest` keeps revisions rising where all rows go."""
    values = [(revision, "compacted"), (newest, "newest")]
    connection.executemany("UPDATE progress SET revision = ? WHERE name = ?", values)


def sweep(connection: sqlite3.Connection, after: int, upto: int) -> None:
    """Delete what the rows of (after, upto] replaced, and the tombstones among them."""
    superseded = "SELECT previous FROM log WHERE revision > ? AND revision <= ? AND previous > 0"
    connection.execute(f"DELETE FROM log WHERE revision IN ({superseded})", (after, upto))  # noqa: S608
    connection.execute("DELETE FROM log WHERE revision > ? AND revision <= ? AND deleted = 1", (after, upto))
    connection.execute("UPDATE progress SET revision = ? WHERE name = 'swept'", (upto,))


def read_changes(
    connection: sqlite3.Connection, prefix: str, after: int, upto: int, limit: int, unseal: Seal
) -> list[Change]:
    """Return the first changes of (after, upto] to keys under a prefix."""
    parameters = (after, upto, prefix, _end(prefix), limit)
    return [_change(fields, unseal) for fields in connection.execute(_HISTORY, parameters)]


def _record(key: str, revision: int, created: int, value: bytes, *, unseal: Seal) -> Record:
    return make_record(key, revision, created, unseal(key, value))


def _change(fields: tuple[int, str, int, int, bytes, int | None, int, bytes], unseal: Seal) -> Change:
    revision, key, created, deleted, value, old_revision, old_created, old_value = fields
    record = _record(key, revision, created, value, unseal=unseal)
    previous = (
        None if old_revision is None else _record(key, old_revision, old_created, old_value, unseal=unseal)
    )
    return Change("delete" if deleted else "create" if created == revision else "update", record, previous)


def read_list(
    connection: sqlite3.Connection, prefix: str, revision: int, after: str | None, limit: int, unseal: Seal
) -> Page:
    """Return what was live under a prefix as of a revision."""
    latest = _LATEST.format(bound=" AND later.revision <= ?1")
    where = f"key >= ?2 AND key < ?3 AND key > ?4 AND revision <= ?1 AND deleted = 0 AND {latest}"
    bounds = (revision, prefix, _end(prefix), after or "")
    rows = connection.execute(
        f"SELECT key, revision, created, value FROM log WHERE {where} ORDER BY key LIMIT ?5",  # noqa: S608
        (*bounds, limit or -1),
    )
    records = [_record(*fields, unseal=unseal) for fields in rows]
    remaining = 0
    if limit and len(records) == limit:
        (total,) = connection.execute(f"SELECT count(*) FROM log WHERE {where}", bounds).fetchone()  # noqa: S608
        remaining = total - limit
    return Page(records, revision, records[-1].key if remaining else None, remaining)


def _end(prefix: str) -> str:
    return prefix_end(prefix) or "\U0010ffff"
