"""Keeping logs of pods that are no run's across the end of a server: each is read once, by one, whatever fails meanwhile."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import SystemClock
from seaway.base.sqlite import DatabaseFull
from seaway.base.tasks import Backoff
from seaway.objects.errors import NotFound
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import log_records
from seaway.platform.database.database import Database, open_database
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.records import LogRecord
from seaway.platform.history import container_logs
from seaway.platform.history.collector import CollectorSettings, LogCollector
from seaway.platform.history.container_logs import ContainerLogs
from seaway.platform.history.containers import log_owner
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import LogKey
from tests.waiting import until

UID = str(uuid.UUID(int=7))
KEY = LogKey(log_owner(UID), "c", 0)
LINES = [f"2026-01-02T03:04:0{n}.000000000Z line {n}\n".encode() for n in range(4)]


class Node:
    """A client of a cluster without the pod, whose node keeps its log; readings wait where they are told to."""

    def __init__(self) -> None:
        self.readings = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def get(self, *_: Any) -> Any:
        raise NotFound('pods "p" not found')

    @asynccontextmanager
    async def logs(self, *_: Any):
        raise NotFound('pods "p" not found')
        yield

    @asynccontextmanager
    async def kept_logs(self, *_: Any, options: Any, **__: Any):
        self.readings += options.tail_lines is None
        yield self._lines(LINES[-(options.tail_lines or 0) :])

    async def _lines(self, lines: list[bytes]):
        for line in lines:
            yield line
            await self.goes_on.wait()


class Shown:
    """An informer that shows what it is told to."""

    def subscribe(self, handler: Any) -> Any:
        self.show = handler
        return lambda: None


def pod(state: dict[str, Any]) -> dict[str, Any]:
    status = {"containerStatuses": [{"name": "c", "restartCount": 0, "state": state}]}
    metadata = {"name": "p", "namespace": "ns", "uid": UID}
    return {"metadata": metadata, "spec": {"nodeName": "n-1"}, "status": status}


ENDED = pod({"terminated": {"startedAt": "2026-01-02T03:04:00Z", "reason": "Completed", "exitCode": 0}})


class Recording:
    """What keeps logs, put together over a node."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.node, self.shown, self.database = Node(), Shown(), database
        self.store = FileLogStore(folder / "logs")
        settings = CollectorSettings(backoff=Backoff(0.001, 1.0, 0.001), kept_seconds=0.05)
        collector = LogCollector(self.node, self.store, SystemClock(), settings)  # type: ignore[arg-type]
        self.logs = ContainerLogs(database, self.store, collector, SystemClock(), "all")
        self.logs.listen(self.shown)  # type: ignore[arg-type]

    async def followed_before(self) -> None:
        """Take note of the log as an earlier process did that was killed."""
        await self.database.write(lambda c: log_records.begin(c, LogRecord(*KEY, 1.0, "ns", "p")))

    async def closed(self) -> bytes:
        """Return the log when it is closed and nothing is under way any more."""
        owner = ChunkOwner(*KEY)

        async def is_closed() -> bool:
            found = await self.database.read(lambda connection: log_records.one(connection, owner))
            return found is not None and found.closed is not None and not self.logs._jobs

        await until(is_closed, "a closed log")
        return self.store.path(KEY).read_bytes()


@pytest.fixture
async def recording(tmp_path: Path):
    async with open_database(tmp_path / "d.db") as database:
        made = Recording(tmp_path, database)
        yield made
        await made.logs.close()
        await made.store.close_all()


async def test_a_pod_that_goes_while_a_server_starts_is_read_by_one_alone(recording: Recording) -> None:
    """It was seen, has ended and is gone before those are looked for that went while no server was there."""
    await recording.followed_before()
    recording.node.goes_on.clear()
    recording.shown.show("ADDED", ENDED, None)
    await until(lambda: recording.node.readings, "a reading that is under way")
    recording.shown.show("DELETED", ENDED, ENDED)
    await recording.logs.close_left_over()
    for _ in range(50):
        await asyncio.sleep(0)
    recording.node.goes_on.set()
    assert await recording.closed() == b"".join(LINES)
    assert recording.node.readings == 1


async def test_a_pod_that_went_while_no_server_was_there(recording: Recording) -> None:
    """Its node is not known: the log says so; what was stored of it stays."""
    await recording.followed_before()
    await recording.store.writer(KEY).append(LINES[0])
    await recording.logs.close_left_over()
    kept = await recording.closed()
    assert kept.startswith(LINES[0])
    assert b"the end of the log may be missing" in kept


async def test_a_pod_whose_last_state_says_nothing_of_its_container(recording: Recording) -> None:
    """As of one that is evicted, on some clusters: it was followed, and nobody told of its end."""
    running = pod({"running": {"startedAt": "2026-01-02T03:04:00Z"}})
    recording.shown.show("ADDED", running, None)
    recording.shown.show("DELETED", {**ENDED, "status": {"phase": "Failed"}}, running)
    assert await recording.closed() == b"".join(LINES)


async def test_a_database_that_is_full_for_a_while_leaves_no_log_unfinished(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container_logs, "_BACKOFF", Backoff(0.001, 1.0, 0.001))
    write, refusals = recording.database.write, [DatabaseFull("no room")] * 5

    async def refuse(work: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return await write(work)

    monkeypatch.setattr(recording.database, "write", refuse)
    recording.shown.show("ADDED", ENDED, None)
    recording.shown.show("DELETED", ENDED, ENDED)
    assert await recording.closed() == b"".join(LINES)


async def test_pods_are_waited_for_that_are_shown_late() -> None:
    """Before they were seen nothing is known of what is gone, however long another kind took."""
    view = ClusterView(None, "ns", SystemClock(), everywhere=True)  # type: ignore[arg-type]
    others = view._keeping.others
    assert others is not None
    asked = asyncio.create_task(view.sees_others())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not asked.done()
    others.allowed = True
    others._settled.set()
    assert await asked
