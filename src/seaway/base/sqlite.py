"""SQLite as a place that loses nothing: settings, checks when it is opened, errors that say what to do."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path


class DatabaseError(Exception):
    """A database file cannot be used as asked. The message names the file and the remedy."""


class DatabaseCorrupt(DatabaseError):
    """The file is not a healthy SQLite database."""


class DatabaseFull(DatabaseError):
    """The disk (or the file's own limit) has no room; the write was undone."""


class DatabaseLocked(DatabaseError):
    """Another process writes to the file."""


class DatabaseUnavailable(DatabaseError):
    """The file cannot be opened, read or written (missing folder, permissions, read-only, a failing disk)."""


def translate(error: sqlite3.Error, path: Path | str) -> Exception:
    """Return the error of this module that an sqlite3 error means; the same error where it is a mistake in SQL."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFull(
            f"no room to write to {path}: free space on its disk, then try again; nothing was lost"
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DatabaseCorrupt(
            f"{path} is damaged ({error}): stop the program, move the file away or put a backup in its place, and start again"
        )
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseLocked(f"{path} is in use by another process: stop that one first")
    if primary in (
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_IOERR,
    ):
        return DatabaseUnavailable(
            f"{path} cannot be opened or written ({error}): check that its folder exists, belongs to you, "
            "is writable and that its disk is healthy"
        )
    return error


@contextmanager
def translated(path: Path | str) -> Iterator[None]:
    """Raise this module's errors in place of sqlite3's inside the block."""
    try:
        yield
    except sqlite3.Error as error:
        meant = translate(error, path)
        if meant is error:
            raise
        raise meant from error


def prepare_file(path: Path) -> None:
    """Create the file and its folder so that only their owner can read them; narrow modes that are wider.

    A new file gets its name with its header, so that an empty one is always the remains of one that was damaged.

    Raises:
        DatabaseCorrupt: the file is there and empty: to start anew would lose what was in it without a word.
        DatabaseUnavailable: the file cannot be created or is not this user's.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _create_file(path)
        elif path.stat().st_size == 0:
            raise DatabaseCorrupt(
                f"{path} is damaged (it is empty): put a backup in its place, or delete it to start anew"
            )
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            if file.exists() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        raise DatabaseUnavailable(
            f"{path} cannot be opened ({error.strerror}): check that its folder belongs to you and is writable"
        ) from error


def _create_file(path: Path) -> None:
    unfinished = Path(f"{path}.new")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")  # writes the header
    finally:
        connection.close()
    unfinished.replace(path)


PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA trusted_schema = OFF",
)
"""What each connection that writes is told; FULL makes a commit survive a power cut."""


def connect(path: Path, *, check: bool = True, read_only: bool = False) -> sqlite3.Connection:
    """Open a database file in autocommit mode, with WAL and FULL synchronisation.

    SQLite gives the -wal and -shm files the mode of the database file. The connection may be used from any one thread at a time.

    Args:
        path: the file; created where it is missing (not for `read_only`).
        check: look through the whole file for damage first (about 1 s per GB).
        read_only: open for reading beside the writer.

    Raises:
        DatabaseCorrupt: the file is damaged.
        DatabaseLocked: another process holds it.
        DatabaseUnavailable: it cannot be opened.
    """
    with translated(path):
        if read_only:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA query_only = ON")
            return connection
        prepare_file(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            if check:
                _require_healthy(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def file_size(path: Path) -> int:
    """Return how many bytes a database takes on the disk, its log included."""
    size = 0
    for file in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):
            size += file.stat().st_size
    return size


def _require_healthy(connection: sqlite3.Connection, path: Path) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise DatabaseCorrupt(
            f"{path} is damaged ({verdict}): stop the program, move the file away or put a backup in its place, and start again"
        )


class SqliteBackend:
    """The sqlite3 backend of OneWriter.

    Args:
        path: the database file.
        schema: statements that create what is missing, run when it is opened.
        check: look through the file for damage when it is opened.
    """

    def __init__(self, path: Path, schema: str = "", *, check: bool = True) -> None:
        self.path = path
        self._schema = schema
        self._check = check

    def open(self) -> sqlite3.Connection:
        """Open the file, check it and create what is missing of the schema."""
        connection = connect(self.path, check=self._check)
        try:
            with translated(self.path):
                connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def begin(self, connection: sqlite3.Connection) -> None:
        """Take the write lock at once, not at the first write."""
        with translated(self.path):
            connection.execute("BEGIN IMMEDIATE")

    def commit(self, connection: sqlite3.Connection) -> None:
        """Commit; durable when it returns."""
        with translated(self.path):
            connection.execute("COMMIT")

    def rollback(self, connection: sqlite3.Connection) -> None:
        """Undo the transaction, where SQLite has not done so already."""
        if connection.in_transaction:
            with translated(self.path):
                connection.execute("ROLLBACK")

    def active(self, connection: sqlite3.Connection) -> bool:
        """Return whether a transaction is open."""
        return connection.in_transaction

    def again(self, connection: sqlite3.Connection) -> bool:  # noqa: ARG002 - the backend's interface
        """A file is not lost and found again."""
        return False

    def block(self, connection: sqlite3.Connection, *, savepoint: bool) -> AbstractContextManager[object]:
        """Return a block for one function; with a savepoint it undoes only its own work."""
        return self._savepoint(connection) if savepoint else translated(self.path)

    @contextmanager
    def _savepoint(self, connection: sqlite3.Connection) -> Iterator[None]:
        with translated(self.path):
            connection.execute("SAVEPOINT job")
            try:
                yield
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK TO job")
                    connection.execute("RELEASE job")
                raise
            connection.execute("RELEASE job")

    def close(self, connection: sqlite3.Connection) -> None:
        """Close the connection; the last one to close folds the WAL into the file."""
        connection.close()
