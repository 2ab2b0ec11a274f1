from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from seaway.base.sqlite import DatabaseFull, SqliteBackend
from seaway.base.writer import OneWriter, WriterClosed


@pytest.fixture
async def writer(tmp_path):
    writer = OneWriter(
        SqliteBackend(tmp_path / "a.db", "CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE, text TEXT)")
    )
    await writer.open()
    yield writer
    await writer.close()


def insert(number: int, text: str = ""):
    return lambda file: file.execute("INSERT INTO t VALUES (?, ?)", (number, text)).lastrowid


def count(file: sqlite3.Connection) -> int:
    return file.execute("SELECT count(*) FROM t").fetchone()[0]


async def statements(writer) -> list[str]:
    seen: list[str] = []
    await writer.write(lambda file: file.set_trace_callback(seen.append))
    seen.clear()
    return seen


async def test_what_is_queued_together_shares_one_commit(writer):
    seen = await statements(writer)
    assert await asyncio.gather(*[writer.write(insert(n)) for n in range(30)]) == list(range(1, 31))
    assert seen.count("COMMIT") == 1


async def test_what_comes_during_a_commit_shares_the_next(writer):
    seen = await statements(writer)
    reached, go = threading.Event(), threading.Event()

    def slow(file):
        reached.set()
        assert go.wait(60)

    first = asyncio.create_task(writer.write(slow))
    await asyncio.to_thread(reached.wait, 10)
    others = []
    for n in range(10):
        others.append(asyncio.create_task(writer.write(insert(n))))
        await asyncio.sleep(0)
    go.set()
    await asyncio.gather(first, *others)
    assert seen.count("COMMIT") == 2


async def test_one_that_fails_undoes_only_itself(writer):
    def half(file):
        insert(2)(file)
        raise ValueError("no")

    results = await asyncio.gather(
        writer.write(insert(1)),
        writer.write(half),
        writer.write(insert(1)),
        writer.write(insert(3)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [int, ValueError, sqlite3.IntegrityError, int]
    assert await writer.write(count) == 2


async def test_one_alone_that_fails_leaves_nothing(writer):
    def half(file):
        insert(2)(file)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await writer.write(half)
    assert await writer.write(count) == 0


async def test_a_full_disk_fails_all_of_the_transaction_and_nothing_is_half_done(writer):
    await writer.write(lambda file: file.execute("PRAGMA max_page_count = 8").fetchone())
    results = await asyncio.gather(
        *[writer.write(insert(n, "x" * 2000)) for n in range(40)], return_exceptions=True
    )
    assert {type(result) for result in results} == {DatabaseFull}
    assert "free space" in str(results[0])
    assert await writer.write(count) == 0
    await writer.write(lambda file: file.execute("PRAGMA max_page_count = 8000").fetchone())
    await writer.write(insert(1))
    assert await writer.write(count) == 1


async def test_a_cancelled_caller_does_not_disturb_the_others(writer):
    given_up = asyncio.create_task(writer.write(insert(1)))
    other = asyncio.create_task(writer.write(insert(2)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await other == 2
    assert await writer.write(count) == 2, "a write that was given is done"


async def test_closing_finishes_what_is_queued(tmp_path):
    backend = SqliteBackend(tmp_path / "b.db", "CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE, text TEXT)")
    writer = OneWriter(backend)
    await writer.open()
    queued = [writer.submit(insert(n)) for n in range(5)]
    await writer.close()
    assert all(future.done() for future in queued)
    with pytest.raises(WriterClosed):
        await writer.write(insert(9))
    again = OneWriter(backend)
    await again.open()
    assert await again.write(count) == 5
    await again.close()


async def test_a_patient_write_shares_the_commit_of_the_next_that_is_not(tmp_path):
    backend = SqliteBackend(tmp_path / "d.db", "CREATE TABLE t (n INTEGER UNIQUE, text TEXT)")
    writer = OneWriter(backend, patience=3600)
    await writer.open()
    seen = await statements(writer)
    patient = [writer.submit(insert(n), patient=True) for n in range(3)]
    await asyncio.sleep(0)
    assert seen == []
    assert await writer.write(count) == 3, "writes keep their order"
    assert [future.result() for future in patient] == [1, 2, 3]
    assert seen.count("COMMIT") == 1
    last = writer.submit(insert(9), patient=True)
    await writer.close()
    assert last.done(), "closing waits for nobody else"


async def test_a_patient_write_is_not_forgotten(writer):
    assert await writer.submit(insert(1), patient=True) == 1


async def test_an_error_while_opening_is_raised_by_open(tmp_path):
    (tmp_path / "c.db").write_bytes(b"nonsense" * 4096)
    writer = OneWriter(SqliteBackend(tmp_path / "c.db"))
    with pytest.raises(Exception, match="is damaged"):
        await writer.open()
    await writer.close()


async def test_one_whose_start_is_given_up_closes_what_it_opens(tmp_path):
    go, closed = threading.Event(), threading.Event()

    class Slow(SqliteBackend):
        def open(self):
            assert go.wait(60)
            return super().open()

        def close(self, connection):
            super().close(connection)
            closed.set()

    writer = OneWriter(Slow(tmp_path / "e.db", "CREATE TABLE t (n INTEGER)"))
    starting = asyncio.create_task(writer.open())
    await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    with pytest.raises(WriterClosed):
        writer.submit(count)
    go.set()
    assert await asyncio.to_thread(closed.wait, 60)
