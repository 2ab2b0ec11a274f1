"""Nothing is decided from a copy that is older than one's own writes."""

from __future__ import annotations

from seaway.reconcile.ownwrites import OwnWrites


class OneCopy:
    """An informer, as far as its version goes."""

    def __init__(self, version: str) -> None:
        self.resource_version = version


def written(version: int) -> dict:
    return {"metadata": {"resourceVersion": str(version)}}


def test_a_key_waits_until_every_copy_has_its_writes() -> None:
    writes, pods, sets = OwnWrites(), OneCopy("9"), OneCopy("100")
    assert writes.are_seen("a")
    writes.note("a", pods, written(10))
    writes.note("a", pods, written(8))
    writes.note("a", sets, written(101))
    assert not writes.are_seen("a")
    assert writes.are_seen("b"), "others need not wait"
    pods.resource_version = "10"
    assert not writes.are_seen("a")
    sets.resource_version = "1000"
    assert writes.are_seen("a"), "versions are numbers, not texts"
    pods.resource_version = "1"
    assert writes.are_seen("a"), "what was seen once is forgotten"


def test_a_copy_that_has_seen_nothing_yet_is_behind() -> None:
    writes = OwnWrites()
    writes.note("a", OneCopy(""), written(1))
    assert not writes.are_seen("a")
    writes.forget("a")
    writes.forget("never known")
    assert writes.are_seen("a")
