"""The specification of a store: all history in one list, no disk, every operation in its plainest form."""

from __future__ import annotations

from seaway.base.measures import Measure
from seaway.controlplane.store.fanout import Fanout, StoreWatcher
from seaway.controlplane.store.log import (
    Change,
    Compacted,
    Encode,
    FutureRevision,
    KeyExists,
    KeyMissing,
    Page,
    Parsed,
    Record,
    RevisionMismatch,
)


class MemoryStore:
    """A store that forgets everything when the process ends. For tests, and to read.

    Args:
        watch_buffer: so many changes may wait for a watcher before it is closed as too slow.
    """

    def __init__(self, watch_buffer: int = 8192) -> None:
        self._log: list[Change] = []
        self._live: dict[str, Record] = {}
        self._compacted = 0
        self._fanout = Fanout(watch_buffer)

    @property
    def revision(self) -> int:
        """The newest revision."""
        return self._log[-1].record.revision if self._log else 0

    @property
    def compacted(self) -> int:
        """Nothing before this revision can be listed or watched from any more."""
        return self._compacted

    async def create(self, key: str, encode: Encode, parsed: Parsed = None) -> Record:
        """Add a key."""
        if key in self._live:
            raise KeyExists(key)
        revision = self.revision + 1
        record = Record(key, revision, revision, encode(revision), parsed)
        return self._append(Change("create", record, None))

    async def update(self, key: str, encode: Encode, expected: int, parsed: Parsed = None) -> Record:
        """Replace a key's value whose live revision is `expected`."""
        live = self._expect(key, expected)
        revision = self.revision + 1
        record = Record(key, revision, live.created, encode(revision), parsed)
        return self._append(Change("update", record, live))

    async def delete(self, key: str, encode: Encode, expected: int, parsed: Parsed = None) -> Record:
        """Remove a key whose live revision is `expected`."""
        live = self._expect(key, expected)
        revision = self.revision + 1
        record = Record(key, revision, live.created, encode(revision), parsed)
        return self._append(Change("delete", record, live))

    def get(self, key: str) -> Record | None:
        """Return the live record of a key, None for none."""
        return self._live.get(key)

    def list(self, prefix: str, *, after: str | None = None, limit: int = 0) -> Page:
        """Return records whose key starts with `prefix`, in key order."""
        return self._page(self._live, self.revision, prefix, after, limit)

    async def list_at(self, prefix: str, revision: int, *, after: str | None = None, limit: int = 0) -> Page:
        """Return what `list` would have returned at a revision."""
        self._require_kept(revision)
        return self._page(self._as_of(revision), revision, prefix, after, limit)

    def _page(
        self, state: dict[str, Record], revision: int, prefix: str, after: str | None, limit: int
    ) -> Page:
        keys = sorted(key for key in state if key.startswith(prefix) and (after is None or key > after))
        page = keys[:limit] if limit else keys
        remaining = len(keys) - len(page)
        return Page([state[key] for key in page], revision, page[-1] if remaining else None, remaining)

    def count(self, prefix: str) -> int:
        """Return how many live keys start with `prefix`."""
        return sum(key.startswith(prefix) for key in self._live)

    def watch(self, prefix: str, *, after: int) -> StoreWatcher:
        """Follow all changes to keys under `prefix` with a revision greater than `after`."""
        self._require_kept(after)

        async def history(start: int, end: int) -> tuple[list[Change], int]:
            if start < self._compacted:
                raise Compacted(f"revision {start} was compacted")
            return [
                change
                for change in self._log
                if start < change.record.revision <= end and change.record.key.startswith(prefix)
            ], end

        return self._fanout.subscribe(prefix, after, history if after < self.revision else None)

    def watchers(self) -> dict[str, int]:
        """Return how many watch now, by prefix."""
        return self._fanout.count()

    def size(self) -> int:
        """Return 0: nothing of it is on the disk."""
        return 0

    def measures(self) -> tuple[Measure, ...]:
        """Return nothing: it has no transactions."""
        return ()

    async def compact(self, revision: int) -> None:
        """Forget superseded values and tombstones up to `revision`; live values stay."""
        if revision > self.revision:
            raise FutureRevision(f"revision {revision} has not happened yet")
        self._compacted = max(self._compacted, revision)

    async def close(self) -> None:
        """Close the watchers."""
        self._fanout.close()

    def _expect(self, key: str, expected: int) -> Record:
        live = self._live.get(key)
        if live is None:
            raise KeyMissing(key)
        if live.revision != expected:
            raise RevisionMismatch(f"{key} is at revision {live.revision}, not {expected}")
        return live

    def _append(self, change: Change) -> Record:
        self._log.append(change)
        if change.type == "delete":
            del self._live[change.record.key]
        else:
            self._live[change.record.key] = change.record
        self._fanout.publish([change], self.revision)
        return change.record

    def _as_of(self, revision: int) -> dict[str, Record]:
        state: dict[str, Record] = {}
        for change in self._log:
            if change.record.revision > revision:
                break
            if change.type == "delete":
                del state[change.record.key]
            else:
                state[change.record.key] = change.record
        return state

    def _require_kept(self, revision: int) -> None:
        if revision > self.revision:
            raise FutureRevision(f"revision {revision} has not happened yet; the newest is {self.revision}")
        if revision < self._compacted:
            raise Compacted(f"revision {revision} was compacted; the oldest kept is {self._compacted}")
