"""Following a collection through everything that can go wrong."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from seaway.base.clock import ManualClock
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.client.request import WatchEvent
from seaway.client.watch import Collection, Snapshot, follow
from seaway.objects.builtin import PODS
from seaway.objects.errors import BadRequest, Expired, Forbidden, InternalError, TooManyRequests


async def take(transport, count: int, **arguments) -> list:
    """Return the first so many things followed, with the clock advanced wherever it waits."""
    clock = ManualClock()
    found: list = []

    async def collect() -> None:
        async with aclosing(
            follow(Client(transport), Collection(PODS, "ns"), clock=clock, chance=lambda: 0.0, **arguments)
        ) as changes:
            async for change in changes:
                found.append(change)
                if len(found) == count:
                    return

    task = asyncio.create_task(collect())
    for _ in range(500):
        await asyncio.sleep(0)
        if task.done():
            break
        clock.advance(1.0)
    await asyncio.wait_for(task, 60)
    return found


def shape(found: list) -> list[str]:
    """Return what was seen as words."""
    return [
        f"snapshot {sorted(o['metadata']['name'] for o in c.items)}" if isinstance(c, Snapshot) else f"{c.type} {c.object['metadata'].get('name', '')}".strip()
        for c in found
    ]  # fmt: skip


def revisions(transport) -> list[str | None]:
    """Return the revision each watch started after, None for lists."""
    return [dict(request.query).get("resourceVersion") for request in transport.requests]


async def test_a_list_then_the_changes_after_it(transport, pod, listed) -> None:
    transport.lists = [listed(5, pod("a", 3))]
    transport.watches = [[WatchEvent("ADDED", pod("b", 6)), WatchEvent("DELETED", pod("a", 7))]]
    assert shape(await take(transport, 3)) == ["snapshot ['a']", "ADDED b", "DELETED a"]
    assert revisions(transport) == [None, "5"]


async def test_a_closed_watch_goes_on_after_the_last_event_or_bookmark(transport, pod, listed) -> None:
    bookmark = WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    transport.lists = [listed(5)]
    transport.watches = [[WatchEvent("ADDED", pod("a", 6)), bookmark], [WatchEvent("MODIFIED", pod("a", 12))]]
    assert shape(await take(transport, 4)) == ["snapshot []", "ADDED a", "BOOKMARK", "MODIFIED a"]
    assert revisions(transport) == [None, "5", "9"]


async def test_gone_history_is_listed_again(transport, pod, listed) -> None:
    transport.lists = [listed(5, pod("a", 3)), listed(90, pod("b", 80))]
    transport.watches = [[Expired("too old")], [WatchEvent("ADDED", pod("c", 91))]]
    assert shape(await take(transport, 3)) == ["snapshot ['a']", "snapshot ['b']", "ADDED c"]


async def test_an_unreachable_server_is_tried_again_without_a_new_list(transport, pod, listed) -> None:
    transport.lists = [Unreachable("down"), Forbidden("not yet"), listed(5)]
    transport.watches = [[Unreachable("broken")], [Unreachable("broken")], [WatchEvent("ADDED", pod("a", 6))]]
    assert shape(await take(transport, 2)) == ["snapshot []", "ADDED a"]
    assert revisions(transport) == [None, None, None, "5", "5", "5"]


async def test_resuming_needs_no_list(transport, pod) -> None:
    transport.watches = [[WatchEvent("ADDED", pod("a", 8))]]
    assert shape(await take(transport, 1, resource_version="7")) == ["ADDED a"]
    assert revisions(transport) == ["7"]


async def test_a_large_list_is_read_page_by_page(transport, pod, listed) -> None:
    transport.lists = [listed(5, pod("a", 1), token="more"), listed(5, pod("b", 2))]
    transport.watches = [[]]
    assert shape(await take(transport, 1)) == ["snapshot ['a', 'b']"]
    assert [dict(request.query).get("continue") for request in transport.requests] == [None, "more"]


async def test_a_continue_token_that_expires_reads_the_whole_once_more(transport, pod, listed) -> None:
    transport.lists = [listed(5, pod("a", 1), token="more"), Expired("too old"), listed(9, pod("b", 8))]
    transport.watches = [[]]
    assert shape(await take(transport, 1)) == ["snapshot ['b']"]


async def test_a_malformed_selector_is_the_callers_error(transport) -> None:
    """Trying again could never help, and hang instead of saying so."""
    transport.lists = [BadRequest("unable to parse requirement")]
    with pytest.raises(BadRequest, match="parse"):
        await take(transport, 1)


async def test_a_server_that_asks_for_patience_gets_it(transport, listed) -> None:
    transport.lists = [TooManyRequests("slow down", retry_after=7), listed(5)]
    transport.watches = [[]]
    clock = ManualClock()
    told: list[Exception] = []
    changes = follow(Client(transport), Collection(PODS), clock=clock, chance=lambda: 0.0, failed=told.append)
    snapshot = asyncio.create_task(anext(changes))
    for _ in range(10):
        await asyncio.sleep(0)
    clock.advance(6.9)
    await asyncio.sleep(0)
    assert (len(transport.requests), [type(error) for error in told]) == (1, [TooManyRequests])
    for _ in range(10):
        clock.advance(1.0)
        await asyncio.sleep(0)
    assert await snapshot == Snapshot([], "5")
    await changes.aclose()


async def test_a_revision_that_the_server_does_not_like_is_given_up(transport, pod, listed) -> None:
    """After a restored backup the server is behind what was seen."""
    ahead = InternalError("Too large resource version: 90, current: 5")
    transport.lists = [listed(90), listed(5, pod("a", 3))]
    transport.watches = [[ahead], [ahead], [ahead], []]
    assert shape(await take(transport, 2)) == ["snapshot []", "snapshot ['a']"]
