"""PostgreSQL: what its errors mean, a connection that breaks at any moment, and that one server writes at a time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from seaway.base.sqlite import DatabaseError, DatabaseFull, DatabaseUnavailable
from seaway.model.run import Phase
from seaway.platform.database import runs
from seaway.platform.database.database import open_database
from seaway.platform.database.location import InvalidDatabaseUrl, PostgresLocation, SqliteLocation, locate
from seaway.platform.database.postgres_driver import PostgresSettings
from seaway.platform.database.postgres_errors import DatabaseRefused, DatabaseTaken, is_lost, meaning
from seaway.platform.database.probe import Probe
from seaway.platform.database.records import RunRecord
from tools.forwarder import Forwarder
from tools.postgresql import PASSWORD, TLS_USER, USER, PostgresServer

SETTINGS = PostgresSettings(patience=20, beat_seconds=0.1)
RUN = RunRecord(0, "u1", "first", "ada", "ns", Phase.QUEUED, "", "python x", 1.0)


def add(name: str):
    return lambda connection: runs.add(connection, replace(RUN, name=name, uid=name), {"tasks": []})


def names(connection) -> list[str]:
    return [run.name for run in runs.live(connection)]


@pytest.fixture
def location(postgres_url) -> PostgresLocation:
    found = locate(postgres_url, Path())
    assert isinstance(found, PostgresLocation)
    return found


@pytest.fixture
def forwarder(postgres) -> Iterator[Forwarder]:
    made = Forwarder(("127.0.0.1", postgres.port))
    yield made
    made.close()


def through(forwarder: Forwarder, location: PostgresLocation) -> PostgresLocation:
    return replace(location, url=location.url.set(port=forwarder.port))


# where the database is


@pytest.mark.parametrize(
    ("setting", "title"),
    [
        ("postgresql+psycopg://ada:secret@db.example.com:5433/seaway", "'seaway' at db.example.com:5433"),
        ("postgresql://ada:secret@db.example.com/seaway?sslmode=require", "'seaway' at db.example.com"),
        ("postgres:///seaway?host=/run/postgresql", "'seaway' at /run/postgresql"),
    ],
)
def test_what_messages_call_a_database(setting: str, title: str) -> None:
    found = locate(setting, Path("/srv"))
    assert found.title == f"the PostgreSQL database {title}"
    assert "secret" not in repr(found)


def test_without_a_setting_it_is_a_file_of_the_home() -> None:
    assert locate("", Path("/srv")) == SqliteLocation(Path("/srv/seaway.db"))


@pytest.mark.parametrize(
    "setting",
    [
        "no url",
        "mysql://ada:secret@host/seaway",
        "postgresql://ada:secret@host",
        "postgresql://ada:secret@host:x/db",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(setting: str) -> None:
    with pytest.raises(InvalidDatabaseUrl, match="give postgresql") as caught:
        locate(setting, Path("/srv"))
    assert "secret" not in str(caught.value)


# what errors mean


@pytest.mark.parametrize(
    ("code", "said", "kind", "remedy"),
    [
        ("53100", "could not extend file", DatabaseFull, "make room"),
        ("42501", "permission denied for schema public", DatabaseRefused, "GRANT"),
        ("28P01", "password authentication failed", DatabaseRefused, "user and password"),
        ("3D000", 'database "x" does not exist', DatabaseRefused, "createdb"),
        ("25006", "cannot execute UPDATE in a read-only transaction", DatabaseUnavailable, "primary"),
        ("57014", "canceling statement due to statement timeout", DatabaseUnavailable, "too long"),
        ("57P01", "terminating connection", DatabaseUnavailable, "check that it runs"),
        (None, 'FATAL: no pg_hba.conf entry for host "1.2.3.4", no encryption', DatabaseRefused, "sslmode=require"),
        (None, "server does not support SSL, but SSL was required", DatabaseRefused, "leave sslmode out"),
        (None, "SSL error: certificate verify failed", DatabaseRefused, "sslrootcert"),
        (None, "FATAL: sorry, too many clients already", DatabaseUnavailable, "max_connections"),
        (None, "FATAL: the database system is starting up", DatabaseUnavailable, "tried again"),
        (None, "Verbindung verweigert", DatabaseUnavailable, "cannot be reached"),
    ],
)  # fmt: skip
def test_what_postgresql_says_and_what_to_do(code, said: str, kind, remedy: str) -> None:
    error = meaning("the database", code, said)
    assert type(error) is kind
    assert remedy in str(error)
    assert said.removeprefix("FATAL: ") in str(error)


def test_a_mistake_in_sql_is_no_condition_of_the_database() -> None:
    assert meaning("the database", "42601", "syntax error") is None
    assert not is_lost("23505", connection_failed=False)
    assert is_lost("57P01", connection_failed=False)


# errors of a real server


async def error_of(location: PostgresLocation, **settings: float) -> str:
    with pytest.raises(DatabaseError) as caught:
        async with open_database(location, settings=PostgresSettings(**{"patience": 0.1, **settings})):
            pass
    assert PASSWORD not in str(caught.value)
    assert "wrong" not in str(caught.value)
    return str(caught.value)


async def test_a_wrong_password_is_refused_at_once(location) -> None:
    wrong = replace(location, url=location.url.set(password="wrong"))
    assert "refuses this user or password" in await error_of(wrong, patience=100)


async def test_a_user_and_a_database_that_are_missing_are_named(location) -> None:
    assert "createdb" in await error_of(replace(location, url=location.url.set(database="missing")))
    assert "user" in await error_of(replace(location, url=location.url.set(username="missing")))


async def test_a_host_that_is_away_or_unknown_is_named(location, forwarder) -> None:
    forwarder.cut()
    assert "cannot be reached" in await error_of(through(forwarder, location))
    unknown = replace(location, url=location.url.set(host="no-such-host.invalid"))
    assert "the host of" in await error_of(unknown)


async def test_tls_is_asked_for_where_the_server_wants_it_and_its_certificate_is_checked(
    postgres: PostgresServer, location
) -> None:
    def with_tls(mode: str, **options: str) -> PostgresLocation:
        url = location.url.set(username=TLS_USER).update_query_dict({"sslmode": mode, **options})
        return replace(location, url=url)

    assert "add ?sslmode=require" in await error_of(with_tls("disable"))
    wrong = str(Path(__file__).parents[3] / "pyproject.toml")
    assert "sslrootcert" in await error_of(with_tls("verify-full", sslrootcert=wrong))
    await Probe(with_tls("verify-full", sslrootcert=str(postgres.ca))).ask()


async def test_missing_rights_are_named_with_the_grant(postgres: PostgresServer, location) -> None:
    postgres.execute(f"ALTER SCHEMA public OWNER TO pg_database_owner; REVOKE ALL ON writer FROM {USER};"
                     f"ALTER TABLE writer OWNER TO {'seaway_admin'}", str(location.url.database))  # fmt: skip
    assert "GRANT" in await error_of(location)


async def test_a_full_disk_is_named_and_the_next_write_goes_on(postgres: PostgresServer, location) -> None:
    """The server's own error, raised by a trigger: filling a real disk would take the machine's."""
    postgres.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.name = 'big' THEN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END IF; "
        "RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON runs FOR EACH ROW EXECUTE FUNCTION full_disk()",
        str(location.url.database),
    )
    async with open_database(location, settings=SETTINGS) as database:
        with pytest.raises(DatabaseFull, match="make room"):
            await database.write(add("big"))
        await database.write(add("small"))
        assert await database.read(names) == ["small"]


async def test_a_statement_that_takes_too_long_ends(location) -> None:
    async with open_database(location, settings=replace(SETTINGS, statement_seconds=0.2)) as database:
        with pytest.raises(DatabaseUnavailable, match="too long"):
            await database.write(lambda c: c.execute(text("SELECT pg_sleep(30)")))
        await database.write(add("next"))


# connections that break


async def test_a_restart_of_the_server_costs_no_write_and_no_read(postgres: PostgresServer, location) -> None:
    async with open_database(location, settings=SETTINGS) as database:
        done: list[str] = []

        async def keep_on() -> None:
            for number in range(60):
                await database.write(add(f"run-{number}"))
                done.append(f"run-{number}")
                await database.read(names)

        busy = asyncio.create_task(keep_on())
        while len(done) < 10:
            await asyncio.sleep(0)
        postgres.restart()  # in this thread: the server ends with the one that started it
        await busy
        assert await database.read(names) == [f"run-{number}" for number in range(60)]


async def test_a_batch_whose_connection_breaks_is_made_again_and_once(
    postgres: PostgresServer, location
) -> None:
    broken = threading.Event()

    def breaking(connection) -> None:
        add("second")(connection)
        if not broken.is_set():
            broken.set()
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
            postgres.execute(f"SELECT pg_terminate_backend({pid}, 10000)")

    async with open_database(location, settings=SETTINGS) as database:
        await asyncio.gather(
            database.write(add("first")), database.write(breaking), database.write(add("third"))
        )
        assert await database.read(names) == ["first", "second", "third"]


@pytest.mark.parametrize("answered", [True, False], ids=["it was committed", "it was not"])
async def test_a_commit_whose_answer_is_lost_is_made_once(
    postgres: PostgresServer, location, answered
) -> None:
    cuts = iter([True])

    def is_commit(data: bytes) -> bool:
        return b"COMMIT" in data and armed.is_set() and next(cuts, False)

    armed = threading.Event()
    forwarder = Forwarder(("127.0.0.1", postgres.port), is_commit if answered else lambda _: False)
    try:
        plain = replace(location, url=location.url.update_query_dict({"sslmode": "disable"}))
        async with open_database(through(forwarder, plain), settings=SETTINGS) as database:
            armed.set()

            def work(connection) -> None:
                add("once")(connection)
                if not answered and next(cuts, False):
                    forwarder.break_all()

            await database.write(work)
            assert await database.read(names) == ["once"]
            assert next(cuts, None) is None
    finally:
        forwarder.close()


async def test_a_write_fails_with_the_reason_when_the_server_stays_away(location, forwarder) -> None:
    async with open_database(
        through(forwarder, location), settings=replace(SETTINGS, patience=0.3)
    ) as database:
        target = forwarder.target
        forwarder.cut()
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            await database.write(add("lost"))
        with pytest.raises(DatabaseUnavailable, match="cannot be reached"):
            await database.read(names)
        forwarder.target = target
        await database.write(add("kept"))
        assert await database.read(names) == ["kept"]


async def test_a_network_that_drops_everything_ends_what_waits(location, forwarder) -> None:
    limits = replace(SETTINGS, statement_seconds=0.3, idle_seconds=0.3, patience=0.1, connect_seconds=2)
    async with open_database(through(forwarder, location), settings=limits) as database:
        await database.read(names)
        forwarder.silence()
        with pytest.raises(DatabaseUnavailable):
            await database.write(add("lost"))
        with pytest.raises(DatabaseUnavailable):
            await database.read(names)


async def test_a_server_that_ends_waits_for_no_database(location, forwarder) -> None:
    async with open_database(
        through(forwarder, location), settings=replace(SETTINGS, patience=1000)
    ) as database:
        forwarder.cut()
        waiting = asyncio.create_task(database.write(add("lost")))
        await asyncio.sleep(0)
        database.hurry()
        with pytest.raises(DatabaseUnavailable):
            await waiting


# one server writes


async def test_a_server_whose_database_was_taken_over_cannot_write_any_more(location) -> None:
    async with open_database(location, settings=replace(SETTINGS, holder="the old one")) as old:
        await old.write(add("of the old one"))
        watching = asyncio.create_task(old.watch())
        async with open_database(location, settings=replace(SETTINGS, holder="the new one")) as new:
            await new.write(add("of the new one"))
            with pytest.raises(DatabaseTaken, match="the new one has taken"):
                await old.write(add("too late"))
            with pytest.raises(DatabaseTaken):
                await watching
            assert await new.read(names) == ["of the old one", "of the new one"]


async def test_a_server_that_only_waits_notices_that_it_was_replaced(location) -> None:
    async with open_database(location, settings=SETTINGS) as old:
        watching = asyncio.create_task(old.watch())
        async with open_database(location, settings=replace(SETTINGS, holder="the new one")):
            with pytest.raises(DatabaseTaken, match="the new one"):
                await watching


async def test_a_server_that_stopped_in_the_middle_of_a_write_is_not_waited_for(location) -> None:
    go_on, inside = threading.Event(), threading.Event()

    def stopped(connection) -> None:
        add("too late")(connection)
        inside.set()
        assert go_on.wait(60)

    async with open_database(location, settings=replace(SETTINGS, idle_seconds=60)) as old:
        writing = asyncio.create_task(old.write(stopped))
        await asyncio.to_thread(inside.wait, 60)
        began = time.monotonic()
        async with open_database(location, settings=SETTINGS) as new:
            assert time.monotonic() - began < 30
            await new.write(add("of the new one"))
            go_on.set()
            with pytest.raises(DatabaseTaken):
                await writing
            assert await new.read(names) == ["of the new one"]


async def test_a_leader_that_cannot_reach_its_database_gives_it_up(location, forwarder) -> None:
    leading = replace(SETTINGS, give_up_seconds=0.5, connect_seconds=2)
    async with open_database(through(forwarder, location), settings=leading) as database:
        watching = asyncio.create_task(database.watch())
        await database.write(add("before"))
        forwarder.silence()
        waiting = asyncio.create_task(database.write(add("never")))
        with pytest.raises(DatabaseUnavailable, match="leaves it to another one"):
            await watching
        with pytest.raises(DatabaseUnavailable, match="leaves it to another one"):
            await waiting
        with pytest.raises(DatabaseUnavailable, match="leaves it to another one"):
            await database.read(names)


async def test_many_servers_that_start_at_once_take_over_one_after_the_other(
    postgres: PostgresServer,
) -> None:
    empty = locate(postgres.create_database(f"empty-{time.monotonic_ns()}"), Path())
    opened = [open_database(empty, settings=SETTINGS) for _ in range(4)]
    databases = await asyncio.gather(*(one.__aenter__() for one in opened))
    try:
        results = await asyncio.gather(
            *(one.write(add(f"run-{n}")) for n, one in enumerate(databases)), return_exceptions=True
        )
        assert sorted(isinstance(result, DatabaseTaken) for result in results) == [False, True, True, True]
    finally:
        for one in opened:
            await one.__aexit__(None, None, None)
