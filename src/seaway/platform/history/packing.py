"""How a log becomes chunks: small ones while it is written, merged into larger ones as they add up. Pure."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

PLAIN, ZLIB = "plain", "zlib"
PIECE = 64 * 1024
"""Bytes of a merged chunk, before packing."""
ROWS = 32
"""Small chunks are merged when they are so many."""
_WORTH_PACKING = 128
_LEVEL = 1
"""zlib's fastest: text shrinks to a fifth at 100 MB/s."""


@dataclass(frozen=True, slots=True)
class Stored:
    """How far a log is stored, and how its end is."""

    end: int = 0
    """Bytes that are stored."""
    loose: int = 0
    """Where the small chunks begin that are still to be merged; `end` where there are none."""
    rows: int = 0
    """How many these are."""


@dataclass(frozen=True, slots=True)
class Step:
    """What to store next."""

    cut: int | None
    """Chunks from this position on are replaced; None: nothing is."""
    pieces: tuple[tuple[int, int], ...]
    """Begin and end of each new chunk."""
    after: Stored
    """How the log is stored then."""


def next_step(stored: Stored, end: int, *, closing: bool) -> Step:
    """Return what to store of a log that has grown.

    Args:
        stored: how it is stored.
        end: how long it is.
        closing: it will not grow any more: what is loose is merged.
    """
    merge = end - stored.loose >= PIECE or stored.rows >= ROWS or (closing and stored.rows > 0)
    if not merge:
        return Step(None, ((stored.end, end),), Stored(end, stored.loose, stored.rows + 1))
    pieces = tuple((at, min(at + PIECE, end)) for at in range(stored.loose, end, PIECE))
    begin, last = pieces[-1] if pieces else (end, end)
    whole = not pieces or last - begin == PIECE
    return Step(
        stored.loose if stored.rows else None, pieces, Stored(end, end if whole else begin, 0 if whole else 1)
    )


def pack(data: bytes) -> tuple[str, bytes]:
    """Return the codec and the packed bytes of a chunk."""
    packed = zlib.compress(data, _LEVEL) if len(data) >= _WORTH_PACKING else data
    return (ZLIB, packed) if len(packed) < len(data) else (PLAIN, data)


def unpack(codec: str, data: bytes) -> bytes:
    """Return the bytes of a chunk."""
    return zlib.decompress(data) if codec == ZLIB else data
