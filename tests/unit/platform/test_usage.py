"""How much room the runs of users and in workspaces take, and what follows from it."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from dataclasses import replace
from random import Random

import pytest
from sqlalchemy import Connection, select, update

from seaway.model.notification import Event, NotificationSpec
from seaway.model.run import RunSpec, TaskSpec
from seaway.model.workspace import WorkspaceChange, WorkspaceSpec
from seaway.objects.builtin import PODS
from seaway.platform.callers import Caller
from seaway.platform.database import usage
from seaway.platform.database.tables import CHECKPOINTS, NOTICES
from seaway.platform.database.usage import BYTES, FILES, Crossing, Sum
from seaway.platform.errors import Forbidden, NotFound, StorageFull
from seaway.platform.growing import Limited
from seaway.platform.notifications.storage import changes, grown, happening
from seaway.platform.server import Server, run_server
from seaway.platform.usage import Room, refusal, rooms_of, views, warning, workspace_views
from tests.unit.platform.test_bin import archive, commit, ended, log_of, one
from tests.waiting import until


def limits(user: int = 0, workspace: int = 0, files: int = 0) -> dict[tuple[str, str], int]:
    """Return a server's: bytes of a user's runs and of a workspace's, and files of a user's."""
    return {
        ("user", BYTES): user, ("user", FILES): files, ("workspace", BYTES): workspace, ("workspace", FILES): 0
    }  # fmt: skip


FULL = (
    "the runs in the workspace vision take 120 bytes of 100 bytes (120 %): no run is accepted in it until some are "
    "removed for good; see seaway usage --workspaces"
)


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
    bob, ada, eve = views(sums, {"ada": 2, "eve": 1}, limits(100))
    assert (bob.user, bob.total, bob.binned, bob.runs) == ("bob", 90, 70, 0)
    assert bob.warning.startswith("90 %")
    assert (ada.total, ada.warning, eve.total) == (5, "", 0)


def test_a_workspace_has_its_own_limit_or_that_of_all() -> None:
    sums = [
        Sum("vision", "outputs", False, 90),
        Sum("speech", "logs", True, 90),
        Sum("free", "logs", True, 90),
    ]
    runs = {"vision": 1, "speech": 2, "free": 1}
    own = {("vision", BYTES): 80, ("free", BYTES): 0}
    found = {view.workspace: view for view in workspace_views(sums, runs, own, limits(workspace=100))}
    assert {name: (view.limit, view.warning[:4]) for name, view in found.items()} == {
        "vision": (80, "full"), "speech": (100, "90 %"), "free": (None, ""),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "taken", "more", "said"),
    [
        ("user", 99, 0, ""),
        ("user", 99, 1, ""),
        ("user", 100, 0, "the runs of ada take 100 bytes, and may take 100 bytes"),
        ("user", 99, 2, "the runs of ada take 99 bytes, and may take 100 bytes: 2 bytes more are too many"),
        ("workspace", 0, 100, ""),
        ("workspace", 120, 9, "the runs in the workspace ada take 120 bytes, and may take 100 bytes"),
        ("workspace", 0, 101, "the runs in the workspace ada take 0 bytes, and may take 100 bytes: 101 bytes more are too many"),
    ],
)  # fmt: skip
def test_what_is_refused(kind: str, taken: int, more: int, said: str) -> None:
    assert refusal(Room(kind, "ada", taken, 100), more) == said


@pytest.mark.parametrize(
    ("room", "percent", "title", "message"),
    [
        (Room("user", "ada", 80, 100), 80, "the storage of ada fills up", "ada's runs take 80 bytes of 100 bytes (80 %); see seaway usage"),
        (
            Room("workspace", "vision", 120, 100), 100, "the storage of the workspace vision is full",
            FULL,
        ),
    ],
)  # fmt: skip
def test_what_is_told(room: Room, percent: int, title: str, message: str) -> None:
    told = happening(room, percent, 1.0, ["eve"])
    assert (told.title, told.message) == (title, message)
    assert (told.user, told.workspace) == (("ada", None) if room.kind == "user" else (None, "vision"))


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
        await server.runs.wait(name, timeout=60)
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
    def crossed(levels: list[int]) -> list[Crossing]:
        return [Crossing(kind, "ada", level) for kind in ("user", "workspace") for level in levels]

    rooms = [Room(kind, "ada", total, 100) for kind in ("user", "workspace")]
    assert changes(rooms, dict.fromkeys(crossed([*known]), 1.0)) == (crossed(reached), crossed(over))


async def test_a_crossing_is_told_once_and_again_after_there_was_room(kubernetes, settings) -> None:
    def told(connection: Connection) -> list[tuple[str, str]]:
        return [
            tuple(row)
            for row in connection.execute(select(NOTICES.c.target, NOTICES.c.title).order_by(NOTICES.c.id))
        ]

    limited = replace(settings, storage_limit=30_000)
    async with run_server(limited, kubernetes.client, random=Random(1)) as server:
        admin = Caller("root", admin=True)
        for name, user in (("adas", "ada"), ("eves", "eve")):
            url = "json://127.0.0.1:9/nowhere"
            await server.notifications.add(
                NotificationSpec(name=name, url=url, user=user, events=(Event.STORAGE,)), admin
            )
        look, database = server._telling.storage.look, server._database
        await ended(server, "first", shared="x" * 24_000)
        await look()
        await look()
        assert await database.read(told) == [("adas", "the storage of ada fills up")]
    async with run_server(limited, kubernetes.client, random=Random(1)) as server:
        look, database = server._telling.storage.look, server._database
        await look()
        assert len(await database.read(told)) == 1, "a restart is no crossing"
        await server.runs.remove("first", for_good=True)
        async with asyncio.timeout(60):
            while await server.runs.usage.of_all():
                await asyncio.sleep(0.05)
        await look()
        assert await database.read(usage.crossings) == {}
        await ended(server, "second", shared="y" * 30_000)
        await look()
        titles = [title for _, title in await database.read(told)]
        assert titles == [
            "the storage of ada fills up",
            "the storage of ada is full",
        ], "both levels at once are one message"


@pytest.mark.parametrize(
    ("added", "reached"),
    [
        ({}, []),
        ({("user", "ada"): 20}, [80]),
        ({("user", "ada"): 60}, [80, 100]),
        ({("user", "ada"): -60}, []),
        ({("workspace", "vision"): 99}, []),
        ({("user", "eve"): 85}, [80]),
    ],
    ids=["nothing", "some", "much", "less", "without a limit", "of whom nothing was measured"],
)
def test_what_is_added_crosses_a_level(added: dict[tuple[str, str], int], reached: list[int]) -> None:
    more = {Limited(*whose): number for whose, number in added.items()}
    now = grown([Room("user", "ada", 60, 100)], more, limits(100))
    assert [one.percent for one in changes(now, {})[0]] == reached


@pytest.mark.parametrize(
    ("files", "most", "said"),
    [
        (799, 1000, ""),
        (800, 1000, "80 % of 1,000 files are taken"),
        (12_000_000, 1_000_000, "full, with 12,000,000 files: no run is accepted until some are removed for good"),
        (12_000_000, 0, ""),
    ],
)  # fmt: skip
def test_many_small_files_are_warned_of_as_many_bytes_are(files: int, most: int, said: str) -> None:
    sums = [Sum("ada", "outputs", False, 5, files - 1), Sum("ada", "checkpoints", True, 5, 1)]
    (view,) = views(sums, {}, limits(files=most))
    assert (view.files, view.files_limit, view.warning) == (files, most or None, said)
    both = views(sums, {}, limits(10, files=most))[0].warning
    assert both == "; ".join(filter(None, ["full: no run is accepted until some are removed for good", said]))


def test_bytes_and_files_are_told_of_apart() -> None:
    taken = {"ada": {BYTES: 10, FILES: 90}, "eve": {BYTES: 90, FILES: 120}}
    rooms = rooms_of("user", taken, {("eve", FILES): 0}, limits(100, files=100))
    assert rooms == [
        Room("user", "ada", 10, 100),
        Room("user", "ada", 90, 100, FILES),
        Room("user", "eve", 90, 100),
    ]
    reached, over = changes(
        rooms, {Crossing("user", "eve", 80): 1.0, Crossing("user", "eve", 100, FILES): 1.0}
    )
    assert (reached, over) == ([Crossing("user", "ada", 80, FILES)], [Crossing("user", "eve", 100, FILES)])
    told = happening(rooms[1], 80, 1.0)
    assert told.message == "ada's runs take 90 files of 100 files (90 %); see seaway usage"
    now = grown(rooms, {Limited("user", "ada", FILES): 10}, limits(100, files=100))
    assert refusal(now[1], 0) == "the runs of ada take 100 files, and may take 100 files"


async def test_whose_runs_are_in_too_many_files_begins_nothing_until_there_are_fewer(
    kubernetes, settings
) -> None:
    """Outputs and checkpoints count as they are committed, and what earlier releases saved once it is counted."""
    async with run_server(
        replace(settings, storage_files=1000), kubernetes.client, random=Random(1)
    ) as server:
        await ended(server, "first", shared="x")
        (view,) = await server.runs.usage.of_all()
        assert view.files == 2 + 2, "two outputs; a block of a checkpoint, and its list"
        database, storage = server._database, server._telling.storage
        await database.write(lambda c: c.execute(update(CHECKPOINTS).values(files=None)))
        await server.runs.submit(RunSpec(name="many", tasks=(TaskSpec(command=("hang",)),)), user="ada")
        await until(lambda: is_running(server, "many"), "its attempt to start")
        await storage.look()
        await commit(server, "many", **{f"{number}.txt": "y" for number in range(998)})
        assert storage.has_crossed()
        await storage.look()
        said = await log_of(server, "many")
        assert b"the runs of ada take 1,001 files of the 1,000 files that they may" in said, said
        with pytest.raises(StorageFull, match="take 1,001 files, and may take 1,000 files"):
            await server.runs.submit(RunSpec(tasks=(TaskSpec(command=("exit", "0")),)), user="ada")
        vision = WorkspaceSpec(name="vision", storage_files=5000)
        view = await server.workspaces.create(vision, Caller("root", admin=True))
        assert (view.storage_files, view.own_files, view.storage_limit, view.own_limit) == (
            5000,
            True,
            None,
            False,
        )
        await server.workspaces.change("vision", WorkspaceChange(storage_limit=7), Caller("root", admin=True))
        assert (await server.workspaces.get("vision")).storage_files == 5000, "what is not said stays"
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:

        async def counted() -> bool:
            (view,) = await server.runs.usage.of_all()
            return view.files == 2 + 2 + 998

        await until(counted, "the files of checkpoints to be counted")
        await server.runs.stop("many")
        await server.runs.wait("many", timeout=60)


async def is_running(server: Server, name: str) -> bool:
    attempts = (await server.runs.get(name)).tasks[0].attempts
    return bool(attempts and attempts[0].started)


async def test_runs_under_way_are_told_as_they_grow(kubernetes, settings) -> None:
    """Their logs count while they are written, and what is committed at once; no database is asked in between."""
    async with run_server(
        replace(settings, storage_limit=30_000), kubernetes.client, random=Random(1)
    ) as server:
        storage = server._telling.storage
        await server.runs.submit(RunSpec(name="long", tasks=(TaskSpec(command=("hang",)),)), user="ada")

        async def uid() -> str | None:
            attempts = (await server.runs.get("long")).tasks[0].attempts
            started = attempts and attempts[0].started
            return (await kubernetes.client.get(PODS, attempts[0].pod, settings.namespace))["metadata"]["uid"] if started else None  # fmt: skip

        pod = await until(uid, "its program to start")
        await storage.look()
        assert not storage.has_crossed()
        kubernetes.node.say(pod, "x" * 25_000)
        await until(storage.has_crossed, "its log to take 80 %")
        await storage.look()
        assert not storage.has_crossed()
        assert b"of the 29.3 KiB that they may: at 100 % no new run is accepted" in await log_of(
            server, "long"
        )
        await commit(server, "long", **{"out.txt": "y" * 5_000})
        assert storage.has_crossed()
        await storage.look()
        assert b"what goes on is kept, but no new run is accepted" in await log_of(server, "long")
        (said,) = (await server.status())["storage"]
        assert (said["kind"], said["name"], said["warning"][:4]) == ("user", "ada", "full")
        with pytest.raises(StorageFull):
            await server.runs.submit(RunSpec(tasks=(TaskSpec(command=("exit", "0")),)), user="ada")
        await server.runs.stop("long")
        await server.runs.wait("long", timeout=60)
        await storage.look()
        assert len(await server._database.read(usage.crossings)) == 2, (
            "its log counts until the database knows it"
        )


async def test_a_user_at_the_limit_begins_nothing_until_there_is_room(kubernetes, settings) -> None:
    async with run_server(
        replace(settings, storage_limit=30_000), kubernetes.client, random=Random(1)
    ) as server:
        await ended(server, "first", shared="x" * 30_000)
        (taken,) = await server.runs.usage.of_all()
        assert (taken.user, taken.runs, taken.outputs) == ("ada", 1, 30_000 + len("of first"))
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


async def test_a_workspace_at_its_limit_begins_nothing_and_others_do(kubernetes, settings) -> None:
    def told(connection: Connection) -> list[str]:
        return sorted(f"{row.target}: {row.title}" for row in connection.execute(select(NOTICES)))

    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        admin, default = Caller("root", admin=True), settings.namespace
        await server.workspaces.create(WorkspaceSpec(name="vision", storage_limit=1000), admin)
        for name, user, workspace in (
            ("admins", None, None), ("defaults", None, default), ("visions", None, "vision"), ("adas", "ada", None),
            ("eves", "eve", None),
        ):  # fmt: skip
            target = NotificationSpec(
                name=name, url="json://127.0.0.1:9/nowhere", user=user, workspace=workspace, events=(Event.STORAGE,)
            )  # fmt: skip
            await server.notifications.add(target, admin)
        with pytest.raises(Forbidden, match="said by administrators"):
            await server.workspaces.change(default, WorkspaceChange(storage_limit=0), Caller("eve"))
        with pytest.raises(NotFound):
            await server.workspaces.change("nowhere", WorkspaceChange(storage_limit=0), admin)
        await ended(server, "first", shared="x" * 300)
        look, storage = server._telling.storage.look, server._telling.storage
        await look()
        assert Room("workspace", "vision", 0, 1000) in await server.runs.usage.rooms()
        assert not storage.has_crossed()
        view = await server.workspaces.change(default, WorkspaceChange(storage_limit=300), admin)
        assert storage.has_crossed(), "another limit is looked at soon"
        assert (view.storage_limit, view.own_limit, view.warning[:4]) == (300, True, "full")
        database = server._database
        await look()
        await look()
        wanted = f"the storage of the workspace {default} is full"
        assert await database.read(told) == sorted(
            f"{target}: {wanted}" for target in ("admins", "adas", "defaults")
        )
        more = RunSpec(name="more", tasks=(TaskSpec(command=("exit", "0")),))
        for attempt in (server.runs.submit(more, user="bob"), server.runs.retry("first")):
            with pytest.raises(StorageFull, match=f"in the workspace {default} take") as refused:
                await attempt
            assert f"seaway workspace set {default}" in refused.value.remedy
        with pytest.raises(StorageFull, match="more are too many"):
            await server.runs.usage.check("bob", "vision", 1001)
        await server.runs.submit(more.model_copy(update={"workspace": "vision"}), user="bob")
        await server.workspaces.change(default, WorkspaceChange(storage_limit=None), admin)
        await server.runs.submit(more.model_copy(update={"name": "again"}), user="bob")
        await look()
        assert await database.read(usage.crossings) == {}
