"""How much the home's cache takes: what runs leave there for those after them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from seaway.base.messages import joined, wording
from seaway.cli.checks.check import Check, ok
from seaway.sdk.snapshot import readable_size

_NAMES = {"environments": wording("environments"), "uv": wording("packages"), "code": wording("code")}
"""Folders of the cache, as they are named to people; all else is `_OTHER`."""
_OTHER = wording("other")


def cache(folder: Path, days: int) -> Check:
    """Look at how large the cache is.

    Args:
        folder: the cache.
        days: after how many without use things go.
    """
    found = sizes(folder)
    name = wording("cache")
    if not any(found.values()):
        return ok(name, wording("empty"))
    message = wording(
        "{sizes}; what no pod uses goes after {days} days, or when the disk fills up",
        sizes=said(found), days=days,
    )  # fmt: skip
    return ok(name, message)


def said(found: dict[str, int]) -> str:
    """Say how large a cache is, and what of it."""
    parts = [joined(" ", (name, readable_size(size))) for name, size in found.items() if size]
    return joined("", (readable_size(sum(found.values())), " (", joined(", ", parts), ")"))


def sizes(folder: Path) -> dict[str, int]:
    """Return what each part of a cache takes on the disk; files that parts share count for the first."""
    seen: set[tuple[int, int]] = set()
    found: dict[str, int] = {shown: _size(folder / name, seen) for name, shown in _NAMES.items()}
    return found | {_OTHER: _size(folder, seen)}


def _size(folder: Path, seen: set[tuple[int, int]]) -> int:
    """Return what the files of a folder take that were not seen yet; pods may write and remove there meanwhile."""
    total, folders = 0, [folder]
    while folders:
        with (
            suppress(FileNotFoundError, NotADirectoryError, PermissionError),
            os.scandir(folders.pop()) as entries,
        ):
            for entry in entries:
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif (key := (status.st_dev, status.st_ino)) not in seen:
                        seen.add(key)
                        total += status.st_blocks * 512
    return total
