"""Keys in order: a list of sorted blocks, so that adding one of 100,000 moves at most a block."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import chain

_BLOCK = 512
"""Keys to a block; a block of twice as many is split."""


class SortedKeys:
    """A sorted set of text. Adding, removing and finding a place take microseconds at any size we meet."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        ordered = sorted(keys)
        self._blocks = [ordered[start : start + _BLOCK] for start in range(0, len(ordered), _BLOCK)]
        self._lasts = [block[-1] for block in self._blocks]

    def add(self, key: str) -> None:
        """Add a key that is not there yet."""
        if not self._blocks:
            self._blocks, self._lasts = [[key]], [key]
            return
        index = min(bisect_left(self._lasts, key), len(self._blocks) - 1)
        block = self._blocks[index]
        insort(block, key)
        if len(block) > 2 * _BLOCK:
            self._blocks[index : index + 1] = [block[:_BLOCK], block[_BLOCK:]]
            self._lasts[index : index + 1] = [block[_BLOCK - 1], block[-1]]
        else:
            self._lasts[index] = block[-1]

    def remove(self, key: str) -> None:
        """Remove a key that is there."""
        index = bisect_left(self._lasts, key)
        block = self._blocks[index]
        del block[bisect_left(block, key)]
        if block:
            self._lasts[index] = block[-1]
        else:
            del self._blocks[index], self._lasts[index]

    def under(self, prefix: str, after: str | None = None) -> Iterator[str]:
        """Iterate over the keys that start with `prefix`, in order, only those after `after` where it is given."""
        return chain.from_iterable(self._slices(prefix, after))

    def _slices(self, prefix: str, after: str | None) -> Iterator[list[str]]:
        index, offset = self._place(prefix, after)
        end = prefix_end(prefix)
        while index < len(self._blocks):
            block = self._blocks[index]
            if end is not None and self._lasts[index] >= end:
                yield block[offset : bisect_left(block, end)]
                return
            yield block[offset:]
            index, offset = index + 1, 0

    def count(self, prefix: str, after: str | None = None) -> int:
        """Return how many keys `under` gives."""
        first, offset = self._place(prefix, after)
        end = prefix_end(prefix)
        last = len(self._blocks) if end is None else bisect_left(self._lasts, end)
        if first > last:  # `after` lies beyond all of them
            return 0
        beyond = bisect_left(self._blocks[last], end) if end is not None and last < len(self._blocks) else 0
        return max(0, sum(len(self._blocks[index]) for index in range(first, last)) + beyond - offset)

    def _place(self, prefix: str, after: str | None) -> tuple[int, int]:
        if after is not None and after >= prefix:
            index = bisect_right(self._lasts, after)
            return index, bisect_right(self._blocks[index], after) if index < len(self._blocks) else 0
        index = bisect_left(self._lasts, prefix)
        return index, bisect_left(self._blocks[index], prefix) if index < len(self._blocks) else 0


def prefix_end(prefix: str) -> str | None:
    """Return the first text after everything that starts with `prefix`; None where there is no end."""
    for length in range(len(prefix), 0, -1):
        if (code := ord(prefix[length - 1])) < 0x10FFFF:
            follower = 0xE000 if code == 0xD7FF else code + 1
            return prefix[: length - 1] + chr(follower)
    return None
