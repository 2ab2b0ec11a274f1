"""Which volumes were typed, and where they are mounted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from seaway.sdk.errors import InvalidInput

READ_ONLY = "ro"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def volumes(items: Sequence[str]) -> list[dict[str, Any]]:
    """Return what a task says of its volumes, each a `VolumeMount` as JSON.

    Args:
        items: as typed: NAME or NAME:PATH, and :ro behind it.

    Raises:
        InvalidInput: a name or a path cannot be used, or two hide each other.
    """
    if not items:
        return []
    found = [_mount(item) for item in items]
    from seaway.model.volume import VolumeMount, colliding  # late: few runs have volumes

    if why := colliding([VolumeMount(**one) for one in found]):
        raise _refused(why)
    return found


def is_name(name: str) -> bool:
    """Tell whether a volume may be called so; names that begin with "seaway-" are Seaway's own."""
    return bool(_NAME.fullmatch(name)) and not name.startswith("seaway-")


def _mount(item: str) -> dict[str, Any]:
    name, *rest = item.split(":")
    read_only = rest[-1:] == [READ_ONLY]
    paths = rest[:-1] if read_only else rest
    if len(paths) > 1 or not name or "" in paths:
        raise _refused(f"{item!r} names no volume")
    if not is_name(name):
        raise _refused(f"{name!r} cannot be a volume's name")
    path = {"path": paths[0]} if paths else {}
    if paths:
        from seaway.model.volume import unusable

        if why := unusable(paths[0]):
            raise _refused(why)
    return {"name": name, **path, **({"read_only": True} if read_only else {})}


def _refused(message: str) -> InvalidInput:
    remedy = "Write it NAME, NAME:/PATH or NAME:/PATH:ro; seaway volume list shows the volumes"
    return InvalidInput(message, code="Usage", field="--volume", remedy=remedy)
