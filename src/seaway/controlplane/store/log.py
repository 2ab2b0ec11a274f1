"""The contract of a store: an append-only log of revisions, and what is live now.

One global revision, one more with each write. Optimistic concurrency is the only lock: a write names the revision
that it replaces. Reads see only what is durable. `memory.py` is the readable specification of this contract,
`sqlite.py` the durable one; both pass `tests/contracts/test_store.py`.

Source: the etcd v3 data model and kine's single-table log.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import orjson

from seaway.base.measures import Measure


class StoreError(Exception):
    """A store refused or failed."""


class KeyExists(StoreError):
    """A create met a live key."""


class KeyMissing(StoreError):
    """An update or delete met no live key."""


class RevisionMismatch(StoreError):
    """The key's live revision is not the expected one."""


class Compacted(StoreError):
    """The revision asked for is older than what is kept."""


class FutureRevision(StoreError):
    """The revision asked for has not happened yet."""


class SlowWatcher(StoreError):
    """The watcher did not keep up and was closed: list again."""


class StoreUnavailable(StoreError):
    """The disk refused the write (full, read-only, broken); nothing of it was kept. The message says what to do."""


class Record:
    """One live or historic value of a key. Immutable by convention: it is shared by every reader and watcher."""

    __slots__ = ("_object", "created", "key", "revision", "value")

    def __init__(
        self, key: str, revision: int, created: int, value: bytes, parsed: dict[str, Any] | None = None
    ) -> None:
        self.key = key
        self.revision = revision
        """Revision of the write that made this value; for a tombstone, of the delete."""
        self.created = created
        """Revision of the create that began this life of the key."""
        self.value = value
        """The object as encoded JSON, its metadata.resourceVersion already set."""
        self._object = parsed

    def drop_parsed(self) -> None:
        """Free the parsed form of a value that is history; it is parsed again where somebody asks."""
        self._object = None

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        return self._fields() == other._fields() if isinstance(other, Record) else NotImplemented

    def __hash__(self) -> int:
        """Hash by key and revision."""
        return hash((self.key, self.revision))

    def __repr__(self) -> str:
        """Show everything but the value."""
        return (
            f"Record({self.key!r}, revision={self.revision}, created={self.created}, {len(self.value)} bytes)"
        )

    def _fields(self) -> tuple[str, int, int, bytes]:
        return self.key, self.revision, self.created, self.value

    @property
    def object(self) -> dict[str, Any]:
        """The parsed value, parsed once and shared: copy before changing."""
        parsed = self._object
        if parsed is None:
            parsed = self._object = orjson.loads(self.value)
        return parsed


class SeldomReadRecord(Record):
    """A value of which there are many and that is rarely read again: its parsed form is not kept once it is history."""

    __slots__ = ()

    @property
    def object(self) -> dict[str, Any]:
        """The parsed value: copy before changing."""
        parsed: dict[str, Any] = self._object or orjson.loads(self.value)
        return parsed


SELDOM_READ = ("/registry/core/events/",)
"""Where such values are: a cluster has some for each of its pods, for an hour, and whoever wants them watches them."""


def make_record(
    key: str, revision: int, created: int, value: bytes, parsed: dict[str, Any] | None = None
) -> Record:
    """Return a record of the kind that suits its key."""
    kind = SeldomReadRecord if key.startswith(SELDOM_READ) else Record
    return kind(key, revision, created, value, parsed)


class Change(NamedTuple):
    """One entry of the log, as watchers get it."""

    type: Literal["create", "update", "delete"]
    record: Record
    """The new value; for a delete the last value with its metadata.resourceVersion set to the delete's revision."""
    previous: Record | None
    """The value before, None for a create."""


class Page(NamedTuple):
    """Part of a list, all of it as of one revision."""

    records: Sequence[Record]
    revision: int
    last_key: str | None
    """Give as `after` (with `revision`) for the next page; None where this is the last."""
    remaining: int
    """How many records follow this page."""


Encode = Callable[[int], bytes]
"""Given the revision that the write got, return the value's bytes. Called once, synchronously."""
Parsed = dict[str, Any] | None
"""What `encode` has encoded, never to be changed again, so that no reader parses the value; None where nobody has it."""


class Store(Protocol):
    """An append-only log of revisions. Writes return when they are durable; reads of what lives never wait."""

    @property
    def revision(self) -> int:
        """The newest durable revision."""
        ...

    @property
    def compacted(self) -> int:
        """Nothing before this revision can be listed or watched from any more."""
        ...

    async def create(self, key: str, encode: Encode, parsed: Parsed = None) -> Record:
        """Add a key. Raises KeyExists, StoreUnavailable."""
        ...

    async def update(self, key: str, encode: Encode, expected: int, parsed: Parsed = None) -> Record:
        """Replace a key's value whose live revision is `expected`. Raises KeyMissing, RevisionMismatch, StoreUnavailable."""
        ...

    async def delete(self, key: str, encode: Encode, expected: int, parsed: Parsed = None) -> Record:
        """Remove a key whose live revision is `expected`; `encode` makes the last value that watchers get.

        Raises KeyMissing, RevisionMismatch, StoreUnavailable.
        """
        ...

    def get(self, key: str) -> Record | None:
        """Return the live record of a key, None for none."""
        ...

    def list(self, prefix: str, *, after: str | None = None, limit: int = 0) -> Page:
        """Return live records whose key starts with `prefix`, in key order.

        Args:
            prefix: ends with "/".
            after: only keys after this one (exclusive).
            limit: at most so many; 0 for all.
        """
        ...

    async def list_at(self, prefix: str, revision: int, *, after: str | None = None, limit: int = 0) -> Page:
        """Return what `list` would have returned at a revision; nobody else waits while the file is read.

        Raises:
            Compacted: `revision` is no longer kept.
            FutureRevision: `revision` has not happened yet.
        """
        ...

    def count(self, prefix: str) -> int:
        """Return how many live keys start with `prefix`."""
        ...

    def watch(self, prefix: str, *, after: int) -> Watcher:
        """Follow all changes to keys under `prefix` with a revision greater than `after`, without gap or double.

        Raises:
            Compacted: changes after `after` are no longer all kept.
            FutureRevision: `after` has not happened yet.
        """
        ...

    def watchers(self) -> Mapping[str, int]:
        """Return how many watch now, by prefix."""
        ...

    def size(self) -> int:
        """Return how many bytes it takes on the disk; 0 where it is in memory alone."""
        ...

    def measures(self) -> Sequence[Measure]:
        """Return what is counted of its transactions."""
        ...

    async def compact(self, revision: int) -> None:
        """Forget superseded values and tombstones up to `revision`; live values stay."""
        ...

    async def close(self) -> None:
        """Finish pending writes, close watchers and files."""
        ...


class Watcher(Protocol):
    """One watch. Close it when done; a watcher too slow for its buffer is closed and raises SlowWatcher."""

    def __aiter__(self) -> AsyncIterator[Change]:
        """Iterate over changes until closed."""
        ...

    async def next_batch(self) -> list[Change]:
        """Wait for at least one change and return all that are there, oldest first; empty once closed.

        Raises:
            SlowWatcher: the watcher fell behind and was closed.
            Compacted: what it still had to read of the history was compacted away.
        """
        ...

    @property
    def delivered(self) -> int:
        """A revision such that every change under the prefix up to it has been handed out (for bookmarks)."""
        ...

    def close(self) -> None:
        """Stop; a waiting iteration ends."""
        ...
