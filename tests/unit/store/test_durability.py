"""What was acknowledged is there after a power cut, a kill and a full disk; nothing is there by half."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from seaway.base.sqlite import DatabaseCorrupt, DatabaseUnavailable
from seaway.controlplane.store.log import StoreUnavailable
from seaway.controlplane.store.settings import StoreSettings
from seaway.controlplane.store.sqlite import SqliteStore

WRITER = """
import asyncio, os, sys
from pathlib import Path
from seaway.controlplane.store.settings import StoreSettings
from seaway.controlplane.store.sqlite import SqliteStore

async def work(store, worker, acknowledged):
    number = 0
    while True:
        key = f"/r/{worker}/{number % 40}"
        encode = lambda revision: b'{"revision":%d,"filling":"%s"}' % (revision, b"x" * 3000)
        live = store.get(key)
        if live is None:
            record = await store.create(key, encode)
        elif number % 7 == 0:
            record = await store.delete(key, encode, live.revision)
        else:
            record = await store.update(key, encode, live.revision)
        os.write(acknowledged, f"{record.revision} {key}\\n".encode())
        number += 1

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]), StoreSettings(kept_revisions=1000))
    acknowledged = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    await asyncio.gather(*[work(store, worker, acknowledged) for worker in range(8)])

asyncio.run(main())
"""


@pytest.fixture
def writer(tmp_path):
    """A process that writes to a store as fast as it can and notes what was acknowledged."""
    command = [sys.executable, "-c", WRITER, tmp_path / "store.db", tmp_path / "acknowledged"]
    process = subprocess.Popen(command)
    while not (tmp_path / "acknowledged").exists():
        assert process.poll() is None, "the writer ended early"
        time.sleep(0.005)
    yield process
    process.kill()
    process.wait()


def acknowledged(tmp_path) -> dict[int, str]:
    lines = (tmp_path / "acknowledged").read_text().splitlines()
    return {int(revision): key for revision, key in (line.split() for line in lines)}


def check_whole(path, expected: dict[int, str]) -> None:
    """Open a store's file as after a crash: every acknowledged revision is a whole row, and the live state follows."""

    async def look() -> None:
        store = await SqliteStore.open(path)
        try:
            assert store.revision >= max(expected)
            for record in store.list("/").records:
                assert record.object["revision"] == record.revision
                assert len(record.object["filling"]) == 3000
            newest: dict[str, int] = {}
            for revision, key in expected.items():
                newest[key] = max(newest.get(key, 0), revision)
            for key, revision in newest.items():
                live = store.get(key)
                assert live is None or live.revision >= revision
        finally:
            await store.close()

    asyncio.run(look())
    with sqlite3.connect(path) as file:
        rows = dict(file.execute("SELECT revision, key FROM log"))
        (compacted,) = file.execute("SELECT revision FROM progress WHERE name = 'compacted'").fetchone()
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
    kept = {revision: key for revision, key in expected.items() if revision > compacted}
    assert {revision: rows.get(revision) for revision in kept} == kept


def test_a_power_cut_loses_nothing_acknowledged(writer, tmp_path):
    """The writer is frozen at random moments and its files copied: what a power cut would leave behind."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    for number in range(20):
        time.sleep(chance.uniform(0.001, 0.06))
        os.kill(writer.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, writer.pid, os.WSTOPPED)
        expected = acknowledged(tmp_path)
        copy = tmp_path / f"copy-{number}"
        copy.mkdir()
        for name in ("store.db", "store.db-wal"):
            shutil.copy(tmp_path / name, copy / name)
        os.kill(writer.pid, signal.SIGCONT)
        if expected:
            check_whole(copy / "store.db", expected)
        shutil.rmtree(copy)


def test_a_kill_loses_nothing_acknowledged(writer, tmp_path):
    while not acknowledged(tmp_path):
        time.sleep(0.01)
    time.sleep(random.uniform(0.05, 0.3))
    writer.kill()
    writer.wait()
    check_whole(tmp_path / "store.db", acknowledged(tmp_path))


def large(revision: int) -> bytes:
    return b'{"revision":%d,"filling":"%s"}' % (revision, b"x" * 3000)


async def limit_pages(store: SqliteStore, pages: int) -> None:
    await store._writer.write(lambda file: file.execute(f"PRAGMA max_page_count = {pages}").fetchone())


async def test_a_full_disk_refuses_writes_keeps_everything_and_recovers(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.db")
    await store.create("/r/first", large)
    watcher = store.watch("/", after=1)
    await limit_pages(store, 200)
    results = await asyncio.gather(
        *[store.create(f"/r/{n}", large) for n in range(100)], return_exceptions=True
    )
    assert not any(isinstance(result, BaseException) for result in results)
    results = await asyncio.gather(
        *[store.create(f"/s/{n}", large) for n in range(100)], return_exceptions=True
    )
    assert all(isinstance(result, StoreUnavailable) for result in results)
    assert "free space" in str(results[0])
    assert store.revision == 101
    assert store.count("/s/") == 0
    with pytest.raises(StoreUnavailable):
        await asyncio.gather(
            *[store.update(f"/r/{n}", large, store.get(f"/r/{n}").revision) for n in range(100)]
        )
    assert store.get("/r/5").revision <= 101, "a refused update leaves the value before it"
    await limit_pages(store, 100_000)
    record = await store.create("/s/1", large)
    assert store.get("/s/1") == record
    changes = []
    while len(changes) < 101:
        changes += await watcher.next_batch()
    assert [change.record.key for change in changes] == [*(f"/r/{n}" for n in range(100)), "/s/1"]
    before = list(store.list("/").records)
    await store.close()
    store = await SqliteStore.open(tmp_path / "store.db")
    assert list(store.list("/").records) == before
    assert store.revision == record.revision
    await store.close()


FULL = """
import asyncio, resource, sys
from pathlib import Path
from seaway.controlplane.store.log import StoreUnavailable
from seaway.controlplane.store.sqlite import SqliteStore

