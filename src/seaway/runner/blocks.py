"""A stream cut into blocks that stay the same where its files do, so that only what is new has to travel."""

from __future__ import annotations

import hashlib
import zlib

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from typing import BinaryIO

LARGEST = 4 << 20
"""Bytes of a block at most."""
_SMALL = 1 << 20
"""A file of so many bytes begins a block of its own; smaller ones share blocks."""
_ONE_IN = 32
"""Small files whose names begin a block, so that one more file moves few boundaries."""


class Blocks:
    """Writes a stream to a file and notes its blocks.

    Args:
        file: takes the whole stream.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._size = 0
        self._in_header = False
        self.found: list[tuple[str, int]] = []
        """SHA-256 and bytes of each block, in order."""

    def write(self, data: bytes) -> None:
        """Add bytes to the stream."""
        self._file.write(data)
        view = memoryview(data)
        while view:
            part = view[: LARGEST - self._size]
            self._hash.update(part)
            self._size += len(part)
            if self._size == LARGEST:
                self.cut()
            view = view[len(part) :]
        if self._in_header:  # it holds the time of the last change: the data are blocks of their own
            self._in_header = False
            self.cut()

    def begin_file(self, path: str, size: int) -> None:
        """Take note that a file follows: a large one begins a block, and so do some of the small ones."""
        self._in_header = size >= _SMALL
        if self._in_header or zlib.crc32(path.encode()) % _ONE_IN == 0:
            self.cut()

    def end_file(self, size: int) -> None:
        """Take note that a file ended: what follows a large one begins a block."""
        if size >= _SMALL:
            self.cut()

    def cut(self) -> None:
        """End the block, if it holds anything."""
        if self._size:
            self.found.append((self._hash.hexdigest(), self._size))
            self._hash, self._size = hashlib.sha256(), 0


def line_of(blocks: list[tuple[str, int]]) -> bytes:
    """Return the line that tells the server which blocks a checkpoint consists of."""
    import json

    return json.dumps({"blocks": blocks}, separators=(",", ":")).encode() + b"\n"


def name_of(blocks: list[tuple[str, int]]) -> str:
    """Return the digest under which the server keeps a checkpoint of these blocks."""
    return hashlib.sha256(line_of(blocks)).hexdigest()


def missing(blocks: list[tuple[str, int]], known: list[tuple[str, int]]) -> list[tuple[int, int]]:
    """Return where in the stream the blocks lie that are not known, each once: offset and bytes."""
    seen = {digest for digest, _ in known}
    places, offset = [], 0
    for digest, size in blocks:
        if digest not in seen:
            seen.add(digest)
            places.append((offset, size))
        offset += size
    return places


def split(source: str, target: str) -> list[tuple[str, int]]:
    """Write what the server sent without its first line to a file; return the blocks, each of which is verified.

    Raises:
        ValueError: it is not what its first line says.
        OSError: the disk is full or refuses.
    """
    import json

    with open(source, "rb") as reading, open(target, "wb") as writing:  # noqa: PTH123
        try:
            blocks = [(str(digest), int(size)) for digest, size in json.loads(reading.readline())["blocks"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"its list of blocks cannot be read ({error})") from error
        for digest, size in blocks:
            data = reading.read(size)
            if len(data) != size or hashlib.sha256(data).hexdigest() != digest:
                raise ValueError(f"the block {digest[:12]} is damaged")
            writing.write(data)
        if reading.read(1):
            raise ValueError("something follows its last block")
    return blocks
