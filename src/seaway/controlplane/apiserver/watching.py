"""WATCH: the store's changes as events, through selectors, with bookmarks.

Source: Kubernetes API concepts, "Efficient detection of changes", "Watch bookmarks" and "Streaming lists".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import orjson

from seaway.controlplane.apiserver.content import Content, ValueContent
from seaway.controlplane.apiserver.listing import list_records, matcher, too_large
from seaway.controlplane.apiserver.messages import WatchItem
from seaway.controlplane.apiserver.options import ListOptions, revision_of
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.store.log import (
    Change,
    Compacted,
    FutureRevision,
    Record,
    SlowWatcher,
    Store,
    Watcher,
)
from seaway.objects.errors import ApiError, Expired

Show = Callable[[Record], Content]
"""Renders one record: the object itself, a Table row, metadata only."""
_TYPES = {"create": "ADDED", "update": "MODIFIED", "delete": "DELETED"}
_TURN = 200
"""After so many initial events everybody else has a turn."""
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


async def start_watch(
    store: Store,
    served: Served,
    namespace: str,
    options: ListOptions,
    seconds: float,
    bookmark_seconds: float,
    show: Show,
) -> AsyncIterator[WatchItem]:
    """Open a watch now (nothing that happens after this call is missed) and return its events.

    Args:
        store: what to watch.
        served: the kind.
        namespace: empty for all.
        options: selectors, where to start, bookmarks.
        seconds: after which it ends.
        bookmark_seconds: how often an idle watch says how far it is.
        show: how objects are rendered.

    Raises:
        BadRequest, Invalid, Timeout: it cannot be watched so; too old a revision is an ERROR event instead.
    """
    matches = matcher(served, options) if options.selective else None
    prefix = served.scope(namespace)
    version = options.resource_version
    initial: list[Record] = []
    begin = options.send_initial_events if options.send_initial_events is not None else version in {"", "0"}
    if version not in {"", "0"} and revision_of(version) > store.revision:
        raise too_large(revision_of(version), store.revision)
    if begin:
        listed = await list_records(store, served, namespace, ListOptions(options.labels, options.fields))
        initial, after = list(listed.records), int(listed.metadata["resourceVersion"])
    else:
        after = store.revision if version in {"", "0"} else revision_of(version)
    try:
        watcher = store.watch(prefix, after=after)
    except Compacted:
        return _refused(Expired(f"too old resource version: {after} ({store.compacted})"))
    except FutureRevision:
        raise too_large(after, store.revision) from None
    watch = _Watch(served, watcher, matches, show, options, after)
    return WatchEvents(watch.events(initial, seconds, bookmark_seconds), watcher)


class WatchEvents:
    """The events of one watch. Closing it also closes a watch of which no event was ever asked for."""

    def __init__(self, events: AsyncGenerator[WatchItem, None], watcher: Watcher) -> None:
        self._events = events
        self._watcher = watcher

    def __aiter__(self) -> AsyncIterator[WatchItem]:
        return self._events

    async def __anext__(self) -> WatchItem:
        return await anext(self._events)

    async def aclose(self) -> None:
        """End the watch."""
        self._watcher.close()
        await self._events.aclose()


async def _refused(error: ApiError) -> AsyncGenerator[WatchItem, None]:
    yield WatchItem("ERROR", ValueContent(error.to_status()))


def _gone(previous: Record, revision: int) -> Record:
    """Return what a watcher is told of an object that it does not see any more: as it last was, as of now."""
    metadata = {**previous.object["metadata"], "resourceVersion": str(revision)}
    return _record(previous.key, revision, {**previous.object, "metadata": metadata})


def _record(key: str, revision: int, obj: dict[str, Any]) -> Record:
    return Record(key, revision, revision, orjson.dumps(obj), obj)


class _Watch:
    def __init__(
        self, served: Served, watcher: Watcher, matches: Any, show: Show, options: ListOptions, start: int
    ) -> None:
        self._served = served
        self._watcher = watcher
        self._matches = matches
        self._show = show
        self._options = options
        self._start = start

    async def events(
        self, initial: list[Record], seconds: float, bookmark_seconds: float
    ) -> AsyncGenerator[WatchItem, None]:
        """Yield events until the time is over or the watcher fell behind."""
        loop = asyncio.get_running_loop()
        try:
            for number, record in enumerate(initial, 1):
                yield WatchItem("ADDED", self._show(record))
                if number % _TURN == 0:
                    await asyncio.sleep(0)
            if self._options.send_initial_events and self._options.bookmarks:
                yield self._bookmark(ended=True)
            end = loop.time() + seconds
            while (left := end - loop.time()) > 0:
                try:
                    async with asyncio.timeout(min(left, bookmark_seconds)):
                        batch = await self._watcher.next_batch()
                except TimeoutError:
                    if self._options.bookmarks and loop.time() < end:
                        yield self._bookmark()
                    continue
                if not batch:
                    return
                for change in batch:
                    if (item := self._event(change)) is not None:
                        yield item
            if self._options.bookmarks:
                yield self._bookmark()
        except (SlowWatcher, Compacted) as error:
            yield WatchItem("ERROR", ValueContent(Expired(f"too old resource version: {error}").to_status()))
        finally:
            self._watcher.close()

    def _event(self, change: Change) -> WatchItem | None:
        """Return what a change means to this watcher, None for nothing."""
        kind, record, previous = change
        if self._matches is None:
            return WatchItem(_TYPES[kind], self._show(record))
        after = kind != "delete" and self._matches(record.object)
        before = previous is not None and self._matches(previous.object)
        if after:
            return WatchItem("MODIFIED" if before else "ADDED", self._show(record))
        if not before or previous is None:
            return None
        return WatchItem(
            "DELETED", self._show(record if kind == "delete" else _gone(previous, record.revision))
        )

    def _bookmark(self, *, ended: bool = False) -> WatchItem:
        resource = self._served.resource
        metadata: dict[str, Any] = {"resourceVersion": str(max(self._watcher.delivered, self._start))}
        if ended:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        mark = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        return WatchItem("BOOKMARK", self._show(_record("", self._watcher.delivered, mark)))
