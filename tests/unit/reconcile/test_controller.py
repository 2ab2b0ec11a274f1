"""The loop and its four outcomes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from seaway.base.clock import ManualClock
from seaway.objects.builtin import JOBS, PODS
from seaway.objects.errors import Conflict
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, RequeueAfter, Terminal
from seaway.reconcile.informer import Informers
from seaway.reconcile.sources import Source, always, controller_keys


@asynccontextmanager
async def running(controller: Controller, informers: Informers | None = None):
    tasks = [asyncio.create_task(controller.run())]
    if informers is not None:
        tasks.append(asyncio.create_task(informers.run()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def settle(clock: ManualClock, seconds: float = 0.0) -> None:
    for _ in range(20):
        await asyncio.sleep(0)
    clock.advance(seconds)
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("outcomes", "advances", "calls"),
    [
        pytest.param([DONE], [100], [1, 1], id="done is done"),
        pytest.param([RequeueAfter(5), DONE], [4, 1, 100], [1, 1, 2, 2], id="again after five seconds"),
        pytest.param(
            [ValueError("x"), Conflict("x"), DONE],
            [0.005, 0.01, 100],
            [1, 2, 3, 3],
            id="an exception backs off",
        ),
        pytest.param([Terminal("never")], [100], [1, 1], id="terminal waits for a change"),
        pytest.param(
            [ValueError("x"), Terminal("no"), ValueError("x"), DONE],
            [0.005],
            [1, 2],
            id="terminal ends retries",
        ),
    ],
)
async def test_outcomes(outcomes: list, advances: list[float], calls: list[int]) -> None:
    clock, count = ManualClock(), 0

    async def reconcile(key: str):
        nonlocal count
        outcome = outcomes[count]
        count += 1
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    controller = Controller("test", (), reconcile, clock=clock, keys=("k",))
    async with running(controller):
        await settle(clock)
        seen = [count]
        for seconds in advances:
            await settle(clock, seconds)
            seen.append(count)
    assert seen == calls


async def test_one_key_is_never_worked_on_twice_at_once() -> None:
    clock, gate = ManualClock(), asyncio.Event()
    working: list[str] = []
    most = 0

    async def reconcile(key: str):
        nonlocal most
        assert key not in working
        working.append(key)
        most = max(most, len(working))
        await gate.wait()
        working.remove(key)
        return DONE

    controller = Controller(
        "test", (), reconcile, clock=clock, settings=ControllerSettings(workers=3), keys=("a", "b")
    )
    async with running(controller):
        for _ in range(5):
            await settle(clock)
            controller.queue.add("a")
            controller.queue.add("b")
        gate.set()
        await settle(clock)
    assert (most, working) == (2, [])


async def test_keys_come_from_the_old_and_the_new_object(server, client) -> None:
    """Whoever lost a child has to learn of it as well as whoever got it."""
    path, seen = "/api/v1/namespaces/ns/pods/a", []
    clock = ManualClock()

    def owned(owner: str) -> dict:
        reference = {"apiVersion": "batch/v1", "kind": "Job", "name": owner, "uid": owner, "controller": True}
        return {"metadata": {"name": "a", "namespace": "ns", "uid": "u", "ownerReferences": [reference]}}

    async def reconcile(key: str):
        seen.append(key)
        return DONE

    informers = Informers(client)
    controller = Controller(
        "test", (Source(informers.informer(PODS), controller_keys(JOBS)),), reconcile, clock=clock
    )
    server.put(path, owned("one"), "ADDED")
    async with running(controller, informers):
        await settle(clock)
        server.put(path, owned("two"), "MODIFIED")
        await settle(clock)
    assert sorted(seen) == ["ns/one", "ns/one", "ns/two"]


def test_controller_keys_name_only_controllers_of_the_kind() -> None:
    references = [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "mine", "controller": True},
        {"apiVersion": "batch/v1", "kind": "Job", "name": "owner only"},
        {"apiVersion": "other/v1", "kind": "Job", "name": "other group", "controller": True},
    ]
    pod = {"metadata": {"name": "a", "namespace": "ns", "ownerReferences": references}}
    assert list(controller_keys(JOBS)(pod)) == ["ns/mine"]
    assert always("all")(pod) == ("all",)


async def test_one_that_drops_its_cancellation_ends_all_the_same() -> None:
    """What is called may answer a cancellation with an error of its own."""
    begun, errors = asyncio.Event(), [ProcessLookupError()]

    async def reconcile(_: str):
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise errors.pop() if errors else asyncio.CancelledError from None

    controller = Controller("stubborn", (), reconcile, keys=("a",))
    running = asyncio.create_task(controller.run())
    await begun.wait()
    running.cancel()
    done, _ = await asyncio.wait({running}, timeout=5)
    assert done
