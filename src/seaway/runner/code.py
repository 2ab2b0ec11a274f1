"""The code: fetched once for a node, copied for each attempt, which may write into its copy."""

# ruff: noqa: PTH104, PTH108, PTH110, PTH112
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os

from seaway.runner.cache import Cache
from seaway.runner.files import copy_tree, make_folder, remove_tree
from seaway.runner.gateway import Gateway, GatewayError
from seaway.runner.report import StageFailed


def restore_code(digest: str | None, cache: Cache, gateway: Gateway, target: str) -> str:
    """Put the code into a new folder and return it; an empty one where there is no code.

    Raises:
        StageFailed: it cannot be fetched or unpacked.
    """
    if digest is None:
        return make_folder(target)
    place = cache.place("code", digest)
    try:
        if not os.path.isdir(place):
            _fetch(digest, cache, gateway, place)
        copy_tree(place, target)
    except (GatewayError, ValueError, OSError) as error:
        raise StageFailed("code", f"the code cannot be restored: {error}") from error
    return target


def _fetch(digest: str, cache: Cache, gateway: Gateway, place: str) -> None:
    from seaway.runner.archive import unpack

    unfinished = cache.unfinished("code")
    archive = unfinished + ".tar.gz"
    try:
        found = gateway.fetch(f"/gateway/v1/code/{digest}", archive)
        if found != digest:
            raise ValueError(f"what came has the digest {found}, not {digest}")
        unpack(archive, unfinished)
        try:
            os.rename(unfinished, place)
        except OSError:
            if not os.path.isdir(place):  # not even another pod's
                raise
    finally:
        remove_tree(unfinished)
        if os.path.exists(archive):
            os.unlink(archive)
