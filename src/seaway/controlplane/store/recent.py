"""The last changes, in memory: watches that begin a little in the past and lists at a recent revision never touch the disk."""

from __future__ import annotations

from bisect import bisect_right

from seaway.controlplane.store.log import Change, Record, SeldomReadRecord

_HOT = 256
"""Superseded values among so many last changes keep their parsed form: their watchers may still want it."""


class RecentChanges:
    """A window over the end of the log, bounded in changes and in bytes.

    Args:
        changes: keep at most so many.
        size: keep at most so many bytes of values.
        start: the window is complete after this revision.
    """

    def __init__(self, changes: int, size: int, start: int) -> None:
        self._limit = changes
        self._size_limit = size
        self._size = 0
        self._changes: list[Change] = []
        self.start = start

    def append(self, change: Change) -> None:
        """Add the newest change; the oldest may fall out."""
        self._changes.append(change)
        self._size += len(change.record.value)
        if len(self._changes) > _HOT:
            _cool(self._changes[-_HOT - 1])
        if len(self._changes) > self._limit or self._size > self._size_limit:
            self._shrink()

    def since(self, after: int, prefix: str) -> list[Change]:
        """Return the changes after a revision to keys under a prefix, oldest first."""
        return [
            change for change in self._changes[self._index(after) :] if change.record.key.startswith(prefix)
        ]

    def undo(self, revision: int, prefix: str) -> dict[str, Record | None]:
        """Return what each key that has changed since `revision` was then; None for not there."""
        then: dict[str, Record | None] = {}
        for change in reversed(self._changes[self._index(revision) :]):
            if change.record.key.startswith(prefix):
                then[change.record.key] = change.previous
        return then

    def _index(self, revision: int) -> int:
        return bisect_right(self._changes, revision, key=lambda change: change.record.revision)

    def _shrink(self) -> None:
        # an eighth at a time, so that moving the rest is paid once in a thousand writes
        gone = self._changes[: max(1, len(self._changes) // 8)]
        self._size -= sum(len(change.record.value) for change in gone)
        self.start = gone[-1].record.revision
        del self._changes[: len(gone)]


def _cool(change: Change) -> None:
    if change.previous is not None:
        change.previous.drop_parsed()
    if change.type == "delete" or isinstance(change.record, SeldomReadRecord):
        change.record.drop_parsed()
