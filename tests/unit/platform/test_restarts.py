"""The engine may end at any instant, and the API may be away: nothing is lost and nothing runs twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.client.request import Request
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.objects.builtin import EVENTS, PODS
from seaway.objects.errors import ServiceUnavailable, TooManyRequests
from seaway.platform.database import revisions
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from seaway.platform.server import run_server
from tests.clocks import SetClock
from tests.waiting import until

SEED = int(os.environ.get("SEAWAY_TEST_SEED", random.SystemRandom().randrange(10**6)))


class Unreliable:
    """A transport that fails before a call, or after it (the answer is lost), every so often."""

    def __init__(self, transport: Any, chance: random.Random, share: float) -> None:
        self.transport, self.chance, self.share = transport, chance, share

    async def send(self, request: Request) -> Any:
        kind = self.chance.random()
        if kind < self.share:
            errors = [Unreachable("refused"), ServiceUnavailable("not now"), TooManyRequests("slowly")]
            raise self.chance.choice(errors)
        answer = await self.transport.send(request)
        if kind > 1 - self.share:
            raise Unreachable("the answer was lost")
        return answer

    def watch(self, request: Request) -> Any:
        return self.transport.watch(request)

    @asynccontextmanager
    async def stream(self, request: Request):
        if self.chance.random() < self.share:
            raise Unreachable("refused")
        async with self.transport.stream(request) as chunks:
            yield chunks

    async def close(self) -> None:
        await self.transport.close()


def graph(count: int) -> tuple[TaskSpec, ...]:
    tasks = [TaskSpec(name="first", command=("say", "begun", "0"))]
    tasks += [
        TaskSpec(name=f"t{n}", command=("say", f"line of t{n}", "0"), after=("first",)) for n in range(count)
    ]
    tasks.append(TaskSpec(name="last", command=("exit", "0"), after=tuple(f"t{n}" for n in range(count))))
    return tuple(tasks)


async def no_pod(kubernetes) -> None:
    """Wait until the engine has tidied up, which it does behind the verdict."""
    await until(
        lambda: kubernetes.client.list(PODS, "seaway-default"),
        "no pod",
        check=lambda found: not found["items"],
    )


async def assert_whole(server, kubernetes, run: str, count: int) -> None:
    ended = await server.runs.wait(run, timeout=60)
    assert ended.phase is Phase.SUCCEEDED, f"seed {SEED}: {ended.message}"
    assert set(Counter(kubernetes.node.started).values()) == {1}, f"seed {SEED}: a pod ran twice"
    assert all(len(task.attempts) == 1 for task in ended.tasks), f"seed {SEED}"
    log = b"".join([chunk async for chunk in await server.runs.logs(run)]).decode()
    lines = Counter(line for line in log.splitlines() if "line of" in line)
    assert lines == {f"t{n} | line of t{n}": 1 for n in range(count)}, f"seed {SEED}"


async def test_a_server_that_ends_at_random_moments_runs_every_task_once(kubernetes, settings) -> None:
    chance = random.Random(SEED)
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(RunSpec(name="storm", tasks=graph(15)), user="ada")
    for _ in range(12):
        async with run_server(settings, kubernetes.client):
            await asyncio.sleep(chance.uniform(0.0, 0.05))  # the moment at which it ends
    async with run_server(settings, kubernetes.client) as server:
        await assert_whole(server, kubernetes, "storm", 15)


async def test_a_time_limit_outlives_the_server_though_the_clock_is_set_meanwhile(
    kubernetes, settings
) -> None:
    clock, task = SetClock(), TaskSpec(command=("hang",), timeout_seconds=3600.0)
    async with run_server(settings, kubernetes.client, clock=clock) as server:
        await server.runs.submit(RunSpec(name="long", tasks=(task,)), user="ada")
        await until(lambda: server.runs.get("long"), check=lambda view: view.phase is Phase.RUNNING)
    clock.ahead = 7200.0
    async with run_server(settings, kubernetes.client, clock=clock) as server:
        await server.runs.submit(RunSpec(name="later", tasks=(TaskSpec(command=("exit", "0")),)), user="ada")
        await server.runs.wait("later", timeout=60)  # the other one was looked at before
        assert (await server.runs.get("long")).phase is Phase.RUNNING
        await server.runs.stop("long")
        assert (await server.runs.wait("long", timeout=60)).phase is Phase.STOPPED


@pytest.mark.parametrize("share", [0.1, 0.3], ids=["a tenth of the calls", "a third of the calls"])
async def test_an_api_that_fails_now_and_then_loses_and_doubles_nothing(kubernetes, settings, share) -> None:
    client = Client(Unreliable(kubernetes.client.transport, random.Random(SEED), share))
    async with run_server(settings, client) as server:
        await server.runs.submit(RunSpec(name="bumpy", tasks=graph(10)), user="ada")
        await assert_whole(server, kubernetes, "bumpy", 10)
        await no_pod(kubernetes)


class HoldsPods:
    """A transport on which no pod can be let go: the call that takes a finalizer off is refused."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.refused = asyncio.Event()

    async def send(self, request: Request) -> Any:
        if request.method == "PATCH" and "finalizers" in str(request.body):
            self.refused.set()
            raise Unreachable("refused")
        return await self.transport.send(request)

    def watch(self, request: Request) -> Any:
        return self.transport.watch(request)

    def stream(self, request: Request) -> Any:
        return self.transport.stream(request)

    async def close(self) -> None:
        await self.transport.close()


