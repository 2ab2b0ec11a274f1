"""What every store must do, each test against all of them."""

from __future__ import annotations

import asyncio

import pytest

from seaway.controlplane.store.log import (
    Compacted,
    FutureRevision,
    KeyExists,
    KeyMissing,
    RevisionMismatch,
    SlowWatcher,
    Store,
)

PODS = "/registry/core/pods/"


def pod(name: str, namespace: str = "default") -> str:
    return f"{PODS}{namespace}/{name}"


def value(text: str):
    return lambda revision: f'{{"text":"{text}","revision":{revision}}}'.encode()


async def fill(store: Store, *names: str) -> list[int]:
    return [(await store.create(pod(name), value(name))).revision for name in names]


async def take(watcher, count: int) -> list[tuple[str, str, int]]:
    changes = []
    while len(changes) < count:
        batch = await asyncio.wait_for(watcher.next_batch(), 60)
        assert batch, "closed early"
        changes += batch
    return [(change.type, change.record.key, change.record.revision) for change in changes]


async def test_a_create_gets_the_next_revision_and_can_be_read(store):
    record = await store.create(pod("a"), value("first"))
    assert (record.revision, record.created, store.revision) == (1, 1, 1)
    assert record.object == {"text": "first", "revision": 1}
    assert store.get(pod("a")) == record


async def test_a_create_of_a_live_key_is_refused_and_changes_nothing(store):
    record = await store.create(pod("a"), value("first"))
    with pytest.raises(KeyExists):
        await store.create(pod("a"), value("second"))
    assert store.get(pod("a")) == record
    assert store.revision == 1


async def test_an_update_keeps_the_birth_revision(store):
    await fill(store, "a", "b")
    record = await store.update(pod("a"), value("new"), 1)
    assert (record.revision, record.created) == (3, 1)


async def test_an_update_of_an_old_revision_is_refused(store):
    await fill(store, "a")
    await store.update(pod("a"), value("new"), 1)
    with pytest.raises(RevisionMismatch):
        await store.update(pod("a"), value("lost"), 1)
    with pytest.raises(RevisionMismatch):
        await store.delete(pod("a"), value("lost"), 1)
    assert store.get(pod("a")).object["text"] == "new"


@pytest.mark.parametrize("verb", ["update", "delete"])
async def test_a_missing_key_cannot_be_changed(store, verb):
    with pytest.raises(KeyMissing):
        await getattr(store, verb)(pod("none"), value("x"), 1)
    assert store.revision == 0


async def test_a_deleted_key_can_be_created_again_and_is_a_new_life(store):
    await fill(store, "a")
    await store.delete(pod("a"), value("last"), 1)
    assert store.get(pod("a")) is None
    again = await store.create(pod("a"), value("again"))
    assert (again.revision, again.created) == (3, 3)


async def test_an_encoder_that_fails_leaves_no_trace(store):
    def fail(revision: int) -> bytes:
        raise ValueError("too large")

    with pytest.raises(ValueError, match="too large"):
        await store.create(pod("a"), fail)
    assert (await fill(store, "a")) == [1]


async def test_of_many_writers_of_one_revision_exactly_one_wins(store):
    await fill(store, "a")
    results = await asyncio.gather(
        *[store.update(pod("a"), value(str(number)), 1) for number in range(20)], return_exceptions=True
    )
    assert sum(isinstance(result, RevisionMismatch) for result in results) == 19
    assert store.revision == 2


async def test_of_many_creators_of_one_key_exactly_one_wins(store):
    results = await asyncio.gather(
        *[store.create(pod("a"), value(str(number))) for number in range(20)], return_exceptions=True
    )
    assert sum(isinstance(result, KeyExists) for result in results) == 19
    assert store.revision == 1


async def test_many_writers_get_revisions_without_gap_or_double(store):
    records = await asyncio.gather(*[store.create(pod(f"p{number}"), value("x")) for number in range(100)])
    assert sorted(record.revision for record in records) == list(range(1, 101))
    assert store.count(PODS) == 100


async def test_a_list_is_in_key_order_and_keeps_to_its_prefix(store):
    await fill(store, "b", "a", "c")
    await store.create(pod("z", "default-2"), value("z"))
    await store.create("/registry/core/podtemplates/default/a", value("t"))
    page = store.list(f"{PODS}default/")
    assert [record.key for record in page.records] == [pod("a"), pod("b"), pod("c")]
    assert (page.revision, page.last_key, page.remaining) == (5, None, 0)
    assert store.count(PODS) == 4
    assert store.count("/registry/none/") == 0


async def test_pages_of_one_revision_show_the_same_moment(store):
    await fill(store, "a", "b", "c", "d", "e")
    first = store.list(PODS, limit=2)
    assert ([record.key for record in first.records], first.remaining) == ([pod("a"), pod("b")], 3)
    await store.delete(pod("c"), value("gone"), 3)
    await store.create(pod("cc"), value("late"))
    await store.update(pod("d"), value("newer"), 4)
    second = await store.list_at(PODS, first.revision, after=first.last_key, limit=2)
    assert [(record.key, record.revision) for record in second.records] == [(pod("c"), 3), (pod("d"), 4)]
    assert second.remaining == 1
    third = await store.list_at(PODS, first.revision, after=second.last_key, limit=2)
    assert ([record.key for record in third.records], third.last_key, third.remaining) == (
        [pod("e")],
        None,
        0,
    )


