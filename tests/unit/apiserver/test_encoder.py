"""What the store keeps of an object takes as much memory as it is long."""

from __future__ import annotations

import tracemalloc

from seaway.controlplane.apiserver.content import encoder


def test_an_encoded_object_keeps_no_more_than_its_bytes() -> None:
    stored = {"kind": "Event", "apiVersion": "v1", "metadata": {"name": "a"}, "message": "x" * 1000}
    encode = encoder(stored)
    length = len(encode(1))

    def kept() -> float:
        before = tracemalloc.get_traced_memory()[0]
        values = [encode(revision) for revision in range(100)]
        return (tracemalloc.get_traced_memory()[0] - before) / len(values)

    tracemalloc.start()
    try:
        least = min(kept() for _ in range(5))  # other threads of this process may take some meanwhile
    finally:
        tracemalloc.stop()
    assert least < length + 200, f"{least:.0f} bytes for {length}"
