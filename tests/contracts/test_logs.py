"""Stored logs, as files and in the database: what was appended is read, by any number of readers, through any restart."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from seaway.base.clock import SystemClock
from seaway.platform.database.database import open_database
from seaway.platform.database.location import locate
from seaway.platform.history.log_database import DatabaseLogSettings, DatabaseLogStore
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import CHUNK, TAIL, LogKey, LogStore
from seaway.platform.history.reader import read_log

KEY = LogKey("a" * 32, "main", 1)
LINE = b"2026-01-02T03:04:05Z line\n"
Opener = Callable[..., Awaitable[LogStore]]


@pytest.fixture(params=["files", "sqlite", "postgresql"])
async def open_logs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens a store over the same place again and again, as each start of a server does."""
    stores: list[LogStore] = []
    async with AsyncExitStack() as stack:
        if request.param == "files":

            async def opener(limit: int = 1 << 30) -> LogStore:
                return FileLogStore(tmp_path / "logs", limit=limit)
        else:
            setting = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
            database = await stack.enter_async_context(open_database(locate(setting, tmp_path)))

            async def opener(limit: int = 1 << 30) -> LogStore:
                settings = DatabaseLogSettings(limit=limit, flush_seconds=0.01, waiting=2 * CHUNK)
                return DatabaseLogStore(database, SystemClock(), settings)

        async def tracked(limit: int = 1 << 30) -> LogStore:
            stores.append(await opener(limit))
            return stores[-1]

        yield tracked
        for store in stores:
            await store.close_all()


async def read(logs: LogStore, **options: bool) -> bytes:
    return b"".join([chunk async for chunk in read_log(logs, KEY, **options)])


async def stored(logs: LogStore) -> bytes:
    data = b""
    while chunk := await logs.read(KEY, len(data)):
        data += chunk
    return data


def line(number: int, width: int = 0) -> bytes:
    return b"2026-01-02T03:04:%02d.%09dZ line %d%s\n" % (
        5 + number // 10**9,
        number % 10**9,
        number,
        b"x" * width,
    )


async def test_a_log_that_is_not_there_is_empty(open_logs: Opener) -> None:
    logs = await open_logs()
    assert await read(logs) == b""
    assert (await logs.tail(KEY, 5)).text == ""
    await logs.close(KEY)


async def test_what_was_appended_is_read_and_after_the_end_too(open_logs: Opener) -> None:
    logs = await open_logs()
    await logs.writer(KEY).append(LINE)
    assert await read(logs) == b"line\n"
    await logs.writer(KEY).append(LINE)
    assert await read(logs) == b"line\nline\n"
    await logs.close(KEY)
    assert logs.being_written(KEY) is None
    assert await read(logs) == await read(await open_logs()) == b"line\nline\n"


async def test_a_torn_last_line_is_cut_off_when_the_log_is_opened_again(open_logs: Opener) -> None:
    logs = await open_logs()
    await logs.writer(KEY).append(LINE + b"2026-01-02T03:04:06Z half a li")
    await logs.close(KEY)
    again = await open_logs()
    assert (await again.writer(KEY).resume_point()).repeats == 1
    assert await read(again) == b"line\n"
    await again.writer(KEY).append(LINE)
    await again.close(KEY)
    assert await read(await open_logs()) == b"line\nline\n"


async def test_a_log_that_is_nothing_but_a_torn_line_begins_anew(open_logs: Opener) -> None:
    logs = await open_logs()
    await logs.writer(KEY).append(b"2026-01-02T03:04:06Z half a li")
    await logs.close(KEY)
    again = await open_logs()
    assert (await again.writer(KEY).resume_point()).nanoseconds == 0
    await again.close(KEY)
    assert await read(await open_logs()) == b""


async def test_own_lines_wait_for_the_end_of_a_line_that_is_being_written(open_logs: Opener) -> None:
    logs = await open_logs()
    log = logs.writer(KEY)
    await log.append(b"2026-01-02T03:04:05Z \r10%")
    log.say("asked to stop", 1)
    await log.append(b"\r20%\n")
    await logs.close(KEY)
    assert await read(logs) == b"\r10%\r20%\n[seaway] asked to stop\n"


async def test_own_lines_come_before_anything_is_known_of_the_log(open_logs: Opener) -> None:
    logs = await open_logs()
    logs.writer(KEY).say("queued", 1)
    logs.writer(KEY).say("placed", 2)
    await logs.writer(KEY).append(LINE)
    await logs.close(KEY)
    assert await read(logs) == b"[seaway] queued\n[seaway] placed\nline\n"


async def test_a_log_over_the_limit_keeps_whole_lines(open_logs: Opener) -> None:
    logs = await open_logs(limit=70)
    log = logs.writer(KEY)
    for _ in range(9):
        await log.append(LINE)
    assert log.truncated
    assert log.size == 2 * len(LINE)
    await log.append_past_limit(b"2026-01-02T03:04:09Z the end\n")
    await logs.close(KEY)
    assert await read(await open_logs()) == b"line\nline\nthe end\n"
    again = (await open_logs(limit=70)).writer(KEY)
    await again.ready()
    assert again.truncated


