"""The durable store: one SQLite file, group commit, and everything that is live in memory.

A write is checked against memory, gets its revision and joins the batch that forms while the commit before is under
way. Only when its batch is on the disk is it applied to memory, handed to watchers and acknowledged, so nobody ever
reads what a power cut could take back. A key has at most one write under way: a second one waits for the first.
"""

from __future__ import annotations

import asyncio
import builtins
import logging
import sqlite3
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Self

from seaway.base.measures import Measure
from seaway.base.sqlite import DatabaseError, SqliteBackend, file_size
from seaway.base.writer import OneWriter
from seaway.controlplane.store import table
from seaway.controlplane.store.fanout import Fanout, StoreWatcher
from seaway.controlplane.store.keys import SortedKeys
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
    StoreUnavailable,
    make_record,
)
from seaway.controlplane.store.past import Past
from seaway.controlplane.store.recent import RecentChanges
from seaway.controlplane.store.sealing import Sealer
from seaway.controlplane.store.settings import StoreSettings

logger = logging.getLogger(__name__)

_HISTORY_PAGE = 200
_SWEEP_STEP = 500


class _Pending:
    __slots__ = ("change", "future", "row")

    def __init__(self, change: Change, row: table.Row, future: asyncio.Future[Record]) -> None:
        self.change = change
        self.row = row
        self.future = future


