"""Checkpoints: a task's own saved state as blocks, named by their content; only blocks that are new travel.

A checkpoint is a list of blocks whose bytes, one after the other, are an archive that the runner packs and unpacks. The
list is stored as a file too, and the database says which task's newest list is which. A task's blocks lie in a folder of
their own: whoever knows a digest cannot get another task's block by naming it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from pathlib import Path
from typing import NamedTuple

from seaway.platform.errors import BaseMissing, Damaged, Invalid, NotFound, TooLarge
from seaway.platform.storage.artifacts import ArtifactStore, require_digest
from seaway.platform.storage.files import create_private, disk_errors, write_all

_KIND = "checkpoints"
_WHAT = "the checkpoint"
_MOST_BYTES = 50 * 1024**3
_LARGEST_BLOCK = 8 * 1024**2
_MOST_BLOCKS = 200_000
_LONGEST_LINE = 24 * 1024**2


class Block(NamedTuple):
    """Some bytes of a checkpoint."""

    sha256: str
    size: int


class StoredCheckpoint(NamedTuple):
    """What the database is to point at."""

    sha256: str
    """Of the list of blocks."""
    size: int
    """Bytes of all blocks."""
    sent: int
    """Bytes that travelled: those of new blocks."""
    files: int
    """In which it lies."""


class CheckpointStore:
    """Saved states.

    Args:
        artifacts: where the blocks are kept.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def store(
        self, run_uid: str, task: str, body: AsyncIterable[bytes], base: str | None
    ) -> StoredCheckpoint:
        """Store the blocks that a task's checkpoint does not share with the one before.

        The caller replaces the pointer in the transaction that checks the fencing number, and then calls `forget` for
        the one before.

        Args:
            run_uid: whose it is.
            task: of that run.
            body: a line of JSON, {"blocks": [[sha256, size], ...]}, then the bytes of each block that `base` lacks, in
                the order in which they come first.
            base: digest of the list that the sender leans on; None for none.

        Raises:
            Invalid: the body is not what its first line says.
            BaseMissing: the base is not stored any more; everything has to be sent.
            TooLarge: it is over a limit.
            StorageFull: the disk is full.
        """
        reader = _Reader(body)
        line = await reader.line()
        blocks = _parse(line)
        kind = _kind(run_uid, task)
        known = {block.sha256 for block in await self._base(kind, base)}
        sent = 0
        for block in dict.fromkeys(blocks):
            if block.sha256 not in known:
                data = await reader.exactly(block)
                if base is None or not await self._artifacts.has(kind, block.sha256):
                    await self._artifacts.in_thread(self._publish, kind, block.sha256, data)
                sent += block.size
        await reader.end()
        listed = encode_blocks(blocks)
        digest = hashlib.sha256(listed).hexdigest()
        await self._artifacts.in_thread(self._publish, kind, digest, listed)
        return StoredCheckpoint(digest, sum(block.size for block in blocks), sent, _files(blocks))

    async def open(self, run_uid: str, task: str, sha256: str) -> AsyncIterator[bytes]:
        """Return a checkpoint as `store` takes a whole one: the line, then all bytes, verified.

        Raises:
            Damaged: it is not there whole (raised by the call for the list, by the iterator for a block).
        """
        kind = _kind(run_uid, task)
        listed = await self._list(kind, sha256)
        return self._bytes(kind, listed)

    async def check(self, run_uid: str, task: str, sha256: str) -> AsyncIterator[Block]:
        """Iterate over the blocks of a checkpoint, as each is found whole.

        Raises:
            Damaged: one is not, or the list is not.
        """
        kind = _kind(run_uid, task)
        for block in _parse(await self._list(kind, sha256)):
            async for _ in await self._block(kind, block):
                pass
            yield block

    async def count(self, run_uid: str, task: str, sha256: str) -> int:
        """Return in how many files a checkpoint lies. Raises Damaged where its list cannot be read."""
        return _files(_parse(await self._list(_kind(run_uid, task), sha256)))

    async def forget(self, run_uid: str, task: str, sha256: str, *, kept: str | None) -> None:
        """Remove a checkpoint that nothing points at any more, but for what it shares with another one.

        Args:
            run_uid: whose it is.
            task: of that run.
            sha256: which one.
            kept: the one that takes its place; None where none does.
        """
        kind = _kind(run_uid, task)
        if sha256 == kept:
            return
        try:
            gone = {block.sha256 for block in await self._base(kind, sha256)}
        except BaseMissing:  # removed before, or damaged: what it consisted of goes with the run
            return
        stay = {block.sha256 for block in await self._base(kind, kept)}
        for digest in (*(gone - stay), sha256):
            await self._artifacts.delete(kind, digest)

    async def drop(self, run_uid: str, task: str) -> None:
        """Remove all that is kept of a task that nothing points at any more, whatever state it is in."""
        kind = _kind(run_uid, task)
        for digest in await self._artifacts.digests(kind):
            await self._artifacts.delete(kind, digest)

    async def forget_run(self, run_uid: str) -> None:
        """Remove all checkpoints of a run that nobody can go on with any more."""
        await self._artifacts.delete_all(f"{_KIND}/{run_uid}")

    async def _base(self, kind: str, digest: str | None) -> list[Block]:
        if digest is None:
            return []
        require_digest(digest)
        try:
            return _parse(await self._read(kind, digest))
        except (NotFound, Damaged):
            raise BaseMissing(
                "the checkpoint that this one leans on is not stored any more",
                field="base",
                remedy="Send all of it.",
            ) from None

    async def _read(self, kind: str, digest: str) -> bytes:
        return b"".join([portion async for portion in await self._artifacts.read(kind, digest)])

    async def _list(self, kind: str, digest: str) -> bytes:
        try:
            return await self._read(kind, digest)
        except (NotFound, Damaged) as error:
            raise _damaged(f"its list of blocks: {error.message}") from error

    async def _block(self, kind: str, block: Block) -> AsyncIterator[bytes]:
        try:
            return await self._artifacts.read(kind, block.sha256)
        except NotFound as error:
            raise _damaged(f"a block is missing: {error.message}") from error

    async def _bytes(self, kind: str, listed: bytes) -> AsyncIterator[bytes]:
        yield listed
        for block in _parse(listed):
            async for portion in await self._block(kind, block):
                yield portion

    def _publish(self, kind: str, digest: str, data: bytes) -> None:
        path = self._artifacts.spool_path()
        try:
            _write(path, data)
            self._artifacts.publish(kind, path, digest)
        finally:
            path.unlink(missing_ok=True)


