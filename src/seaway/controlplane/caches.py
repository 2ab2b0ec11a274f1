"""What pods of this machine have in common, as Seaway's runner lays it down: folders of a cache that nodes may empty."""

from __future__ import annotations

from pathlib import Path

from seaway.controlplane.node.cacheplan import CacheSettings


def runners_cache(folder: Path, high: int, low: int, days: int) -> CacheSettings:
    """Return the cache of the runner, which finds or makes anew what is gone.

    Args:
        folder: where it is.
        high: per cent of the disk from which on what was not used lately goes.
        low: per cent of the disk until which it goes.
        days: after how many without use things go in any case.
    """
    return CacheSettings(
        folder, kinds=("environments", "code"), whole=("uv",), high=high / 100, low=low / 100, unused=days * 86400.0
    )  # fmt: skip
