"""How much room users' runs take, and what follows from it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import Connection, select

from seaway.model.notification import Event, NotificationSpec
from seaway.model.run import RunSpec, TaskSpec
from seaway.model.workspace import WorkspaceSpec
from seaway.platform.callers import Caller
from seaway.platform.database import usage
from seaway.platform.database.tables import NOTICES
from seaway.platform.database.usage import Crossing, Sum
from seaway.platform.errors import StorageFull
from seaway.platform.notifications.storage import changes
from seaway.platform.server import Server, run_server
from seaway.platform.usage import views, warning
from tests.unit.platform.test_bin import archive, ended, one


@pytest.mark.parametrize(
    ("total", "limit", "said"),
    [
        (79, 100, ""),
        (80, 100, "80 % of 100 bytes are taken"),
        (99, 100, "99 % of 100 bytes are taken"),
        (100, 100, "full: no run is accepted until some are removed for good"),
        (1 << 40, 0, ""),
    ],
)
def test_it_is_said_from_80_percent_on(total: int, limit: int, said: str) -> None:
    assert warning(total, limit) == said


def test_who_takes_most_comes_first() -> None:
    sums = [Sum("ada", "outputs", False, 5), Sum("bob", "logs", True, 70), Sum("bob", "outputs", False, 20)]
    bob, ada, eve = views(sums, {"ada": 2, "eve": 1}, 100)
    assert (bob.user, bob.total, bob.binned, bob.runs) == ("bob", 90, 70, 0)
    assert bob.warning.startswith("90 %")
    assert (ada.total, ada.warning, eve.total) == (5, "", 0)


async def uploaded(server: Server, **files: str) -> tuple[str, int]:
    packed = gzip.compress(archive(**files), mtime=0)
    digest = hashlib.sha256(packed).hexdigest()
    await server.runs.put_code(digest, one(packed))
    return digest, len(packed)


async def test_uploads_count_once_for_each_user_and_each_workspace(kubernetes, server) -> None:
    code, size = await uploaded(server, **{"train.py": "print(1)"})
    await server.workspaces.create(WorkspaceSpec(name="vision"), Caller("root", admin=True))
    for name, user, workspace in (
        ("a", "ada", None), ("b", "ada", None), ("c", "eve", "vision"), ("d", "ada", "vision"),
    ):  # fmt: skip
        task = TaskSpec(command=("exit", "0"), code=code)
        await server.runs.submit(RunSpec(name=name, workspace=workspace, tasks=(task,)), user=user)
        await server.runs.stop(name)
        await server.runs.wait(name, timeout=10)
    users = {view.user: view for view in await server.runs.usage.of_all()}
    assert (users["ada"].code, users["ada"].runs, users["eve"].code) == (size, 3, size)
    assert users["ada"].total == users["ada"].code + users["ada"].logs
    spaces = {view.workspace: view for view in await server.runs.usage.of_workspaces()}
    assert {name: (view.runs, view.code) for name, view in spaces.items()} == {
        "seaway-default": (2, size), "vision": (2, size),
    }  # fmt: skip
    await server.runs.remove("a")
    ada = next(view for view in await server.runs.usage.of_all() if view.user == "ada")
    assert ada.binned < size, "another run that is not in the bin needs the code"
    for name in "bd":
        await server.runs.remove(name)
    ada = next(view for view in await server.runs.usage.of_all() if view.user == "ada")
    assert ada.binned == ada.total >= size


@pytest.mark.parametrize(
    ("total", "known", "reached", "over"),
    [
        (79, (), [], []),
        (80, (), [80], []),
        (80, (80,), [], []),
        (120, (), [80, 100], []),
        (100, (80,), [100], []),
        (96, (80, 100), [], []),
        (94, (80, 100), [], [100]),
        (76, (80,), [], []),
        (74, (80,), [], [80]),
        (0, (80, 100), [], [80, 100]),
    ],
)
def test_levels_that_are_told_of_once(
    total: int, known: tuple[int, ...], reached: list[int], over: list[int]
) -> None:
    (view,) = views([Sum("ada", "outputs", False, total)], {"ada": 1}, 100)
    found = changes([view], {Crossing("ada", level): 1.0 for level in known})
    assert found == ([Crossing("ada", each) for each in reached], [Crossing("ada", each) for each in over])


async def test_a_crossing_is_told_once_and_again_after_there_was_room(kubernetes, settings) -> None:
    def told(connection: Connection) -> list[tuple[str, str]]:
        return [
            tuple(row)
            for row in connection.execute(select(NOTICES.c.target, NOTICES.c.title).order_by(NOTICES.c.id))
        ]

    limited = replace(settings, storage_limit=300)
    async with run_server(limited, kubernetes.client, random=Random(1)) as server:
        admin = Caller("root", admin=True)
        for name, user in (("adas", "ada"), ("eves", "eve")):
            url = "json://127.0.0.1:9/nowhere"
            await server.notifications.add(
                NotificationSpec(name=name, url=url, user=user, events=(Event.STORAGE,)), admin
            )
        look, database = server._telling.storage.look, server._database
        await ended(server, "first", shared="x" * 240)
        await look()
        await look()
        assert await database.read(told) == [("adas", "the storage of ada fills up")]
    async with run_server(limited, kubernetes.client, random=Random(1)) as server:
        look, database = server._telling.storage.look, server._database
        await look()
        assert len(await database.read(told)) == 1, "a restart is no crossing"
        await server.runs.remove("first", for_good=True)
        async with asyncio.timeout(20):
            while await server.runs.usage.of_all():
                await asyncio.sleep(0.05)
        await look()
        assert await database.read(usage.crossings) == {}
        await ended(server, "second", shared="y" * 300)
        await look()
        titles = [title for _, title in await database.read(told)]
        assert titles == [
            "the storage of ada fills up",
            "the storage of ada fills up",
            "the storage of ada is full",
        ]


async def test_a_user_at_the_limit_begins_nothing_until_there_is_room(kubernetes, settings) -> None:
    async with run_server(
        replace(settings, storage_limit=300), kubernetes.client, random=Random(1)
    ) as server:
        await ended(server, "first", shared="x" * 300)
        (taken,) = await server.runs.usage.of_all()
        assert (taken.user, taken.runs, taken.outputs) == ("ada", 1, 300 + len("of first"))
        assert taken.checkpoints == len("state of first")
        more = RunSpec(name="more", tasks=(TaskSpec(command=("exit", "0")),))
        for attempt in (server.runs.submit(more, user="ada"), server.runs.retry("first")):
            with pytest.raises(StorageFull, match="the runs of ada take") as refused:
                await attempt
            assert "seaway rm --now" in refused.value.remedy
        await server.runs.submit(more.model_copy(update={"name": "bobs"}), user="bob")
        await server.runs.wait("bobs", timeout=60)
        await server.runs.remove("first")
        with pytest.raises(StorageFull):  # what lies in the bin takes room
            await server.runs.submit(more, user="ada")
        await server.runs.remove("first", for_good=True)
        await server.runs.submit(more, user="ada")
        await server.runs.wait("more", timeout=60)
