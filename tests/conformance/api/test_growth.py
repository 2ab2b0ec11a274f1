"""Many watchers of many objects: the server keeps an object once, however many are to see it and however slow they are."""

from __future__ import annotations

import pytest

from benchmarks.clusters import embedded
from benchmarks.watchers import watch_all

OBJECTS, WATCHERS = 1000, 100
OWN_COPIES = OBJECTS * WATCHERS * 1e-3
"""MB that the objects' bytes alone would take if each watcher had its own."""


@pytest.mark.timeout(400)
async def test_memory_is_bounded_whoever_watches() -> None:
    """Objects of a kilobyte in a server of its own: watched with attention, then by callers that never read."""
    with embedded() as cluster:
        attentive = await watch_all(cluster, objects=OBJECTS, watchers=WATCHERS)
        assert attentive.growth < OWN_COPIES / 2, "the objects themselves, and what goes out just now"
        stalled = await watch_all(cluster, objects=OBJECTS, watchers=WATCHERS, read=False)
        assert stalled.growth < OWN_COPIES / 5, "what a watcher has not read is not copied for it"
