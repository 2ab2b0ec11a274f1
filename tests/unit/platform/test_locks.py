"""Locks: one attempt holds each at a time, in the order of asking, over restarts; who lost one commits nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.objects.builtin import PODS
from seaway.platform.database import locks
from seaway.platform.database.records import AttemptRecord
from seaway.platform.engine.locks import Claim, Locks
from seaway.platform.errors import StaleFence
from seaway.platform.server import run_server
from tests.unit.platform.test_bin import log_of
from tests.waiting import until

A, B, C = Claim("a", "first", "main"), Claim("b", "second", "main"), Claim("c", "third", "load")
ATTEMPT = AttemptRecord(1, "main", 1, 1, "first-1", Phase.STARTING, 100.0, lock="data", lock_token=1)


def test_a_free_lock_may_be_taken() -> None:
    held = Locks()
    assert (held.obstacle("data", A), held.obstacle(None, A), held.next_token("data")) == ("", "", 1)


def test_who_holds_it_and_since_when_is_said() -> None:
    held = Locks()
    held.take(A, ATTEMPT)
    said = "waits for the lock 'data', which run 'first' has held since 1970-01-01T00:01:40Z"
    assert held.obstacle("data", B) == said
    assert held.obstacle("other", B) == ""


def test_a_task_of_several_is_named() -> None:
    held = Locks()
    held.take(C, ATTEMPT)
    assert "task 'load' of run 'third'" in held.obstacle("data", B)


def test_the_next_holder_has_a_higher_number() -> None:
    held = Locks()
    held.take(A, ATTEMPT)
    held.release(ATTEMPT)
    assert (held.obstacle("data", B), held.next_token("data")) == ("", 2)


def test_only_the_holder_gives_it_back() -> None:
    held = Locks()
    held.take(B, replace(ATTEMPT, pod="second-1", lock_token=2))
    held.release(ATTEMPT)
    assert held.obstacle("data", A)


def test_numbers_go_on_after_a_restart() -> None:
    held = Locks()
    held.load({"data": 41})
    assert held.next_token("data") == 42


def hangs(lock: str = "data") -> RunSpec:
    return RunSpec(tasks=(TaskSpec(command=("hang",), lock=lock),))


async def message(server, run: str, text: str) -> None:
    await until(
        lambda: server.runs.get(run), f"{run} saying {text!r}", check=lambda view: text in view.message
    )


async def running(server) -> list[str]:
    return [run.name for run in await server.runs.list() if run.phase is Phase.RUNNING]


async def test_those_that_wait_get_it_one_after_the_other_in_the_order_of_asking(server, kubernetes) -> None:
    names = []
    for _ in range(4):
        run = await server.runs.submit(hangs(), user="ada")
        names.append(run.name)
        await message(server, run.name, "running" if len(names) == 1 else f"run {names[0]!r} has held since")
    for name in names:
        await message(server, name, "running")
        assert await running(server) == [name]
        await server.runs.stop(name)
        await server.runs.wait(name, timeout=60)
    assert [pod.rpartition("-")[0] for pod in kubernetes.node.started] == names
    assert (await server.runs.why(names[-1])).cause == "Stopped"


async def test_other_locks_and_none_are_not_waited_for(server) -> None:
    runs = [
        await server.runs.submit(spec, user="ada")
        for spec in (hangs(), hangs("other"), RunSpec(tasks=(TaskSpec(command=("hang",)),)))
    ]
    for run in runs:
        await message(server, run.name, "running")


async def test_one_that_gives_up_waiting_lets_the_next_one_have_it(server) -> None:
    first, second, third = [await server.runs.submit(hangs(), user="ada") for _ in range(3)]
    await message(server, third.name, "waits for the lock")
    waits = "a log that begins before its pod"
    await until(
        lambda: log_of(server, third.name), waits, check=lambda log: log.count(b"waits for the lock") == 1
    )
    await server.runs.stop(second.name)
    await server.runs.wait(second.name, timeout=60)
    assert b"[seaway] waits for the lock 'data'" in await log_of(server, second.name), "its pod never was"
    await server.runs.stop(first.name)
    await message(server, third.name, "running")
    assert (await log_of(server, third.name)).count(b"waits for the lock 'data', which") == 1


async def test_tasks_of_one_run_take_turns(server, kubernetes) -> None:
    tasks = tuple(TaskSpec(name=f"t{n}", command=("say", "x", "0"), lock="data") for n in range(5))
    run = await server.runs.submit(RunSpec(tasks=tasks), user="ada")
    ended = await server.runs.wait(run.name, timeout=60)
    times = sorted((task.attempts[0].created, task.attempts[0].finished) for task in ended.tasks)
    assert ended.phase is Phase.SUCCEEDED
    assert all(before[1] <= after[0] for before, after in pairwise(times))


async def test_a_restart_keeps_the_holder_and_the_numbers(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        first = await server.runs.submit(hangs(), user="ada")
        await message(server, first.name, "running")
    async with run_server(settings, kubernetes.client, random=Random(2)) as server:
        second = await server.runs.submit(hangs(), user="ada")
        await message(server, second.name, f"run {first.name!r} has held since")
        await server.runs.stop(first.name)
        await message(server, second.name, "running")
        (pod,) = [
            p
            for p in (await kubernetes.client.list(PODS))["items"]
            if p["metadata"]["name"].startswith(second.name)
        ]
        env = {e["name"]: e.get("value") for e in pod["spec"]["containers"][0]["env"]}
        assert (env["SEAWAY_LOCK"], env["SEAWAY_LOCK_TOKEN"]) == ("data", "2")


async def test_who_lost_the_lock_commits_nothing(server, kubernetes) -> None:
    async def body():
        yield b""

    run = await server.runs.submit(hangs(), user="ada")
    await message(server, run.name, "running")
    later = AttemptRecord(1, "main", 9, 9, "x", Phase.RUNNING, 1.0, lock="data", lock_token=2)
    await server._database.write(lambda connection: locks.take(connection, [later]))
    with pytest.raises(StaleFence, match="the lock 'data' was given to another attempt"):
        await server.runs.commit_outputs(run.name, "main", 1, body())
