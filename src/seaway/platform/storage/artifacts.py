"""Files named by the SHA-256 of their bytes, in a folder or any other place that fsspec reaches."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from seaway.platform.errors import Invalid, NotFound, StorageFull, TooLarge, Unavailable

CHUNK = 1 << 18
"""Bytes that are read, hashed and handed on at once."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Spooled(NamedTuple):
    """A body that has arrived whole, in a temporary file that only the server can read."""

    path: Path
    size: int
    digest: str


def require_digest(digest: str) -> None:
    """Raise Invalid where a text is no SHA-256 in lower-case hexadecimal."""
    if not _DIGEST.match(digest):
        raise Invalid(
            f"{digest[:80]!r} is not a SHA-256 digest", field="digest", remedy="Send 64 hexadecimal digits."
        )


def require_same(spooled: Spooled, digest: str, *, what: str) -> None:
    """Raise Invalid where a body that has arrived is not the one that its digest promised; `what` names it."""
    if spooled.digest != digest:
        raise Invalid(
            f"{what} has the digest {spooled.digest}, not {digest}", field="digest", remedy="Send it again."
        )


class ArtifactStore:
    """Content-addressed files, by kind. What is published is whole, durable and never changes.

    Args:
        url: a folder, or an fsspec URL such as "s3://bucket/prefix".
        spool: local folder for what is on its way in; inside the folder itself where `url` is one.
    """

    def __init__(self, url: str | Path, *, spool: Path | None = None) -> None:
        self._files, self._root = url_to_fs(str(url))
        self._local = isinstance(self._files, LocalFileSystem)
        if spool is None and not self._local:
            raise ValueError("a spool folder is needed where artifacts are not kept in a local folder")
        self._spool = spool or Path(self._root) / "incoming"

    def prepare(self) -> None:
        """Make the folders, and remove what was on its way in when the server ended. Blocks.

        Raises:
            Unavailable: the place cannot be used.
        """
        with disk_errors(str(self._root)):
            if self._local:
                Path(self._root).mkdir(mode=0o700, parents=True, exist_ok=True)
                Path(self._root).chmod(0o700)
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._spool.iterdir():
                left.unlink()

    @asynccontextmanager
    async def receive(self, body: AsyncIterable[bytes], *, limit: int, what: str) -> AsyncIterator[Spooled]:
        """Take a body in whole; the temporary file goes when the block is left, unless it was published.

        Args:
            body: the bytes, in any portions.
            limit: at most so many bytes.
            what: names the body in an error: "the code snapshot".

        Raises:
            TooLarge: it is over the limit; the rest of it is not read.
            StorageFull: the disk is full.
        """
        path = self._spool / secrets.token_hex(16)
        try:
            size, digest = await _write_body(path, body, limit, what)
            yield Spooled(path, size, digest)
        finally:
            path.unlink(missing_ok=True)

    def publish(self, kind: str, path: Path, digest: str) -> None:
        """Move a spooled file to its place, durably. Harmless where it is there already. Blocks.

        Raises:
            StorageFull: the disk is full.
        """
        target = self._place(kind, digest)
        with disk_errors(str(self._root)):
            if not self._local:
                if not self._files.exists(target):
                    self._files.put_file(str(path), target)
                return
            folder = Path(target).parent
            for level in (folder.parent, folder):  # `parents=True` would make them with the umask's mode
                level.mkdir(mode=0o700, exist_ok=True)
            _synchronise(path)
            Path(path).replace(target)
            _synchronise(folder)

    def spool_path(self) -> Path:
        """Return a new path beside the spooled files, for what is unpacked from one."""
        return self._spool / secrets.token_hex(16)

    async def has(self, kind: str, digest: str) -> bool:
        """Return whether it is there."""
        return bool(await asyncio.to_thread(self._files.exists, self._place(kind, digest)))

    async def read(self, kind: str, digest: str) -> AsyncIterator[bytes]:
        """Return the bytes in portions. The last portion is held back until the hash was found right.

        Raises:
            NotFound: it is not there (raised by the call itself).
            Unavailable: the bytes are not those that were stored (raised by the iterator).
        """
        try:
            file = await asyncio.to_thread(self._files.open, self._place(kind, digest), "rb")
        except FileNotFoundError:
            raise NotFound(f"{kind} {digest} is not stored here") from None
        return _verified(file, f"{kind} {digest}", digest)

    async def delete(self, kind: str, digest: str) -> None:
        """Remove it, harmless where it is not there. Only for what nothing refers to."""
        await asyncio.to_thread(self._remove, self._place(kind, digest))

    async def digests(self, kind: str) -> set[str]:
        """Return what is stored of a kind."""
        found = await asyncio.to_thread(self._files.find, f"{self._root}/{kind}")
        return {name for name in (str(path).rpartition("/")[2] for path in found) if _DIGEST.match(name)}

    def _place(self, kind: str, digest: str) -> str:
        require_digest(digest)
        return f"{self._root}/{kind}/{digest[:2]}/{digest}"

    def _remove(self, place: str) -> None:
        try:
            self._files.rm_file(place)
        except FileNotFoundError:
            return


async def _write_body(path: Path, body: AsyncIterable[bytes], limit: int, what: str) -> tuple[int, str]:
    size, digest, held = 0, hashlib.sha256(), bytearray()

    def store(data: bytes) -> None:
        digest.update(data)
        with disk_errors(str(path.parent)):
            write_all(file, data)

    with disk_errors(str(path.parent)):
        file = create_private(path)
    with file:
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                raise TooLarge(
                    f"{what} is larger than {limit:,} bytes",
                    field="body",
                    remedy="Leave out what is not needed.",
                )
            held += chunk
            if len(held) >= CHUNK:
                await asyncio.to_thread(store, bytes(held))
                held.clear()
        store(bytes(held))
    return size, digest.hexdigest()


def create_private(path: Path) -> IO[bytes]:
    """Create a new file that only its owner can read, open for writing without a buffer."""
    return os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb", buffering=0
    )


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write everything to an unbuffered file, which may take less at a time."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


async def _verified(file: Any, name: str, expected: str) -> AsyncIterator[bytes]:
    digest = hashlib.sha256()

    def portion() -> bytes:
        data: bytes = file.read(CHUNK)
        digest.update(data)
        return data

    try:
        held = await asyncio.to_thread(portion)
        while following := await asyncio.to_thread(portion):
            yield held
            held = following
        if digest.hexdigest() != expected:
            raise Unavailable(
                f"{name} is damaged: its bytes are not those that were stored",
                remedy="Restore it from a backup, or submit the work again.",
            )
        yield held
    finally:
        await asyncio.to_thread(file.close)


def _synchronise(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(place: str) -> Iterator[None]:
    """Raise StorageFull or Unavailable in place of what the operating system says inside the block."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageFull(
                f"there is no room left in {place}", remedy="Free space on the server's disk, then try again."
            ) from error
        raise Unavailable(
            f"files cannot be kept in {place} ({error.strerror or error})",
            remedy="Check that the folder exists and that the server may write to it.",
        ) from error
