"""Files named by the SHA-256 of their bytes, in a folder or an object store."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple, ParamSpec, TypeVar

from seaway.platform.errors import Conflict, Damaged, Invalid, NotFound, TooLarge
from seaway.platform.storage.files import CHUNK, create_private, disk_errors, write_all
from seaway.platform.storage.object_store_options import ObjectStoreOptions
from seaway.platform.storage.places import Folder, Place

_OWNER = "owner"
"""Key of the object that says whose artifacts lie beside it."""
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_P = ParamSpec("_P")
_R = TypeVar("_R")


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
        options: how an object store is reached.
    """

    def __init__(
        self, url: str | Path, *, spool: Path | None = None, options: ObjectStoreOptions | None = None
    ) -> None:
        folder = _folder(url)
        if spool is None and folder is None:
            raise ValueError("a spool folder is needed where artifacts are not kept in a local folder")
        self._place = Folder(folder) if folder is not None else _object_store(str(url), options)
        self._spool = spool or Path(folder or "") / "incoming"

    def prepare(self) -> None:
        """Find out that files can be kept, and remove what was on its way in when the server ended. Blocks.

        Raises:
            Unavailable: the place cannot be used; the message says why and what to do.
        """
        self._place.prepare()
        with disk_errors(str(self._spool)):
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in self._spool.iterdir():
                left.unlink()

    def claim(self, owner: str) -> None:
        """Write down whose artifacts these are, where nobody has; a folder in the server's home needs no such word. Blocks.

        Two servers with databases of their own would each remove what the other's database refers to.

        Args:
            owner: a word that all replicas of one server share, and no other server.

        Raises:
            Conflict: they are another server's.
        """
        if self._place.workers is None:
            return
        path = self.spool_path()
        try:
            with create_private(path) as file, disk_errors(str(self._spool)):
                write_all(file, owner.encode())
            self._place.publish(path, _OWNER)
            with self._place.open(_OWNER) as stored, self._place.errors():
                found = stored.read(len(owner) + 1)
        finally:
            path.unlink(missing_ok=True)
        if found != owner.encode():
            raise Conflict(
                f"the artifacts in {self._place.name} belong to another server, which has a database of its own",
                field="artifacts",
                remedy=f"Use a prefix of its own for each server; to take these over for good, delete the object {_OWNER!r} there.",
            )

    async def in_thread(self, work: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Call a function that blocks, in a thread that others do not wait for where the place may be slow to answer."""
        if self._place.workers is None:
            return await asyncio.to_thread(work, *args, **kwargs)
        call = partial(work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._place.workers, call)

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
        """Put a spooled file to its place, durably. Harmless where it is there already. Blocks.

        Raises:
            StorageFull: there is no room.
            Unavailable: it cannot be kept now.
        """
        self._place.publish(path, _key(kind, digest))

    def spool_path(self) -> Path:
        """Return a new path beside the spooled files, for what is unpacked from one."""
        return self._spool / secrets.token_hex(16)

    async def has(self, kind: str, digest: str) -> bool:
        """Return whether it is there."""
        return await self.in_thread(self._place.exists, _key(kind, digest))

    async def read(self, kind: str, digest: str) -> AsyncIterator[bytes]:
        """Return the bytes in portions. The last portion is held back until the hash was found right.

        Raises:
            NotFound: it is not there (raised by the call itself).
            Damaged: the bytes are not those that were stored (raised by the iterator).
            Unavailable: they cannot be read now (raised by the iterator).
        """
        try:
            file = await self.in_thread(self._place.open, _key(kind, digest))
        except FileNotFoundError:
            raise NotFound(f"{kind} {digest} is not stored here") from None
        return self._verified(file, f"{kind} {digest}", digest)

    async def size(self, kind: str, digest: str) -> int | None:
        """Return how many bytes a file has, None where it is not stored. Raises Invalid where that is no digest."""
        require_digest(digest)
        return await self.in_thread(self._place.size, _key(kind, digest))

    async def delete(self, kind: str, digest: str) -> None:
        """Remove it, harmless where it is not there. Only for what nothing refers to."""
        await self.in_thread(self._place.remove, _key(kind, digest))

    async def delete_all(self, kind: str) -> None:
        """Remove all that there is of a kind. Only for what nothing refers to."""
        await self.in_thread(self._place.remove_all, kind)

    async def digests(self, kind: str) -> set[str]:
        """Return what is stored of a kind."""
        names = await self.in_thread(self._place.names, kind)
        return {name for name in names if _DIGEST.match(name)}

    def close(self) -> None:
        """End what connections there are. Blocks."""
        self._place.close()

    async def _verified(self, file: IO[bytes], name: str, expected: str) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()

        def portion() -> bytes:
            with self._place.errors():
                data = file.read(CHUNK)
            digest.update(data)
            return data

        try:
            held = await self.in_thread(portion)
            while following := await self.in_thread(portion):
                yield held
                held = following
            if digest.hexdigest() != expected:
                raise Damaged(
                    f"{name} is damaged: its bytes are not those that were stored",
                    remedy="Restore it from a backup, or submit the work again.",
                )
            yield held
        finally:
            await self.in_thread(file.close)


def _folder(url: str | Path) -> Path | None:
    """Return the folder that a URL names, None where it names something else."""
    scheme, separator, rest = str(url).partition("://")
    if not separator:
        return Path(url)
    return Path(rest) if scheme == "file" else None


def _object_store(url: str, options: ObjectStoreOptions | None) -> Place:
    # late: fsspec and what is behind it take a while to import, and a folder does not need them
    from seaway.platform.storage.object_store import ObjectStore

    return ObjectStore(url, options or ObjectStoreOptions())


def _key(kind: str, digest: str) -> str:
    require_digest(digest)
    return f"{kind}/{digest[:2]}/{digest}"


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
