"""The durable store behaves as the specification does, whatever is done to it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaway.controlplane.store.log import StoreError
from seaway.controlplane.store.memory import MemoryStore
from seaway.controlplane.store.settings import StoreSettings
from seaway.controlplane.store.sqlite import SqliteStore

KEYS = st.sampled_from(["/r/a/1", "/r/a/2", "/r/a/10", "/r/b/1", "/r/ab/1", "/r/c"])
PREFIXES = st.sampled_from(["/r/", "/r/a/", "/r/b/", "/"])
REVISIONS = st.integers(0, 25)
STEPS = st.one_of(
    st.tuples(st.just("create"), KEYS),
    st.tuples(st.just("create"), KEYS),
    st.tuples(st.just("update"), KEYS, st.integers(0, 1)),
    st.tuples(st.just("delete"), KEYS, st.integers(0, 1)),
    st.tuples(
        st.just("list"),
        PREFIXES,
        st.one_of(st.none(), REVISIONS),
        st.one_of(st.none(), KEYS),
        st.integers(0, 3),
    ),
    st.tuples(st.just("watch"), PREFIXES, REVISIONS),
    st.tuples(st.just("compact"), REVISIONS),
    st.tuples(st.just("count"), PREFIXES),
    st.tuples(st.just("reopen")),
    st.tuples(st.just("follow"), PREFIXES),
    st.tuples(
        st.just("together"),
        st.lists(st.tuples(st.sampled_from(["create", "update", "delete"]), KEYS), max_size=6),
    ),
)


def encode(revision: int) -> bytes:
    return b'{"r":%d}' % revision


async def write(store, verb, key, live):
    """Do one write, on what was seen before it."""
    try:
        if verb == "create":
            return await store.create(key, encode)
        return await getattr(store, verb)(key, encode, live.revision if live else 0)
    except StoreError as error:
        return type(error)


async def perform(store, step):
    """Do one step and return what can be seen of it."""
    verb, *arguments = step
    try:
        if verb == "create":
            return await store.create(arguments[0], encode)
        if verb in {"update", "delete"}:
            live = store.get(arguments[0])
            return await getattr(store, verb)(
                arguments[0], encode, (live.revision if live else 0) + arguments[1]
            )
        if verb == "list":
            prefix, revision, after, limit = arguments
            page = (
                store.list(prefix, after=after, limit=limit)
                if revision is None
                else await store.list_at(prefix, revision, after=after, limit=limit)
            )
            return page._replace(records=list(page.records))
        if verb == "together":
            # what arrives while the disk is busy shares a transaction, in the order in which it came
            lives = {key: store.get(key) for _, key in arguments[0]}
            return await asyncio.gather(*(write(store, name, key, lives[key]) for name, key in arguments[0]))
        if verb == "watch":
            return await everything(store.watch(arguments[0], after=arguments[1]), store.revision)
        if verb == "compact":
            return await store.compact(arguments[0]), store.compacted
        return store.count(arguments[0])
    except StoreError as error:
        return type(error)


async def everything(watcher, revision):
    """Return what a watch gives up to a revision; it may be nothing, and then no batch ever comes."""

    async def read():
        return [change async for change in watcher]

    reading = asyncio.create_task(read())
    async with asyncio.timeout(60):
        while watcher.delivered < revision and not reading.done():
            await asyncio.sleep(0.001)
    watcher.close()
    return await reading


def follow(store, model, prefix):
    """Open a watch on both stores that stays open while more is written."""
    return prefix, store.watch(prefix, after=store.revision), model.watch(prefix, after=model.revision)


async def alike(followed, revision):
    """End the watches; both stores told the same, in the same order."""
    for _, watcher, expected in followed:
        assert await everything(watcher, revision) == await everything(expected, revision)


async def compare(steps, recent: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, options = Path(folder) / "store.db", StoreSettings(recent_changes=recent, check=False)
        model, store = MemoryStore(), await SqliteStore.open(path, options)
        followed = []
        try:
            for step in steps:
                if step[0] == "reopen":
                    await alike(followed, store.revision)
                    await store.close()
                    store = await SqliteStore.open(path, options)
                    followed = [follow(store, model, prefix) for prefix, _, _ in followed]
                elif step[0] == "follow":
                    followed.append(follow(store, model, step[1]))
                else:
                    assert await perform(store, step) == await perform(model, step), step
                assert (store.revision, store.compacted) == (model.revision, model.compacted)
            assert list(store.list("/").records) == list(model.list("/").records)
            await alike(followed, store.revision)
        finally:
            await store.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(STEPS, max_size=40), recent=st.sampled_from([1, 5, 1000]))
def test_the_durable_store_does_what_the_specification_does(steps, recent):
    asyncio.run(compare(steps, recent))