async def test_an_attempt_that_follows_at_once_after_a_restart_leaves_no_pod_behind(
    kubernetes, settings
) -> None:
    """The verdict is stored, the pod is not let go yet: the next server begins with the next attempt, and lets it go."""
    holding, pause = HoldsPods(kubernetes.client.transport), 1.0
    settings = replace(settings, engine=EngineSettings(policy=Policy(Backoff(pause, 1.0, pause))))
    async with run_server(settings, Client(holding)) as server:
        await server.runs.submit(RunSpec(name="again", tasks=(TaskSpec(command=("hang",)),)), user="ada")
        await until(lambda: server.runs.get("again"), check=lambda view: view.phase is Phase.RUNNING)
        await kubernetes.client.delete(PODS, "again-1", "seaway-default")
        await holding.refused.wait()
        (attempt,) = (await server.runs.get("again")).tasks[0].attempts
        assert attempt.verdict is not None
    await asyncio.sleep(pause)  # so that the next attempt is due when the next server starts
    async with run_server(settings, kubernetes.client) as server:
        await until(lambda: server.runs.get("again"), check=lambda view: len(view.tasks[0].attempts) > 1)
        await server.runs.stop("again")
        await server.runs.wait("again", timeout=60)
        await no_pod(kubernetes)


async def test_events_that_a_cluster_shows_again_are_not_stored_again(kubernetes, settings) -> None:
    """A start costs no write for each event of the last hour; one that happened again meanwhile is stored."""

    def event(name: str, count: int) -> dict[str, Any]:
        about = {"kind": "Pod", "name": "p", "namespace": "seaway-default", "uid": "u"}
        return {"metadata": {"name": name}, "involvedObject": about, "reason": name, "count": count}

    async def stored(server, wanted: set[int]) -> dict[tuple[str, int], float]:
        async with asyncio.timeout(60):
            while True:
                rows = await server._database.read(lambda c: revisions.events_about_all(c, ["u"]))
                found = {(row.object["reason"], row.object["count"]): row.last_seen for row in rows}
                if {count for _, count in found} == wanted:
                    return found
                await asyncio.sleep(0.01)

    for name in ("once", "often"):
        await kubernetes.client.create(EVENTS, event(name, 1), "seaway-default")
    async with run_server(settings, kubernetes.client) as server:
        before = await stored(server, {1})
    often = await kubernetes.client.get(EVENTS, "often", "seaway-default")
    await kubernetes.client.replace(EVENTS, often | {"count": 2})
    async with run_server(settings, kubernetes.client) as server:
        after = await stored(server, {1, 2})
    assert set(after) == {("once", 1), ("often", 1), ("often", 2)}
    assert {key: after[key] for key in before} == before


_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%attempts%'"
"""How many reads wait."""


@contextmanager
def nothing_is_read(url: str) -> Iterator[Connection]:
    """Have no attempt be read from a PostgreSQL database until the block is left."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as locking, engine.connect() as looking:
        locking.execute(text("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE"))
        yield looking.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()


async def test_a_pod_that_ends_while_a_server_reads_its_runs_is_looked_at_once(
    kubernetes, settings, postgres_url
) -> None:
    """Until all runs are read, one that is missing is none that nobody knows: its pod is not let go past its verdict."""
    settings = replace(settings, database=postgres_url)
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(RunSpec(name="late", tasks=(TaskSpec(command=("hang",)),)), user="ada")
        await until(lambda: server.runs.get("late"), check=lambda view: view.phase is Phase.RUNNING)
    watched = Logs(kubernetes.client.transport)
    async with AsyncExitStack() as stack:
        with nothing_is_read(postgres_url) as locked:
            starting = asyncio.create_task(stack.enter_async_context(run_server(settings, Client(watched))))
            async with asyncio.timeout(60):
                await watched.pods_are_watched.wait()
                while not locked.scalar(text(_WAITING)):
                    await asyncio.sleep(0.01)
            await kubernetes.node.end_all()
            await asyncio.sleep(0.5)  # what the server would do wrong, it does now
            assert watched.asked == 0, "a pod was let go before its run was known"
        server = await starting
        ended = await server.runs.wait("late", timeout=60)
        assert ended.tasks[0].attempts[0].verdict is not None
        log = b"".join([chunk async for chunk in await server.runs.logs("late")]).decode()
        assert log.count("stopping in order") == 1, log


class Logs:
    """A transport that tells when pods are watched, and how often a log was asked for."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.asked = 0
        self.pods_are_watched = asyncio.Event()

    async def send(self, request: Request) -> Any:
        return await self.transport.send(request)

    def watch(self, request: Request) -> Any:
        if request.path.endswith("/pods"):
            self.pods_are_watched.set()
        return self.transport.watch(request)

    def stream(self, request: Request) -> Any:
        self.asked += 1
        return self.transport.stream(request)

    async def close(self) -> None:
        await self.transport.close()
