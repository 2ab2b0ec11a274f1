"""What the store keeps of an object takes as much memory as it is long."""

from __future__ import annotations

import tracemalloc

from seaway.controlplane.apiserver.content import encoder


def test_an_encoded_object_keeps_no_more_than_its_bytes() -> None:
    stored = {"kind": "Event", "apiVersion": "v1", "metadata": {"name": "a"}, "message": "x" * 1000}
    encode = encoder(stored)
    encode(1)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        values = [encode(revision) for revision in range(100)]
        kept = (tracemalloc.get_traced_memory()[0] - before) / len(values)
    finally:
        tracemalloc.stop()
    assert kept < len(values[0]) + 200, f"{kept:.0f} bytes for {len(values[0])}"