async def test_many_readers_follow_one_log_to_its_end(open_logs: Opener) -> None:
    logs = await open_logs()
    log = logs.writer(KEY)
    readers = [asyncio.create_task(read(logs, follow=True)) for _ in range(5)]
    for _ in range(20):
        await log.append(LINE)
        await asyncio.sleep(0)
    await logs.close(KEY)
    async with asyncio.timeout(60):
        assert await asyncio.gather(*readers) == [b"line\n" * 20] * 5


async def test_a_reader_that_comes_late_reads_all_of_a_long_log(open_logs: Opener) -> None:
    logs = await open_logs()
    log, whole = logs.writer(KEY), b""
    early = asyncio.create_task(read(logs, follow=True, timestamps=True))
    for number in range(60):
        portion = b"".join(line(number * 100 + n, width=80) for n in range(100))
        await log.append(portion)
        whole += portion
    late = asyncio.create_task(read(logs, follow=True, timestamps=True))
    await logs.close(KEY)
    async with asyncio.timeout(60):
        assert await early == await late == whole
    assert await stored(await open_logs()) == whole
    assert (await logs.tail(KEY, 2)).text.split() == ["line", "5998" + "x" * 80, "line", "5999" + "x" * 80]


@pytest.mark.parametrize("closed", [True, False])
async def test_the_last_lines_are_found_although_one_of_them_is_very_long(
    open_logs: Opener, closed: bool
) -> None:
    logs = await open_logs()
    await logs.writer(KEY).append(line(1) * 9000 + line(2) + line(3, width=3 * TAIL) + line(4))
    if closed:
        await logs.close(KEY)
    found = (await logs.tail(KEY, 3)).text.splitlines()
    assert [text[:6] for text in found] == ["line 2", "line 3", "line 4"]
    assert all(len(text) < 5000 for text in found)


@pytest.mark.parametrize("width", [3 * TAIL, 20 * TAIL])
async def test_a_line_longer_than_what_is_looked_at_is_resumed(open_logs: Opener, width: int) -> None:
    logs = await open_logs()
    await logs.writer(KEY).append(line(1) + line(2, width) + line(2, width)[:-1])
    await logs.close(KEY)
    point = await (await open_logs()).writer(KEY).resume_point()
    assert (point.repeats, point.partial) == (1, b"")
    assert point.nanoseconds % 10 == 2


async def test_what_readers_were_shown_is_there_when_the_server_was_killed(open_logs: Opener) -> None:
    """A second store over the same place stands for the server's successor: the first one is not closed."""
    logs = await open_logs()
    log, shown = logs.writer(KEY), b""
    for number in range(200):
        await log.append(line(number))
        log.say(f"own line {number}", number)
        await asyncio.sleep(0)
        while chunk := await logs.read(KEY, len(shown)):
            shown += chunk
        if number % 20 == 0:
            assert (await stored(await open_logs())).startswith(shown)


async def test_what_was_thought_new_and_is_not_takes_the_place_of_what_was_there(open_logs: Opener) -> None:
    logs = await open_logs()
    if isinstance(logs, FileLogStore):
        pytest.skip("a file is looked at in any case")
    await logs.writer(KEY).append(LINE)
    await logs.close(KEY)
    again = await open_logs()
    again.writer(KEY, new=True).say("begun anew", 1)
    async with asyncio.timeout(60):
        while again.being_written(KEY) is not None:
            try:
                await again.close(KEY)
            except IntegrityError:
                await asyncio.sleep(0.01)
    assert await read(await open_logs()) == b"[seaway] begun anew\n"


async def test_any_sequence_of_appends_and_restarts_keeps_every_line_once(open_logs: Opener) -> None:
    """Each start resumes where the stored log ends, as the collector does with a pod's log."""
    chance = random.Random(7)
    source = b"".join(line(n, chance.choice([0, 5, 300])) for n in range(3000))
    logs = await open_logs()
    position = 0
    while position < len(source):
        log = logs.writer(KEY)
        point = await log.resume_point()
        position = _after(source, point.nanoseconds)
        for _ in range(chance.randrange(1, 40)):
            step = chance.choice([1, 30, 2000, 70_000])
            await log.append(source[position : position + step])
            position += step
        if chance.random() < 0.5:
            await logs.close(KEY)
        await logs.close_all()
        logs = await open_logs()
    assert await stored(logs) == source


def _after(source: bytes, nanoseconds: int) -> int:
    """Return where the line after the one of this time begins."""
    if nanoseconds == 0:
        return 0
    stamp = b"%09dZ" % (nanoseconds % 10**9)
    return source.index(b"\n", source.index(stamp)) + 1


async def test_the_last_lines_that_come_right_after_an_empty_read_are_read(open_logs: Opener) -> None:
    """A reader whose turn comes late finds the log complete: what came in the meantime is not to be left out."""
    logs = await open_logs()
    await logs.writer(KEY).append(line(1))
    plain, ended = logs.read, False

    async def late(key: LogKey, position: int) -> bytes:
        nonlocal ended
        found = await plain(key, position)
        if not found and not ended:
            ended = True
            await logs.writer(key).append(line(2))
            await logs.close(key)
        return found

    logs.read = late  # type: ignore[method-assign]
    assert await read(logs, follow=True) == b"line 1\nline 2\n"
