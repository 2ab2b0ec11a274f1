"""A storm of hundreds of runs: everything is told, nothing twice, and nobody is buried in messages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from seaway.model.notification import NotificationSpec
from seaway.model.run import RunSpec, TaskSpec
from seaway.platform.callers import Caller
from seaway.platform.database.tables import NOTICES
from seaway.platform.notifications.pace import Pace
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.server_settings import ServerSettings
from tools.receiver import run_receiver

ADMIN = Caller("root", admin=True)


RUNS = 400


@pytest.fixture
def database_setting() -> str:
    """SQLite: what the two databases may do differently has a test of its own."""
    return ""


@pytest.fixture
def settings(settings: ServerSettings) -> ServerSettings:
    """As usual, but for how long a storm is waited for to be over."""
    return replace(settings, notify=NotifySettings(pace=replace(Pace(), gather=0.5, quiet=3.0)))


@pytest.mark.timeout(600)
async def test_hundreds_of_runs_that_end_are_a_handful_of_messages_that_stand_for_each_once(server) -> None:
    async def run(number: int, gate: asyncio.Semaphore) -> None:
        async with gate:
            spec = RunSpec(name=f"storm-{number}", tasks=(TaskSpec(command=("exit", str(number % 2))),))
            await server.runs.submit(spec, user="ada")
            await server.runs.wait(spec.name, timeout=500)

    with run_receiver() as receiver:
        for name in ("all", "hers"):
            user = "ada" if name == "hers" else None
            await server.notifications.add(NotificationSpec(name=name, url=f"{receiver.url}/{name}", user=user), ADMIN)  # fmt: skip
        gate = asyncio.Semaphore(100)
        async with asyncio.TaskGroup() as group:
            for number in range(RUNS):
                group.create_task(run(number, gate))
        async with asyncio.timeout(120):
            while any(view.pending for view in await server.notifications.list(ADMIN)):
                await asyncio.sleep(0.1)
        stands_for = [_stands_for(message) for message in receiver.got]
    assert sum(stands_for) == 2 * RUNS
    assert len(stands_for) <= 2 * Pace().most, [message["title"] for message in receiver.got]
    assert any(count > 5 for count in stands_for)
    count = select(NOTICES.c.target, func.count(), func.count(NOTICES.c.key.distinct()), func.count(NOTICES.c.sent)).group_by(NOTICES.c.target)  # fmt: skip
    rows = await server.notifications._database.read(lambda connection: connection.execute(count).all())
    assert {row[0]: tuple(row[1:]) for row in rows} == dict.fromkeys(("all", "hers"), (RUNS, RUNS, RUNS))


def _stands_for(message: dict) -> int:
    return int(message["title"].removeprefix("Seaway: ").split()[0]) if message["event"] == "many" else 1