class SqliteStore:
    """A store in one SQLite file. Open it with `open`; use it from one event loop."""

    def __init__(
        self,
        path: Path,
        settings: StoreSettings,
        writer: OneWriter[sqlite3.Connection],
        sealer: Sealer | None,
    ) -> None:
        self._path, self._settings = path, settings
        self._writer = writer
        self._seal = sealer.seal if sealer else table.as_it_is
        self._unseal = sealer.open if sealer else table.as_it_is
        self._past = Past(path, self._unseal)
        self._live: dict[str, Record] = {}
        self._keys = SortedKeys()
        self._tombstones: dict[str, int] = {}
        self._revision = self._allotted = self._compacted = self._swept = 0
        self._recent = RecentChanges(settings.recent_changes, settings.recent_bytes, 0)
        self._fanout = Fanout(settings.watch_buffer)
        self._pending: list[_Pending] = []
        self._in_flight: set[str] = set()
        self._waiters: list[asyncio.Future[None]] = []
        self._flushing = False
        self._closed = False
        self._sweeping = asyncio.Lock()
        self._compaction: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls, path: Path, settings: StoreSettings | None = None, sealer: Sealer | None = None
    ) -> Self:
        """Open a store file, or make a new one, readable by its owner only; with a sealer, Secrets are sealed in it.

        Raises:
            DatabaseCorrupt, DatabaseLocked, DatabaseUnavailable: the file cannot be used; the message says what to do.
        """
        settings = settings or StoreSettings()
        writer = OneWriter(
            SqliteBackend(path, table.SCHEMA, check=settings.check), "store-writer", measured="seaway_store"
        )
        await writer.open()
        try:
            store = cls(path, settings, writer, sealer)
            store._restore(await writer.write(lambda file: table.load(file, store._unseal)))
        except BaseException:
            await writer.close()
            raise
        return store

    def _restore(self, loaded: table.Loaded) -> None:
        self._live = {record.key: record for record in loaded.records}
        self._keys = SortedKeys(self._live)
        self._tombstones = loaded.tombstones
        self._revision = self._allotted = loaded.newest
        self._compacted, self._swept = loaded.compacted, loaded.swept
        self._recent.start = self._fanout.revision = loaded.newest

    @property
    def revision(self) -> int:
        """The newest durable revision."""
        return self._revision

    @property
    def compacted(self) -> int:
        """Nothing before this revision can be listed or watched from any more."""
        return self._compacted

    async def create(self, key: str, encode: Encode, parsed: Parsed = None) -> Record:
        """Add a key."""
        if key in self._in_flight:
            await self._settled(key)
        if key in self._live:
            raise KeyExists(key)
        revision = self._allotted + 1
        record = make_record(key, revision, revision, encode(revision), parsed)
        return await self._write(Change("create", record, None), self._tombstones.get(key, 0))

    async def update(self, key: str, encode: Encode, expected: int, parsed: Parsed = None) -> Record:
        """Replace a key's value whose live revision is `expected`."""
        live = await self._expect(key, expected)
        revision = self._allotted + 1
        record = make_record(key, revision, live.created, encode(revision), parsed)
        return await self._write(Change("update", record, live), live.revision)

    async def delete(self, key: str, encode: Encode, expected: int, parsed: Parsed = None) -> Record:
        """Remove a key whose live revision is `expected`."""
        live = await self._expect(key, expected)
        revision = self._allotted + 1
        record = make_record(key, revision, live.created, encode(revision), parsed)
        return await self._write(Change("delete", record, live), live.revision)

    def get(self, key: str) -> Record | None:
        """Return the live record of a key, None for none."""
        return self._live.get(key)

    def list(self, prefix: str, *, after: str | None = None, limit: int = 0) -> Page:
        """Return live records whose key starts with `prefix`, in key order."""
        return self._list_live(prefix, self._revision, after, limit)

    async def list_at(self, prefix: str, revision: int, *, after: str | None = None, limit: int = 0) -> Page:
        """Return what `list` would have returned at a revision.

        Only a revision older than the changes kept in memory is read from the file.
        """
        self._require_kept(revision)
        if revision < self._recent.start:
            page = await asyncio.to_thread(self._past.list, prefix, revision, after, limit)
            self._require_kept(revision)  # else a compaction may have taken rows away meanwhile
            return page
        if then := self._recent.undo(revision, prefix):
            return self._list_then(then, prefix, revision, after, limit)
        return self._list_live(prefix, revision, after, limit)

    def _list_live(self, prefix: str, revision: int, after: str | None, limit: int) -> Page:
        keys = self._keys.under(prefix, after)
        records = list(map(self._live.__getitem__, islice(keys, limit) if limit else keys))
        if not limit or len(records) < limit:
            return Page(records, revision, None, 0)
        remaining = self._keys.count(prefix, after) - limit
        return Page(records, revision, records[-1].key if remaining else None, remaining)

    def count(self, prefix: str) -> int:
        """Return how many live keys start with `prefix`."""
        return self._keys.count(prefix)

    def watch(self, prefix: str, *, after: int) -> StoreWatcher:
        """Follow all changes to keys under `prefix` with a revision greater than `after`."""
        self._require_kept(after)

        async def history(start: int, end: int) -> tuple[builtins.list[Change], int]:
            return await self._history(prefix, start, end)

        return self._fanout.subscribe(prefix, after, history if after < self._revision else None)

    def watchers(self) -> dict[str, int]:
        """Return how many watch now, by prefix."""
        return self._fanout.count()

    def size(self) -> int:
        """Return how many bytes its files have."""
        return file_size(self._path)

    def measures(self) -> tuple[Measure, ...]:
        """Return what is counted of its transactions."""
        return (self._writer.durations,)

    async def compact(self, revision: int) -> None:
        """Forget superseded values and tombstones up to `revision`, in small steps between other writes."""
        if revision > self._revision:
            raise FutureRevision(f"revision {revision} has not happened yet; the newest is {self._revision}")
        async with self._sweeping:
            try:
                if revision > self._compacted:
                    newest = self._revision
                    await self._writer.write(lambda file: table.record_compaction(file, revision, newest))
                    self._compacted = revision
                while self._swept < self._compacted:
                    await self._sweep(self._swept, min(self._swept + _SWEEP_STEP, self._compacted))
            except (DatabaseError, sqlite3.Error) as error:
                raise StoreUnavailable(str(error)) from error

    async def close(self) -> None:
        """Finish pending writes, close watchers and files."""
        self._closed = True
        if self._compaction is not None:
            self._compaction.cancel()
            await asyncio.wait({self._compaction})
        while self._in_flight:
            await self._settlement()
        self._fanout.close()
        try:
            await self._writer.close()
        finally:
            self._past.close()

    # Writing.

    async def _expect(self, key: str, expected: int) -> Record:
        if key in self._in_flight:
            await self._settled(key)
        live = self._live.get(key)
        if live is None:
            raise KeyMissing(key)
        if live.revision != expected:
            raise RevisionMismatch(f"{key} is at revision {live.revision}, not {expected}")
        return live

    def _write(self, change: Change, previous: int) -> asyncio.Future[Record]:
        if self._closed:
            raise StoreUnavailable("the store is closed: start the cluster again")
        record = change.record
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Record] = loop.create_future()
        self._allotted = record.revision
        self._in_flight.add(record.key)
        self._pending.append(_Pending(change, table.row(change, previous, self._seal), future))
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        return future

    def _flush(self) -> None:
        batch, self._pending = self._pending, []
        rows = [pending.row for pending in batch]
        written = self._writer.submit(lambda file: table.append(file, rows))
        written.add_done_callback(lambda done: self._settle(batch, done.exception()))

    def _settle(self, batch: builtins.list[_Pending], error: BaseException | None) -> None:
        if self._pending:
            asyncio.get_running_loop().call_soon(self._flush)
        else:
            self._flushing = False
        if error is None:
            self._apply([pending.change for pending in batch])
        for pending in batch:
            self._in_flight.discard(pending.change.record.key)
            if pending.future.done():
                continue
            if error is None:
                pending.future.set_result(pending.change.record)
            else:
                pending.future.set_exception(_unavailable(error))
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _apply(self, changes: builtins.list[Change]) -> None:
        for change in changes:
            record = change.record
            if change.type == "delete":
                del self._live[record.key]
                self._keys.remove(record.key)
                self._tombstones[record.key] = record.revision
            else:
                self._live[record.key] = record
                if change.type == "create":
                    self._keys.add(record.key)
                    self._tombstones.pop(record.key, None)
            self._recent.append(change)
        self._revision = changes[-1].record.revision
        self._fanout.publish(changes, self._revision)
        kept = self._settings.kept_revisions
        if (
            kept
            and self._revision - self._compacted > 2 * kept
            and self._compaction is None
            and not self._closed
        ):
            self._compaction = asyncio.create_task(self._compact_itself(self._revision - kept))

    async def _settled(self, key: str) -> None:
        while key in self._in_flight:
            await self._settlement()

    async def _settlement(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    # Forgetting.

    async def _compact_itself(self, revision: int) -> None:
        try:
            await self.compact(revision)
        except StoreUnavailable as error:
            logger.error("compaction will be tried again: %s", error)
        finally:
            self._compaction = None

    async def _sweep(self, after: int, upto: int) -> None:
        await self._writer.write(lambda file: table.sweep(file, after, upto))
        self._swept = upto
        if upto == self._compacted:
            self._tombstones = {
                key: revision for key, revision in self._tombstones.items() if revision > upto
            }

    # Reading the past.

    def _list_then(
        self, then: dict[str, Record | None], prefix: str, revision: int, after: str | None, limit: int
    ) -> Page:
        live = self._live
        changed = {key for key in then if after is None or key > after}
        back = sorted(key for key in changed if then[key] is not None and key not in live)
        late = sum(then[key] is None and key in live for key in changed)
        present = (key for key in self._keys.under(prefix, after) if then.get(key, key) is not None)
        keys = list(islice(merge(present, back), limit or None))
        remaining = self._keys.count(prefix, after) - late + len(back) - len(keys)
        records = [then.get(key) or live[key] for key in keys]
        return Page(records, revision, keys[-1] if remaining else None, remaining)

    async def _history(self, prefix: str, start: int, end: int) -> tuple[builtins.list[Change], int]:
        if start >= self._compacted and start >= self._recent.start:
            changes = self._recent.since(start, prefix)
            return [change for change in changes if change.record.revision <= end], end
        changes = await asyncio.to_thread(self._past.changes, prefix, start, end, _HISTORY_PAGE)
        if start < self._compacted:
            raise Compacted(f"revision {start} was compacted; the oldest kept is {self._compacted}")
        return changes, changes[-1].record.revision if len(changes) == _HISTORY_PAGE else end

    def _require_kept(self, revision: int) -> None:
        if revision > self._revision:
            raise FutureRevision(f"revision {revision} has not happened yet; the newest is {self._revision}")
        if revision < self._compacted:
            raise Compacted(f"revision {revision} was compacted; the oldest kept is {self._compacted}")


def _unavailable(error: BaseException) -> StoreUnavailable:
    message = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        message = f"another process has written to the store's file: stop one of the two, then start again ({error})"
    unavailable = StoreUnavailable(message)
    unavailable.__cause__ = error
    return unavailable
