"""Commits and tidying up keep out of each other's way."""

from __future__ import annotations

import asyncio

from seaway.platform.storage.commits import Commits


async def test_tidying_waits_for_commits_and_commits_wait_for_it() -> None:
    commits, order, go_on = Commits(), [], asyncio.Event()

    async def commit(name: str) -> None:
        async with commits.one():
            order.append(f"{name} begins")
            await go_on.wait()
            order.append(f"{name} ends")

    async def tidy() -> None:
        async with commits.none():
            order.append("tidying begins")
            later = asyncio.create_task(commit("later"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            order.append("tidying ends")
        await later

    both = [asyncio.create_task(commit("one")), asyncio.create_task(commit("two"))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tidying = asyncio.create_task(tidy())
    await asyncio.sleep(0)
    assert order == ["one begins", "two begins"]
    go_on.set()
    await asyncio.gather(*both, tidying)
    assert order[2:] == [
        "one ends",
        "two ends",
        "tidying begins",
        "tidying ends",
        "later begins",
        "later ends",
    ]
