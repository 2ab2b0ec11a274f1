"""The platform's database on a real file: queries, migrations, damage, power cuts."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from seaway.base.sqlite import DatabaseCorrupt
from seaway.model.run import Phase
from seaway.platform.database import attempts, outputs, revisions, runs, tasks
from seaway.platform.database.database import open_database
from seaway.platform.database.migrate import DatabaseTooNew, migrate, upgrade
from seaway.platform.database.records import (
    AttemptRecord,
    EventRecord,
    OutputRecord,
    RevisionRecord,
    RunRecord,
    TaskRecord,
)
from seaway.platform.database.tables import METADATA, SCHEMA_VERSION

RUN = RunRecord(0, "u1", "first", "ada", "ns", Phase.QUEUED, "", "python x", 1.0)


def add_run(connection, name: str = "first", phase: Phase = Phase.QUEUED) -> RunRecord:
    run = runs.add(connection, replace(RUN, name=name, uid=f"uid-{name}", phase=phase), {"tasks": []})
    tasks.add(connection, [TaskRecord(run.id, "main", 0)])
    return run


@pytest.fixture
async def database(tmp_path):
    async with open_database(tmp_path / "d" / "seaway.db") as opened:
        yield opened


async def test_a_run_comes_back_as_it_was_written(database) -> None:
    run = await database.write(add_run)
    changed = replace(run, phase=Phase.FAILED, verdict={"cause": "X"}, exit_code=3, finished=2.5)
    await database.write(lambda c: runs.save(c, changed))
    assert await database.read(lambda c: runs.by_name(c, "first")) == changed


async def test_a_name_is_taken_once_and_the_others_of_the_transaction_stay(database) -> None:
    results = await asyncio.gather(
        database.write(add_run),
        database.write(add_run),
        database.write(lambda c: add_run(c, "second")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [RunRecord, IntegrityError, RunRecord]
    assert [run.name for run in await database.read(runs.live)] == ["first", "second"]


async def test_pages_go_backwards_from_a_name(database) -> None:
    for name, phase in (("a", Phase.FAILED), ("b", Phase.RUNNING), ("c", Phase.SUCCEEDED)):
        await database.write(lambda c, name=name, phase=phase: add_run(c, name, phase))

    async def page(**options) -> list[str]:
        found = await database.read(
            lambda c: runs.page(c, **{"ended": True, "limit": 9, "before": None} | options)
        )
        return [run.name for run in found]

    assert await page() == ["c", "b", "a"]
    assert await page(limit=1, before="c") == ["b"]
    assert await page(ended=False) == ["b"]


async def test_attempts_are_added_once_saved_often_and_the_newest_is_known(database) -> None:
    run = await database.write(add_run)
    first = AttemptRecord(run.id, "main", 1, 1, "p-1", Phase.STARTING, 1.0)
    second = replace(first, number=2, fence=2, pod="p-2")
    await database.write(lambda c: attempts.add(c, [first]))
    await database.write(
        lambda c: (attempts.save(c, [replace(first, phase=Phase.FAILED)]), attempts.add(c, [second]))
    )
    assert await database.read(lambda c: attempts.newest_of_run(c, run.id)) == [second]
    assert len(await database.read(lambda c: attempts.of_run(c, run.id))) == 2
    with pytest.raises(IntegrityError):
        await database.write(lambda c: attempts.add(c, [second]))


async def test_outputs_of_a_later_commit_replace_the_earlier(database) -> None:
    run = await database.write(add_run)
    for path in ("old", "new"):
        record = OutputRecord("main", path, 1, "0" * 64, 1.0)
        await database.write(lambda c, record=record: outputs.replace(c, run.id, "main", [record]))
    assert [output.path for output in await database.read(lambda c: outputs.of_run(c, run.id))] == ["new"]


async def test_events_keep_their_newest_revision(database) -> None:
    for count in (1, 2):
        event = EventRecord("e", "pod", float(count), {"count": count})
        await database.write(lambda c, event=event: revisions.save_events(c, [event]))
    pod = RevisionRecord("Pod", "p", "pod", "u1", 1.0, False, {"metadata": {}})
    await database.write(lambda c: revisions.add(c, [pod]))
    assert [e.object["count"] for e in await database.read(lambda c: revisions.events_about(c, "pod"))] == [2]
    assert await database.read(lambda c: revisions.newest(c, "Pod", "p")) == pod


async def test_nobody_else_may_read_the_file(database) -> None:
    await database.write(add_run)
    modes = {path.name: path.stat().st_mode & 0o777 for path in database.path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert database.path.parent.stat().st_mode & 0o777 == 0o700


def schema_of(path) -> dict[str, object]:
    engine = create_engine(f"sqlite:///{path}")
    found = inspect(engine)
    shape = {
        table: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in found.get_columns(table)
            ),
            sorted((i["name"], tuple(i["column_names"])) for i in found.get_indexes(table)),
        )
        for table in METADATA.tables
    }
    engine.dispose()
    return shape


def test_migrations_lead_to_the_same_schema_as_the_tables(tmp_path) -> None:
    migrate(tmp_path / "made.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.begin() as connection:
        upgrade(connection, SCHEMA_VERSION)
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == SCHEMA_VERSION
    engine.dispose()
    assert schema_of(tmp_path / "made.db") == schema_of(tmp_path / "migrated.db")


def test_a_newer_releases_file_is_left_alone(tmp_path) -> None:
    path = tmp_path / "seaway.db"
    migrate(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(DatabaseTooNew, match="newer Seaway"):
        migrate(path)


def test_a_damaged_file_is_named_with_the_remedy(tmp_path) -> None:
    path = tmp_path / "seaway.db"
    path.write_bytes(b"this is no database, but long enough to be looked at" * 100)
    with pytest.raises(DatabaseCorrupt, match=r"seaway\.db.*backup"):
        migrate(path)


async def test_a_copy_taken_at_any_instant_opens_with_every_acknowledged_write(database, tmp_path) -> None:
    """What a power cut leaves is such a copy: the files as they were, some mid-write."""
    acknowledged: list[str] = []

    async def write(number: int) -> None:
        name = f"run-{number}"
        await database.write(lambda c: add_run(c, name))
        acknowledged.append(name)

    copies = []
    for burst in range(5):
        writes = [asyncio.create_task(write(burst * 20 + n)) for n in range(20)]
        await asyncio.wait(writes, return_when=asyncio.FIRST_COMPLETED)
        known, copy = list(acknowledged), tmp_path / f"copy{burst}"
        await asyncio.to_thread(
            shutil.copytree, database.path.parent, copy, ignore=shutil.ignore_patterns("*-shm")
        )
        copies.append((known, copy))
        await asyncio.gather(*writes)
    for known, copy in copies:
        async with open_database(copy / "seaway.db") as opened:
            names = {run.name for run in await opened.read(runs.live)}
            counted = await opened.read(lambda c: [len(tasks.of_run(c, run.id)) for run in runs.live(c)])
        assert set(known) <= names
        assert set(counted) <= {1}
