"""How much a store remembers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How much a store remembers."""

    kept_revisions: int = 10_000
    """Compact by itself when twice as many are kept, down to so many; 0 for never."""
    recent_changes: int = 10_000
    """So many of the last changes stay in memory for watches and lists at a recent revision."""
    recent_bytes: int = 8 << 20
    """... but at most so many bytes of them."""
    watch_buffer: int = 8192
    """So many changes may wait for a watcher before it is closed as too slow."""
    check: bool = True
    """Look through the file for damage when it is opened (about 1 s per GB)."""
