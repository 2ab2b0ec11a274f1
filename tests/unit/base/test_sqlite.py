from __future__ import annotations

import os
import sqlite3

import pytest

from seaway.base.sqlite import (
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseLocked,
    DatabaseUnavailable,
    connect,
    translate,
    translated,
)


def test_a_new_file_is_durable_and_private(tmp_path):
    path = tmp_path / "folder" / "a.db"
    connection = connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    connection.close()


def test_a_file_that_others_could_read_is_narrowed(tmp_path):
    path = tmp_path / "a.db"
    connect(path).close()
    path.chmod(0o644)
    connect(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_empty_file_is_a_damaged_one(tmp_path):
    """Whoever cut it to nothing lost what was in it: to start anew without a word would hide that."""
    path = tmp_path / "a.db"
    path.touch()
    with pytest.raises(DatabaseCorrupt, match="it is empty"):
        connect(path)
    assert path.stat().st_size == 0


def test_a_new_file_that_was_not_finished_is_made_again(tmp_path):
    (tmp_path / "a.db.new").write_bytes(b"half a header")
    connect(tmp_path / "a.db").close()
    assert [file.name for file in tmp_path.iterdir()] == ["a.db"]


def test_a_reader_sees_what_is_committed_and_cannot_write(tmp_path):
    writer = connect(tmp_path / "a b?.db")
    writer.execute("CREATE TABLE t (n)")
    reader = connect(tmp_path / "a b?.db", read_only=True)
    writer.execute("INSERT INTO t VALUES (1)")
    assert reader.execute("SELECT n FROM t").fetchall() == [(1,)]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (2)")
    reader.close()
    writer.close()


def test_a_reader_of_a_missing_file_is_told(tmp_path):
    with pytest.raises(DatabaseUnavailable, match="check that its folder exists"):
        connect(tmp_path / "none.db", read_only=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DatabaseUnavailable, match="belongs to you"):
        connect(tmp_path / "a.db")


@pytest.mark.parametrize(
    ("code", "meant", "remedy"),
    [
        pytest.param(sqlite3.SQLITE_FULL, DatabaseFull, "free space", id="a full disk"),
        pytest.param(sqlite3.SQLITE_CORRUPT, DatabaseCorrupt, "backup", id="a damaged page"),
        pytest.param(sqlite3.SQLITE_NOTADB, DatabaseCorrupt, "backup", id="not a database"),
        pytest.param(sqlite3.SQLITE_BUSY, DatabaseLocked, "stop that one", id="another writer"),
        pytest.param(
            sqlite3.SQLITE_READONLY_DIRECTORY, DatabaseUnavailable, "writable", id="a read-only folder"
        ),
        pytest.param(sqlite3.SQLITE_IOERR_WRITE, DatabaseUnavailable, "healthy", id="a failing disk"),
    ],
)
def test_each_failure_names_the_file_and_the_remedy(code, meant, remedy):
    error = sqlite3.OperationalError("told by SQLite")
    error.sqlite_errorcode = code
    translation = translate(error, "/somewhere/a.db")
    assert type(translation) is meant
    assert "/somewhere/a.db" in str(translation)
    assert remedy in str(translation)


def test_a_mistake_in_sql_stays_what_it_is(tmp_path):
    connection = connect(tmp_path / "a.db")
    with pytest.raises(sqlite3.OperationalError, match="no such table"), translated("a.db"):
        connection.execute("SELECT * FROM none")
    connection.close()
