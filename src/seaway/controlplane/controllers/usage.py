"""What a volume holds beside what it was claimed with: pure.

Sizes are measured, not enforced: that takes quotas of the file system, which few machines have set up. Whoever is over is
told, and nothing is taken away.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from seaway.objects import meta
from seaway.objects.quantity import whole
from seaway.objects.volumes import USED_BYTES, USED_FILES

Object = dict[str, Any]
Level = Literal["", "VolumeNearlyFull", "VolumeOverLimit"]
MOST_FILES = "seaway.dev/max-files"
"""Annotation of a claim: how many files its volume may hold."""
PARAMETER = "maxFiles"
"""The same as a parameter of a storage class."""
USAGE = "seaway.dev/usage"
"""Annotation of a claim: the same for people."""
WARNING = "seaway.dev/usage-warning"
"""Annotation of a claim: the reason of the last event about it, as long as it holds."""
_SHARE = 0.8
_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi")


class Usage(NamedTuple):
    """What was found."""

    bytes: int
    files: int
    disk_files: int = 0
    """Files that the file system can hold in all; 0 where it does not say."""
    disk_files_free: int = 0


class Limits(NamedTuple):
    """What there may be."""

    bytes: int
    files: int | None = None


def limits(claim: Object, storage_class: Object | None) -> Limits:
    """Return the limits of a bound claim; a number of files that is none counts as none given."""
    size = ((claim.get("status") or {}).get("capacity") or {}).get("storage") or "0"
    given = meta.annotations_of(claim).get(MOST_FILES)
    if given is None:
        given = ((storage_class or {}).get("parameters") or {}).get(PARAMETER)
    return Limits(whole(size), int(given) if given is not None and given.isdecimal() else None)


def level(usage: Usage, allowed: Limits) -> Level:
    """Return how full a volume is, as the reason of an event."""
    shares = [usage.bytes / allowed.bytes if allowed.bytes else 0.0]
    if allowed.files is not None:
        shares.append(usage.files / allowed.files if allowed.files else float(usage.files > 0) * 2)
    fullest = max(shares)
    disk = usage.disk_files and 1 - usage.disk_files_free / usage.disk_files
    if fullest > 1:
        return "VolumeOverLimit"
    return "VolumeNearlyFull" if fullest >= _SHARE or disk >= 1 - (1 - _SHARE) / 2 else ""


def told(usage: Usage, allowed: Limits) -> str:
    """Return what people read: what is used of what."""
    files = f"{usage.files:,} files"
    if allowed.files is not None:
        files = f"{usage.files:,} of {allowed.files:,} files"
    share = f" ({100 * usage.bytes / allowed.bytes:.0f} %)" if allowed.bytes else ""
    return f"{shown(usage.bytes)} of {shown(allowed.bytes)}{share}, {files}"


def message(reason: Level, usage: Usage, allowed: Limits) -> str:
    """Return the event's sentence."""
    what = told(usage, allowed)
    if reason == "VolumeOverLimit":
        return (
            f"The volume holds {what}: more than was claimed. Sizes are measured here, not enforced: nothing is lost, but "
            "the disk may fill up. Delete files, or let the claim grow: kubectl patch its spec.resources.requests.storage"
        )
    if reason == "VolumeNearlyFull":
        left = ""
        if usage.disk_files:
            left = f"; the disk has room for {usage.disk_files_free:,} of {usage.disk_files:,} files"
        return f"The volume is nearly full: {what}{left}"
    return f"The volume is within its limits again: {what}"


def shown(amount: int) -> str:
    """Return bytes with a binary unit, for people."""
    value, unit = float(amount), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}".removesuffix(".0") + (_UNITS[unit] or " bytes")


def noted(claim: Object) -> Usage | None:
    """Return what a claim's annotations say of its last measurement, None where there was none."""
    annotations = meta.annotations_of(claim)
    found = [annotations.get(USED_BYTES, ""), annotations.get(USED_FILES, "")]
    return Usage(int(found[0]), int(found[1])) if all(one.isdecimal() for one in found) else None


def notes(usage: Usage, allowed: Limits) -> dict[str, str | None]:
    """Return the annotations that say what was found, None for one that goes."""
    return {
        USED_BYTES: str(usage.bytes),
        USED_FILES: str(usage.files),
        USAGE: f"{told(usage, allowed)}; measured, not enforced",
        WARNING: level(usage, allowed) or None,
    }


def has_other_limits(claim: Object, allowed: Limits) -> bool:
    """Tell whether a claim's limits changed since it was measured."""
    before = noted(claim)
    return before is not None and meta.annotations_of(claim).get(USAGE) != notes(before, allowed)[USAGE]


def is_news(claim: Object, usage: Usage, allowed: Limits) -> bool:
    """Tell whether a measurement is worth a write.

    It is the first, the limits are others, it warns or no longer does, or is another by a hundredth of the limit or of
    what was.
    """
    before = noted(claim)
    if before is None or has_other_limits(claim, allowed):
        return True
    if level(usage, allowed) != meta.annotations_of(claim).get(WARNING, ""):
        return True
    pairs = ((usage.bytes, before.bytes, allowed.bytes), (usage.files, before.files, allowed.files or 0))
    return any(abs(now - then) > max(then, limit) / 100 for now, then, limit in pairs)
