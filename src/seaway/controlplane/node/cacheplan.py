"""What of a machine's cache may go, and in which order: pure.

As the kubelet does with images, for what this machine's pods have in common instead: environments, code, packages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """A folder in which pods keep what can be made again, and when it is emptied.

    What lies in it as KIND/NAME is one thing; who uses it holds a lock (flock, shared) on KIND/.NAME.lock, whose time of
    change tells when it was used last.
    """

    folder: Path
    kinds: tuple[str, ...]
    """The folders in it whose entries may go; "" for the next."""
    whole: tuple[str, ...] = ()
    """Things that lie in the folder itself."""
    high: float = 0.85
    """Part of the disk from which on things go that were not used lately (kubelet: imageGCHighThresholdPercent) ..."""
    low: float = 0.80
    """... until no more than this is taken (kubelet: imageGCLowThresholdPercent)."""
    unused: float = 30 * 86400.0
    """What was not used for so many seconds goes in any case (kubelet: imageMaximumGCAge)."""
    spared: float = 86400.0
    """What was used within so many seconds goes only where pods would have to (kubelet: imageMinimumGCAge)."""
    every: float = 300.0
    """Seconds between two looks (kubelet: 300)."""


class Kept(NamedTuple):
    """One thing in the cache."""

    kind: str
    """"" for one that lies in the cache's folder itself."""
    name: str
    used: float
    """When last, in seconds since the epoch."""


class Plan(NamedTuple):
    """What goes, unless somebody uses it."""

    expired: tuple[Kept, ...]
    """In any case."""
    spare: tuple[Kept, ...]
    """One after the other, until no more than `until` of the disk is taken."""
    until: float


def plan(kept: Iterable[Kept], now: float, taken: float, settings: CacheSettings, *, pressed: bool) -> Plan:
    """Return what may go, what was used longest ago first.

    Args:
        kept: what there is.
        now: in seconds since the epoch.
        taken: part of the disk.
        settings: of the cache.
        pressed: the node is short of disk, and pods go next.
    """
    by_use = sorted(kept, key=lambda one: one.used)
    expired = tuple(one for one in by_use if now - one.used > settings.unused)
    spared = 0.0 if pressed else settings.spared
    spare: tuple[Kept, ...] = ()
    if pressed or taken >= settings.high:
        spare = tuple(one for one in by_use[len(expired) :] if now - one.used >= spared)
    return Plan(expired, spare, settings.low)


def told(gone: Iterable[Kept], freed: int, why: str) -> str:
    """Say what went."""
    counts: dict[str, int] = {}
    for one in gone:
        counts[one.kind or one.name] = counts.get(one.kind or one.name, 0) + 1
    listed = ", ".join(f"{count} of {kind}" for kind, count in sorted(counts.items()))
    return f"Removed from the cache of this machine ({why}): {listed}; {freed >> 20} MiB are free again"
