"""What is no longer in memory of the past: read from the file, over a connection of its own."""

from __future__ import annotations

import builtins
import sqlite3
import threading
from pathlib import Path

from seaway.base.sqlite import connect, translated
from seaway.controlplane.store import table
from seaway.controlplane.store.log import Change, Page


class Past:
    """Reads a store's file beside its writer, from any thread.

    Args:
        path: the store's file.
        unseal: opens values that are sealed.
    """

    def __init__(self, path: Path, unseal: table.Seal = table.as_it_is) -> None:
        self._path, self._unseal = path, unseal
        self._lock = threading.Lock()
        self._reader: sqlite3.Connection | None = None

    def list(self, prefix: str, revision: int, after: str | None, limit: int) -> Page:
        """Return what was live under a prefix as of a revision."""
        with self._lock, translated(self._path):
            return table.read_list(self._open(), prefix, revision, after, limit, self._unseal)

    def changes(self, prefix: str, after: int, upto: int, limit: int) -> builtins.list[Change]:
        """Return the first changes of (after, upto] to keys under a prefix."""
        with self._lock, translated(self._path):
            return table.read_changes(self._open(), prefix, after, upto, limit, self._unseal)

    def close(self) -> None:
        """Close the connection, where one was needed."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _open(self) -> sqlite3.Connection:
        if self._reader is None:
            self._reader = connect(self._path, read_only=True)
        return self._reader