class _Reader:
    """Takes apart a body that comes in portions of any size."""

    def __init__(self, body: AsyncIterable[bytes]) -> None:
        self._portions = aiter(body)
        self._held = bytearray()

    async def line(self) -> bytes:
        """Return the first line, with its end."""
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0:
            searched = len(self._held)
            if searched > _LONGEST_LINE:
                raise _too_large()
            if not await self._more():
                raise _not_whole("its list of blocks has no end")
        return self._take(end + 1)

    async def exactly(self, block: Block) -> bytes:
        """Return one block, verified."""
        while len(self._held) < block.size:
            if not await self._more():
                raise _not_whole("it ends within a block")
        data = self._take(block.size)
        if hashlib.sha256(data).hexdigest() != block.sha256:
            raise _not_whole(f"a block has not the digest {block.sha256}")
        return data

    async def end(self) -> None:
        """Raise Invalid where there is more."""
        if self._held or await self._more():
            raise _not_whole("something follows its last block")

    async def _more(self) -> bool:
        async for portion in self._portions:
            if portion:
                self._held += portion
                return True
        return False

    def _take(self, count: int) -> bytes:
        data = bytes(self._held[:count])
        del self._held[:count]
        return data


def encode_blocks(blocks: Iterable[Block]) -> bytes:
    """Return the line that says which blocks a checkpoint consists of."""
    return json.dumps({"blocks": list(blocks)}, separators=(",", ":")).encode() + b"\n"


def _parse(line: bytes) -> list[Block]:
    try:
        blocks = [Block(digest, size) for digest, size in json.loads(line)["blocks"]]
        sizes = [block.size for block in blocks]
        if not all(type(size) is int and size > 0 for size in sizes):
            raise ValueError("a block's size is not a number of bytes")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _not_whole(f"its list of blocks cannot be read ({error})") from error
    if len(blocks) > _MOST_BLOCKS or sum(sizes) > _MOST_BYTES or max(sizes, default=0) > _LARGEST_BLOCK:
        raise _too_large()
    for block in blocks:
        require_digest(str(block.sha256))
    return blocks


def _files(blocks: Iterable[Block]) -> int:
    """Return in how many files they lie: one for each, however often it comes, and their list."""
    return len({block.sha256 for block in blocks}) + 1


def _kind(run_uid: str, task: str) -> str:
    return f"{_KIND}/{run_uid}/{task}"


def _write(path: Path, data: bytes) -> None:
    with disk_errors(str(path.parent)), create_private(path) as file:
        write_all(file, data)


def _not_whole(why: str) -> Invalid:
    return Invalid(f"{_WHAT} did not arrive whole: {why}", field="body", remedy="Send it again.")


def _damaged(why: str) -> Damaged:
    return Damaged(
        f"{_WHAT} is damaged on the server ({why})", remedy="Restore it from a backup, or begin without it."
    )


def _too_large() -> TooLarge:
    return TooLarge(
        f"{_WHAT} is larger than {_MOST_BYTES:,} bytes, or a block than {_LARGEST_BLOCK:,}",
        field="body",
        remedy="Leave out what is not needed.",
    )
