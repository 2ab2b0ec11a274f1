"""The code: fetched once for a node, copied for each attempt, which may write into its copy."""

# ruff: noqa: PTH104, PTH108, PTH110, PTH112, PTH123
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
    place = cache.place("code", digest + _boot())
    try:
        with cache.use("code", digest + _boot()):
            if not os.path.isdir(place):
                _fetch(digest, cache, gateway, place)
            copy_tree(place, target)
    except (GatewayError, ValueError, OSError) as error:
        raise StageFailed("code", f"the code cannot be restored: {error}") from error
    return target


def _boot() -> str:
    """Return a mark of this start of the machine.

    A folder from before may have lost its files' contents in a power cut, and making each file durable would cost every
    run more than fetching the code again costs the first one after a start.
    """
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"-{file.read(8)}"
    except OSError:  # no Linux
        return ""


def _forget(digest: str, cache: Cache) -> None:
    """Remove the same code from before the machine's start."""
    kept = digest + _boot()
    for entry in os.scandir(cache.place("code", "")):
        if entry.name.startswith(digest) and entry.name != kept:
            remove_tree(entry.path)


def _fetch(digest: str, cache: Cache, gateway: Gateway, place: str) -> None:
    from seaway.runner.archive import unpack

    unfinished = cache.unfinished("code")
    archive = unfinished + ".tar.gz"
    try:
        found = gateway.fetch(f"/gateway/v1/code/{digest}", archive)
        if found != digest:
            raise ValueError(f"what came has the digest {found}, not {digest}")
        unpack(archive, unfinished)
        _forget(digest, cache)
        try:
            os.rename(unfinished, place)
        except OSError:
            if not os.path.isdir(place):  # not even another pod's
                raise
    finally:
        remove_tree(unfinished)
        if os.path.exists(archive):
            os.unlink(archive)