async def test_a_page_that_ends_exactly_at_the_end_has_no_next(store):
    await fill(store, "a", "b")
    page = store.list(PODS, limit=2)
    assert (page.last_key, page.remaining) == (None, 0)
    assert (await store.list_at(PODS, 2, limit=2)).last_key is None


async def test_the_future_cannot_be_read(store):
    await fill(store, "a")
    with pytest.raises(FutureRevision):
        await store.list_at(PODS, 2)
    with pytest.raises(FutureRevision):
        store.watch(PODS, after=2)
    with pytest.raises(FutureRevision):
        await store.compact(2)


async def test_a_watch_replays_history_and_goes_on_without_gap_or_double(store):
    await fill(store, "a", "b")
    await store.delete(pod("a"), value("gone"), 1)
    watcher = store.watch(PODS, after=0)
    await store.create(pod("c"), value("c"))
    await store.create("/registry/core/nodes/n", value("n"))
    await store.update(pod("c"), value("c2"), 4)
    assert await take(watcher, 5) == [
        ("create", pod("a"), 1),
        ("create", pod("b"), 2),
        ("delete", pod("a"), 3),
        ("create", pod("c"), 4),
        ("update", pod("c"), 6),
    ]
    assert watcher.delivered == 6
    watcher.close()


async def test_a_change_carries_the_value_before(store):
    await fill(store, "a")
    await store.update(pod("a"), value("new"), 1)
    await store.delete(pod("a"), value("last"), 2)
    watcher = store.watch(PODS, after=0)
    changes = []
    while len(changes) < 3:
        changes += await watcher.next_batch()
    assert [change.previous and change.previous.object["text"] for change in changes] == [None, "a", "new"]
    assert [change.record.object["text"] for change in changes] == ["a", "new", "last"]
    watcher.close()


async def test_a_watch_of_now_knows_that_it_has_seen_all(store):
    await fill(store, "a")
    watcher = store.watch(PODS, after=1)
    assert watcher.delivered == 1
    await store.create("/registry/core/nodes/n", value("n"))
    assert watcher.delivered == 2, "nothing under the prefix is missing up to there"
    await fill(store, "b")
    assert watcher.delivered < 3
    assert await take(watcher, 1) == [("create", pod("b"), 3)]
    assert watcher.delivered == 3
    watcher.close()


async def test_a_watch_can_be_iterated_until_it_is_closed(store):
    await fill(store, "a")
    watcher = store.watch(PODS, after=0)
    seen = []
    async for change in watcher:
        seen.append(change.record.key)
        watcher.close()
    assert seen == [pod("a")]


async def test_closing_wakes_a_waiting_watcher(store):
    watcher = store.watch(PODS, after=0)
    waiting = asyncio.create_task(watcher.next_batch())
    await asyncio.sleep(0)
    watcher.close()
    assert await waiting == []


async def test_closing_the_store_ends_its_watches(store):
    watcher = store.watch(PODS, after=0)
    waiting = asyncio.create_task(watcher.next_batch())
    await asyncio.sleep(0)
    await store.close()
    assert await waiting == []


async def test_a_slow_watcher_is_closed_and_told(store):
    slow, other = store.watch(PODS, after=0), store.watch("/registry/core/nodes/", after=0)
    await fill(store, *"abcdefghijkl")
    with pytest.raises(SlowWatcher, match="list again"):
        await slow.next_batch()
    await store.create("/registry/core/nodes/n", value("n"))
    assert await take(other, 1) == [("create", "/registry/core/nodes/n", 13)]
    other.close()


async def test_compaction_forgets_the_past_and_keeps_what_lives(store):
    await fill(store, "a", "b")
    await store.update(pod("a"), value("new"), 1)
    await store.delete(pod("b"), value("gone"), 2)
    await store.compact(4)
    assert store.compacted == 4
    assert [record.revision for record in store.list(PODS).records] == [3]
    assert [record.revision for record in (await store.list_at(PODS, 4)).records] == [3]
    with pytest.raises(Compacted):
        await store.list_at(PODS, 3)
    with pytest.raises(Compacted):
        store.watch(PODS, after=3)
    await store.create(pod("b"), value("again"))
    watcher = store.watch(PODS, after=4)
    assert await take(watcher, 1) == [("create", pod("b"), 5)]
    watcher.close()


async def test_compaction_never_goes_back(store):
    await fill(store, "a", "b", "c")
    await store.compact(3)
    await store.compact(1)
    assert store.compacted == 3


async def test_a_watch_whose_history_is_compacted_before_it_is_read_says_so(store):
    await fill(store, "a", "b", "c")
    watcher = store.watch(PODS, after=0)
    await store.compact(3)
    with pytest.raises(Compacted):
        await watcher.next_batch()
