"""Who watches what: each durable change goes to every watcher of its key, and nobody waits for a slow one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

from seaway.controlplane.store.log import Change, SlowWatcher

History = Callable[[int, int], Awaitable[tuple[list[Change], int]]]
"""Given (after, up to), return some changes of that range in order, and the revision up to which they are complete."""


class Fanout:
    """All watchers of a store, found by prefix.

    Args:
        buffer: so many changes may wait for a watcher before it is closed as too slow.
        revision: the newest durable revision, already fanned out.
    """

    def __init__(self, buffer: int, revision: int = 0) -> None:
        self._buffer = buffer
        self._watchers: dict[str, set[StoreWatcher]] = {}
        self.revision = revision

    def publish(self, changes: Iterable[Change], revision: int) -> None:
        """Hand out changes that have just become durable; `revision` is the newest of them."""
        if self._watchers:
            for change in changes:
                for prefix in _prefixes(change.record.key):
                    for watcher in tuple(self._watchers.get(prefix, ())):
                        watcher.offer(change)
        self.revision = revision

    def subscribe(self, prefix: str, after: int, history: History | None) -> StoreWatcher:
        """Add a watcher of keys under `prefix`.

        Args:
            prefix: ends with "/".
            after: the watcher has everything up to this revision.
            history: reads what happened between `after` and now; None where nothing did.
        """
        watcher = StoreWatcher(self, prefix, after, history, self._buffer)
        self._watchers.setdefault(prefix, set()).add(watcher)
        return watcher

    def unsubscribe(self, watcher: StoreWatcher) -> None:
        """Forget a watcher; harmless where it is already."""
        group = self._watchers.get(watcher.prefix, set())
        group.discard(watcher)
        if not group:
            self._watchers.pop(watcher.prefix, None)

    def count(self) -> dict[str, int]:
        """Return how many watchers there are, by prefix."""
        return {prefix: len(group) for prefix, group in self._watchers.items()}

    def close(self) -> None:
        """Close all watchers."""
        for watcher in [watcher for group in self._watchers.values() for watcher in group]:
            watcher.close()


def _prefixes(key: str) -> Iterator[str]:
    start = key.find("/")
    while start >= 0:
        yield key[: start + 1]
        start = key.find("/", start + 1)


class StoreWatcher:
    """One watch: it was subscribed first, reads the history next, and drops of the live changes what it had there."""

    def __init__(self, fanout: Fanout, prefix: str, after: int, history: History | None, buffer: int) -> None:
        self.prefix = prefix
        self._fanout = fanout
        self._cursor = after
        self._handed_out = after
        self._history = history
        self._history_end = fanout.revision
        self._buffer = buffer
        self._waiting: deque[Change] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._closed = False
        self._slow = False

    def offer(self, change: Change) -> None:
        """Take a change that has just become durable."""
        if len(self._waiting) >= self._buffer:
            self._slow = True
            self.close()
            return
        self._waiting.append(change)
        self._rouse()

    @property
    def delivered(self) -> int:
        """A revision such that every change under the prefix up to it has been handed out."""
        if self._history is None and not self._waiting and not self._closed:
            return max(self._handed_out, self._fanout.revision)
        return self._handed_out

    async def next_batch(self) -> list[Change]:
        """Wait for at least one change and return all that are there; empty once closed."""
        while not self._closed:
            batch = await self._read_history() if self._history is not None else self._take_waiting()
            if batch:
                return batch
            if self._history is None and not self._closed:
                await self._wait()
        if self._slow:
            raise SlowWatcher(
                f"the watch of {self.prefix} fell more than {self._buffer} changes behind: list again"
            )
        return []

    async def __aiter__(self) -> AsyncIterator[Change]:
        """Iterate over changes until closed."""
        while batch := await self.next_batch():
            for change in batch:
                yield change

    def close(self) -> None:
        """Stop; a waiting iteration ends."""
        self._closed = True
        self._waiting.clear()
        self._fanout.unsubscribe(self)
        self._rouse()

    async def _read_history(self) -> list[Change]:
        assert self._history is not None
        try:
            batch, complete = await self._history(self._cursor, self._history_end)
        except BaseException:
            self.close()
            raise
        self._cursor = self._handed_out = complete
        if complete >= self._history_end:
            self._history = None
        return batch

    def _take_waiting(self) -> list[Change]:
        batch = [change for change in self._waiting if change.record.revision > self._cursor]
        self._waiting.clear()
        if batch:
            self._handed_out = batch[-1].record.revision
        return batch

    async def _wait(self) -> None:
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await self._wake
        finally:
            self._wake = None

    def _rouse(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
