"""The work queue: each key once, each by one worker at a time, now or later."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.base.clock import ManualClock
from seaway.base.tasks import Backoff
from seaway.reconcile.queue import QueueClosed, WorkQueue


async def turns(count: int = 10) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def drain(queue: WorkQueue) -> list[str]:
    """Return what can be had now, held by nobody afterwards."""
    found = []
    while len(queue):
        key = await queue.get()
        queue.done(key)
        found.append(key)
    return found


async def test_keys_come_once_in_order() -> None:
    queue = WorkQueue(ManualClock())
    for key in ("a", "b", "a", "c", "b"):
        queue.add(key)
    assert await drain(queue) == ["a", "b", "c"]


async def test_a_held_key_comes_again_only_after_it_is_let_go() -> None:
    queue = WorkQueue(ManualClock())
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert await drain(queue) == ["a"]


async def test_a_delayed_key_comes_when_it_is_due_and_the_sooner_wish_wins() -> None:
    clock = ManualClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 10)
    queue.add_after("b", 5)
    queue.add_after("a", 2)
    queue.add_after("b", 7)
    for advanced, expected in ((1, []), (1, ["a"]), (2, []), (1, ["b"]), (20, [])):
        await turns()
        clock.advance(advanced)
        await turns()
        assert await drain(queue) == expected
    await queue.close()


async def test_a_key_that_is_wanted_now_is_not_wanted_later_too() -> None:
    clock = ManualClock()
    queue = WorkQueue(clock)
    queue.add_after("a", 5)
    queue.add("a")
    assert await drain(queue) == ["a"]
    await turns()
    clock.advance(10)
    await turns()
    assert len(queue) == 0
    await queue.close()


async def test_back_off_doubles_to_its_cap_and_is_forgotten_on_success() -> None:
    queue = WorkQueue(ManualClock(), Backoff(initial=0.005, cap=0.04))
    assert [queue.retry("a") for _ in range(5)] == [0.005, 0.01, 0.02, 0.04, 0.04]
    assert queue.retry("b") == 0.005
    queue.forget("a")
    assert queue.retry("a") == 0.005
    await queue.close()


async def test_closing_ends_waiting_workers() -> None:
    queue = WorkQueue(ManualClock())
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await turns()
    await queue.close()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, QueueClosed) for result in results)
    queue.add("late")
    with pytest.raises(QueueClosed):
        await queue.get()


async def test_a_cancelled_worker_loses_no_key() -> None:
    queue = WorkQueue(ManualClock())
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await turns()
    queue.add("a")
    first.cancel()
    assert await asyncio.wait_for(second, 60) == "a"


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40))
def test_nothing_added_is_lost_and_nothing_is_held_twice(steps: list[tuple[str, bool]]) -> None:
    """Whatever the order of adding and working, every key added is handed out after it was added."""

    async def play() -> None:
        queue = WorkQueue(ManualClock())
        held: list[str] = []
        wanted: set[str] = set()
        for key, work in steps:
            if not work:
                queue.add(key)
                wanted.add(key)
            elif held:
                queue.done(held.pop(0))
            elif len(queue):
                got = await queue.get()
                assert got not in held
                wanted.discard(got)
                held.append(got)
        for key in held:
            queue.done(key)
        assert wanted <= set(await drain(queue))

    asyncio.run(play())
