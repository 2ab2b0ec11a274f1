"""The outbox, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.platform.database import notices, notify_targets
from seaway.platform.database.database import open_database
from seaway.platform.database.location import locate
from seaway.platform.database.records import NoticeRecord, TargetRecord

TARGET = TargetRecord("t", "json://x", None, None, ("failed",), 1.0, "root")
ONE = NoticeRecord("t", "key", "failed", None, "title", "message", 1.0)


@pytest.fixture
async def database(database_setting, tmp_path):
    async with open_database(locate(database_setting, tmp_path / "d")) as opened:
        yield opened


async def test_the_outbox_keeps_each_thing_once(database) -> None:
    await database.write(lambda c: notify_targets.add(c, TARGET))
    for _ in range(2):
        await database.write(lambda c: notices.add(c, [ONE, replace(ONE, target="gone")]))
    (found,) = await database.read(lambda c: notices.pending(c, "t", 10))
    await database.write(lambda c: notices.postpone(c, [found.id], 9.0))
    (found,) = await database.read(lambda c: notices.pending(c, "t", 10))
    assert (found.tries, found.due) == (1, 9.0)
    await database.write(lambda c: notices.mark_sent(c, [found.id], 5.0))
    await database.write(lambda c: notices.add(c, [ONE]))
    assert await database.read(lambda c: notices.pending(c, "t", 10)) == []
    assert await database.read(lambda c: notices.sent_since(c, "t", 4.0)) == [5.0]
    assert await database.write(lambda c: notices.prune(c, sent_before=6.0, created_before=0.0)) == 0
    assert await database.read(lambda c: notices.sent_since(c, "t", 4.0)) == []


async def test_targets_of_a_settings_file_come_and_go_and_keep_what_waits(database) -> None:
    await database.write(lambda c: notify_targets.add(c, replace(TARGET, name="other", created_by="ada")))
    await database.write(lambda c: notify_targets.put_all(c, [TARGET], "root"))
    await database.write(lambda c: notices.add(c, [ONE]))
    await database.write(lambda c: notify_targets.put_all(c, [replace(TARGET, created=9.0)], "root"))
    assert await database.read(notices.count_pending) == {"t": 1}
    await database.write(lambda c: notify_targets.report(c, "t", sent=3.0, problem="away"))
    found = {each.name: each for each in await database.read(notify_targets.every)}
    assert found["t"] == replace(TARGET, last_sent=3.0, problem="away")
    await database.write(lambda c: notify_targets.put_all(c, [replace(TARGET, url="json://y")], "root"))
    assert await database.read(notices.count_pending) == {}
    await database.write(lambda c: notify_targets.put_all(c, [], "root"))
    assert [each.name for each in await database.read(notify_targets.every)] == ["other"]
