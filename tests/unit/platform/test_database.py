"""The platform's database, SQLite and PostgreSQL: queries, migrations, damage, power cuts."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from seaway.base.messages import spoken_in
from seaway.base.sqlite import DatabaseCorrupt
from seaway.model.run import Phase
from seaway.platform.database import attempts, outputs, revisions, runs, tasks, usage, workspaces
from seaway.platform.database.database import open_database
from seaway.platform.database.location import Location, locate
from seaway.platform.database.migrate import DatabaseTooNew, bring_up, current_version, upgrade
from seaway.platform.database.records import (
    AttemptRecord,
    EventRecord,
    OutputRecord,
    RevisionRecord,
    RunRecord,
    TaskRecord,
    WorkspaceRecord,
)
from seaway.platform.database.tables import METADATA, SCHEMA_VERSION, TASKS
from seaway.platform.database.usage import BYTES, FILES, Crossing
from seaway.platform.diagnosis import waits
from tests.languages import Marked
from tests.waiting import until

RUN = RunRecord(0, "u1", "first", "ada", "ns", Phase.QUEUED, "", "python x", 1.0)


def add_run(connection, name: str = "first", phase: Phase = Phase.QUEUED) -> RunRecord:
    run = runs.add(connection, replace(RUN, name=name, uid=f"uid-{name}", phase=phase), {"tasks": []})
    tasks.add(connection, [TaskRecord(run.id, "main", 0)])
    return run


@pytest.fixture
def location(database_setting, tmp_path) -> Location:
    return locate(database_setting, tmp_path / "d")


@pytest.fixture
async def database(location):
    async with open_database(location) as opened:
        yield opened


@pytest.fixture
async def file_database(tmp_path):
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
    changed = replace(first, phase=Phase.FAILED, boot_id="b", created_monotonic=0.25, started_monotonic=1.5)
    await database.write(lambda c: (attempts.save(c, [changed]), attempts.add(c, [second])))
    assert await database.read(lambda c: attempts.newest_of_run(c, run.id)) == [second]
    assert await database.read(lambda c: attempts.of_run(c, run.id)) == [changed, second]
    with pytest.raises(IntegrityError):
        await database.write(lambda c: attempts.add(c, [second]))


async def test_what_a_task_says_comes_back_with_what_it_was_made_from(database) -> None:
    run = await database.write(add_run)
    said = TaskRecord(run.id, "main", 0, message=waits.lock_held("data", "one", "main", 1.0))
    for message, words, other in (
        (said.message, True, "<waits for the lock 'data', which <run 'one'> has held since 1970-01-01T00:00:01Z>"),
        ("as an earlier release wrote it", False, "as an earlier release wrote it"),
    ):  # fmt: skip
        task = replace(said, message=message)
        await database.write(lambda c, task=task: tasks.save(c, [task]))
        read = await database.read(lambda c: tasks.of_run(c, run.id))
        assert read == [task]
        assert spoken_in(read[0].message, Marked()) == other
        stored = await database.read(
            lambda c: c.execute(select(TASKS.c.message, TASKS.c.words.is_not(None))).one()
        )
        assert tuple(stored) == (message, words)


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


async def test_text_that_a_program_may_have_printed_is_kept(database) -> None:
    run = await database.write(add_run)
    odd = "\u0007 \x1b[31m \U0001f6a2 'quoted\" \\ %s :name"
    changed = replace(run, message=odd, verdict={"evidence": [odd, "\x00"]})
    await database.write(lambda c: runs.save(c, changed))
    assert await database.read(lambda c: runs.by_name(c, "first")) == changed


async def test_limits_of_workspaces_go_with_them(database) -> None:
    made = WorkspaceRecord("vision", "key", "ada", 1.0)
    await database.write(lambda c: workspaces.add(c, made))
    for name, measure, most in (
        ("vision", BYTES, 1 << 40), ("seaway-default", BYTES, 0), ("vision", FILES, 5000), ("vision", BYTES, 1 << 41),
        ("other", BYTES, None),
    ):  # fmt: skip
        await database.write(partial(workspaces.set_limit, name=name, measure=measure, most=most))
    assert await database.read(workspaces.limits) == {
        ("vision", BYTES): 1 << 41, ("vision", FILES): 5000, ("seaway-default", BYTES): 0
    }  # fmt: skip
    await database.write(lambda c: workspaces.remove(c, "vision", "another one's"))
    assert ("vision", FILES) in await database.read(workspaces.limits)
    await database.write(lambda c: workspaces.remove(c, "vision", "key"))
    assert await database.read(workspaces.limits) == {("seaway-default", BYTES): 0}


async def test_a_workspace_concerns_its_owner_and_whose_runs_are_in_it(database) -> None:
    await database.write(lambda c: workspaces.add(c, WorkspaceRecord("ns", "key", "eve", 1.0)))
    await database.write(add_run)
    assert await database.read(lambda c: workspaces.concerned(c, "ns")) == ["ada", "eve"]
    assert await database.read(lambda c: workspaces.concerned(c, "elsewhere")) == []


async def test_who_was_warned_of_a_users_room_and_of_a_workspaces_is_told_apart(database) -> None:
    user, space = Crossing("user", "ada", 80), Crossing("workspace", "ada", 80)
    files = Crossing("user", "ada", 80, FILES)
    await database.write(lambda c: usage.change_crossings(c, {user: 1.0, space: 2.0, files: 3.0}, ()))
    await database.write(lambda c: usage.change_crossings(c, {}, [user]))
    assert await database.read(usage.crossings) == {space: 2.0, files: 3.0}


async def test_a_reader_sees_one_state_while_others_write(database) -> None:
    written = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look_twice(connection):
        before = len(runs.live(connection))
        asyncio.run_coroutine_threadsafe(write(), loop).result(30)
        return before, len(runs.live(connection))

    async def write() -> None:
        await database.write(add_run)
        written.set()

    assert await database.read(look_twice) == (0, 0)
    assert written.is_set()
    assert len(await database.read(runs.live)) == 1


async def test_readers_cannot_write(database) -> None:
    with pytest.raises(Exception, match=r"readonly|only reads"):
        await database.read(add_run)


async def test_a_write_that_was_acknowledged_is_there_after_the_next_start(location) -> None:
    async with open_database(location) as first:
        await first.write(add_run)
    async with open_database(location) as second:
        assert [run.name for run in await second.read(runs.live)] == ["first"]


async def test_values_are_in_no_error(database) -> None:
    run = replace(RUN, name="x" * 10, phase=Phase.QUEUED)

    def twice(connection):
        runs.add(connection, replace(run, uid="a"), {"env": {"KEY": "a secret value"}})
        runs.add(connection, replace(run, uid="b"), {"env": {"KEY": "a secret value"}})

    with pytest.raises(IntegrityError) as caught:
        await database.write(twice)
    assert "a secret value" not in str(caught.value)


async def test_nobody_else_may_read_the_file(file_database, tmp_path) -> None:
    await file_database.write(add_run)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "d").iterdir()}
    assert set(modes.values()) == {0o600}
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o700


def schema_of(engine) -> dict[str, object]:
    found = inspect(engine)
    shape = {
        table: (
            sorted(
                (c["name"], str(c["type"]), c["nullable"], c["default"] is None)
                for c in found.get_columns(table)
            ),
            found.get_pk_constraint(table)["constrained_columns"],
            sorted((i["name"], tuple(i["column_names"]), rows_of(i)) for i in found.get_indexes(table)),
            sorted(tuple(u["column_names"]) for u in found.get_unique_constraints(table)),
            sorted(tuple(f["constrained_columns"]) for f in found.get_foreign_keys(table)),
        )
        for table in METADATA.tables
    }
    engine.dispose()
    return shape


def rows_of(index) -> str:
    """Which rows an index holds, "" for all; brackets and quotes do not matter."""
    said = [rows for option, rows in index.get("dialect_options", {}).items() if option.endswith("_where")]
    return " ".join(str(rows) for rows in said).translate(dict.fromkeys(map(ord, '()"')))


@pytest.fixture(params=["sqlite", "postgresql"])
def two_empty(request, tmp_path) -> list[str]:
    """The URLs of two databases without a table."""
    if request.param == "sqlite":
        return [f"sqlite:///{tmp_path / name}.db" for name in ("made", "migrated")]
    postgres = request.getfixturevalue("postgres")
    return [postgres.create_database(f"empty-{uuid.uuid4().hex[:12]}") for _ in range(2)]


def test_migrations_lead_to_the_same_schema_as_the_tables(two_empty) -> None:
    made, migrated = (create_engine(url) for url in two_empty)
    with made.begin() as connection:
        bring_up(connection, "made")
    with migrated.begin() as connection:
        upgrade(connection, SCHEMA_VERSION)
        assert current_version(connection) == SCHEMA_VERSION
    assert schema_of(made) == schema_of(migrated)


async def test_a_newer_releases_database_is_left_alone(location) -> None:
    async with open_database(location) as opened:
        await opened.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(DatabaseTooNew, match="newer Seaway"):
        async with open_database(location):
            pass


async def test_an_older_releases_database_is_upgraded(two_empty, tmp_path) -> None:
    url = two_empty[0]
    engine = create_engine(url)
    with engine.begin() as connection:
        upgrade(connection, "0001")
        upgrade(connection, "0014")
        connection.execute(text("INSERT INTO usage_warnings VALUES ('ada', 80, 1.5)"))
        upgrade(connection, "0018")
        connection.execute(text("INSERT INTO workspace_limits VALUES ('vision', 4096)"))
    engine.dispose()
    place = locate(url, tmp_path) if url.startswith("postgresql") else tmp_path / "made.db"
    async with open_database(place) as opened:
        assert await opened.read(current_version) == SCHEMA_VERSION
        assert await opened.read(usage.crossings) == {Crossing("user", "ada", 80): 1.5}
        assert await opened.read(workspaces.limits) == {("vision", BYTES): 4096}
        await opened.write(add_run)


async def test_a_damaged_file_is_named_with_the_remedy(tmp_path) -> None:
    path = tmp_path / "seaway.db"
    path.write_bytes(b"this is no database, but long enough to be looked at" * 100)
    with pytest.raises(DatabaseCorrupt, match=r"seaway\.db.*backup"):
        async with open_database(path):
            pass


async def test_a_copy_taken_at_any_instant_opens_with_every_acknowledged_write(
    file_database, tmp_path
) -> None:
    """What a power cut leaves is such a copy: the files as they were, some mid-write."""
    acknowledged: list[str] = []

    async def write(number: int) -> None:
        name = f"run-{number}"
        await file_database.write(lambda c: add_run(c, name))
        acknowledged.append(name)

    copies = []
    for burst in range(5):
        writes = [asyncio.create_task(write(burst * 20 + n)) for n in range(20)]
        await asyncio.wait(writes, return_when=asyncio.FIRST_COMPLETED)
        known, copy = list(acknowledged), tmp_path / f"copy{burst}"
        await asyncio.to_thread(shutil.copytree, tmp_path / "d", copy, ignore=shutil.ignore_patterns("*-shm"))
        copies.append((known, copy))
        await asyncio.gather(*writes)
    for known, copy in copies:
        async with open_database(copy / "seaway.db") as opened:
            names = {run.name for run in await opened.read(runs.live)}
            counted = await opened.read(lambda c: [len(tasks.of_run(c, run.id)) for run in runs.live(c)])
        assert set(known) <= names
        assert set(counted) <= {1}


@pytest.mark.parametrize("cancelled", [1, 2, 3])
async def test_its_writer_ends_though_its_end_is_given_up(location, cancelled: int) -> None:
    inside, writer = asyncio.Event(), []

    async def use() -> None:
        async with open_database(location) as opened:
            writer.append(opened._writer)
            inside.set()
            await asyncio.Event().wait()

    using = asyncio.create_task(use())
    await inside.wait()
    for _ in range(cancelled):
        using.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(using, return_exceptions=True)
    await until(lambda: not writer[0]._thread.is_alive(), "the writer's thread has ended")
