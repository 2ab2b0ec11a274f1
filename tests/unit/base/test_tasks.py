from __future__ import annotations

import asyncio

import pytest

from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff, ServiceFailed, Services


def service(name: str, journal: list[str]):
    async def run(ready):
        journal.append(f"{name} starts")
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            journal.append(f"{name} stops")

    return run


async def test_services_start_in_order_and_stop_in_reverse():
    journal: list[str] = []
    async with Services() as services:
        await services.start("one", service("one", journal))
        await services.start("two", service("two", journal))
        journal.append("work")
    assert journal == ["one starts", "two starts", "work", "two stops", "one stops"]


async def test_start_returns_only_when_the_service_is_ready():
    gate, reached = asyncio.Event(), []

    async def slow(ready):
        await gate.wait()
        ready()
        await asyncio.Event().wait()

    async with Services() as services:
        starting = asyncio.create_task(services.start("slow", slow))
        starting.add_done_callback(reached.append)
        await asyncio.sleep(0.01)
        assert not reached
        gate.set()
        await starting


async def test_an_error_before_it_is_ready_is_the_error_of_start():
    async def broken(ready):
        raise OSError("the port is taken")

    async with Services() as services:
        with pytest.raises(OSError, match="the port is taken"):
            await services.start("broken", broken)


async def test_an_end_before_it_is_ready_is_an_error():
    async def short(ready):
        pass

    async with Services() as services:
        with pytest.raises(ServiceFailed, match="short ended before it was ready"):
            await services.start("short", short)


async def test_a_service_that_dies_ends_the_block_and_stops_the_others():
    journal: list[str] = []

    async def dies(ready):
        ready()
        await asyncio.sleep(0)
        raise OSError("disk gone")

    with pytest.raises(ServiceFailed, match="dies failed: disk gone") as caught:
        async with Services() as services:
            await services.start("other", service("other", journal))
            await services.start("dies", dies)
            await asyncio.Event().wait()
    assert isinstance(caught.value.__cause__, OSError)
    assert journal == ["other starts", "other stops"]
    assert asyncio.current_task().cancelling() == 0


async def test_cancelling_the_block_stops_everything_and_stays_a_cancellation():
    journal: list[str] = []

    async def block():
        async with Services() as services:
            await services.start("one", service("one", journal))
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    while not journal:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert journal == ["one starts", "one stops"]


@pytest.mark.parametrize(
    ("error", "traced"),
    [
        pytest.param(DatabaseError("another server has taken it over"), False, id="one that explains itself"),
        pytest.param(KeyError("x"), True, id="a fault"),
    ],
)
async def test_what_goes_wrong_while_it_stops_is_told(caplog, error, traced):
    async def service(ready):
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            raise error

    async with Services() as services:
        await services.start("stubborn", service)
    (told,) = (one for one in caplog.records if "stubborn failed" in one.getMessage())
    assert told.getMessage() == f"stubborn failed while it stopped: {error}"
    assert bool(told.exc_info) == traced


async def test_one_that_does_not_stop_is_left_behind(caplog):
    let_go = asyncio.Event()

    async def stubborn(ready):
        ready()
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    async with Services(stop_seconds=0.01) as services:
        await services.start("stubborn", stubborn)
    assert "stubborn did not stop" in caplog.text
    let_go.set()
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("failures", "random", "seconds"),
    [
        pytest.param(0, 1.0, 0.0, id="no failure, no delay"),
        pytest.param(1, 0.0, 1.0, id="the first"),
        pytest.param(3, 0.0, 4.0, id="doubles"),
        pytest.param(3, 1.0, 6.0, id="jitter adds at most its share"),
        pytest.param(99, 0.0, 10.0, id="the cap holds"),
        pytest.param(10**9, 0.0, 10.0, id="never overflows"),
    ],
)
def test_backoff(failures, random, seconds):
    assert Backoff(initial=1, factor=2, cap=10, jitter=0.5).delay(failures, random) == seconds


@pytest.mark.parametrize("cancelled", [1, 2, 3])
async def test_nobody_is_left_running_where_its_end_is_given_up(cancelled):
    journal: list[str] = []
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def slow(ready):
        ready()
        try:
            await asyncio.Event().wait()
        finally:
            await let_go.wait()

    async def run():
        async with Services() as services:
            await services.start("one", service("one", journal))
            await services.start("slow", slow)
            begun.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(run())
    await begun.wait()
    for _ in range(cancelled):
        running.cancel()
        await asyncio.sleep(0)
    let_go.set()
    await asyncio.gather(running, return_exceptions=True)
    await asyncio.sleep(0)
    assert journal == ["one starts", "one stops"]