async def main():
    store = await SqliteStore.open(Path(sys.argv[1]))
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    count = 0
    try:
        while True:
            await store.create(f"/r/{count}", lambda revision: b'{"filling":"%s"}' % (b"x" * 3000))
            count += 1
    except StoreUnavailable as error:
        assert "store.db" in str(error), error
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await store.create("/r/after", lambda revision: b"{}")
    await store.close()
    store = await SqliteStore.open(Path(sys.argv[1]))
    assert store.count("/r/") == count + 1, (store.count("/r/"), count)
    await store.close()
    print(count)

asyncio.run(main())
"""


def test_a_refusal_by_the_operating_system_loses_nothing_and_recovers(tmp_path):
    command = [sys.executable, "-c", FULL, tmp_path / "store.db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 10


async def test_a_damaged_file_is_named_with_the_remedy(tmp_path):
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(DatabaseCorrupt, match=r"store\.db is damaged.*backup"):
        await SqliteStore.open(path)


async def test_a_file_damaged_in_the_middle_is_found_when_it_is_opened(tmp_path):
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    await asyncio.gather(*[store.create(f"/r/{n}", large) for n in range(100)])
    await store.close()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096 * 20))
    with pytest.raises(DatabaseCorrupt, match=r"store\.db is damaged"):
        await SqliteStore.open(path)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnavailable, match="folder belongs to you"):
        await SqliteStore.open(tmp_path / "file" / "store.db")


async def test_only_the_owner_can_read_the_files(tmp_path):
    path = tmp_path / "cluster" / "store.db"
    store = await SqliteStore.open(path)
    await store.create("/r/a", large)
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}
    assert path.parent.stat().st_mode & 0o777 == 0o700
    await store.close()


async def test_a_second_writer_of_the_file_cannot_replace_the_same_value(tmp_path):
    path = tmp_path / "store.db"
    one, two = await SqliteStore.open(path), await SqliteStore.open(path)
    await one.create("/r/a", large)
    with pytest.raises(StoreUnavailable, match="another process"):
        await two.create("/r/a", large)
    await one.close()
    await two.close()


async def test_it_compacts_by_itself_and_keeps_a_window(tmp_path):
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path, StoreSettings(kept_revisions=50))
    record = await store.create("/r/a", large)
    for _ in range(300):
        record = await store.update("/r/a", large, record.revision)
    await store.close()
    assert store.compacted >= 150
    with sqlite3.connect(path) as file:
        (rows,) = file.execute("SELECT count(*) FROM log").fetchone()
    file.close()
    assert rows <= 151
    store = await SqliteStore.open(path)
    assert (store.get("/r/a"), store.revision) == (record, 301)
    await store.close()


async def test_revisions_go_on_rising_after_everything_was_deleted_and_compacted(tmp_path):
    path = tmp_path / "store.db"
    store = await SqliteStore.open(path)
    await store.create("/r/a", large)
    await store.delete("/r/a", large, 1)
    await store.compact(2)
    await store.close()
    store = await SqliteStore.open(path)
    assert store.revision == 2
    assert (await store.create("/r/a", large)).revision == 3
    await store.close()


async def test_writes_of_one_turn_share_one_commit(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.db")
    commits = []
    await store._writer.write(
        lambda file: file.set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    )
    commits.clear()
    await asyncio.gather(*[store.create(f"/r/{n}", large) for n in range(50)])
    assert len(commits) == 1
    await store.close()


async def test_a_caller_that_gives_up_does_not_block_its_key(tmp_path):
    store = await SqliteStore.open(tmp_path / "store.db")
    task = asyncio.create_task(store.create("/r/a", large))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    record = await store.update("/r/a", large, 1)
    assert record.revision == 2
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.create("/r/b", large)
