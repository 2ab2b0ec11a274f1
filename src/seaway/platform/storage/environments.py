"""Environments: locks of requirements as text, named by their SHA-256."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from seaway.platform.errors import Invalid
from seaway.platform.storage.artifacts import ArtifactStore, require_digest, require_same

_KIND = "environments"
_WHAT = "the lock of requirements"
_MOST_BYTES = 4 * 1024 * 1024


class EnvironmentStore:
    """Uploaded locks.

    Args:
        artifacts: where they are kept.
    """

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    async def has(self, digest: str) -> bool:
        """Return whether it was uploaded. Raises Invalid where that is no digest."""
        return await self._artifacts.has(_KIND, digest)

    async def put(self, digest: str, body: AsyncIterable[bytes]) -> int:
        """Store a lock under the SHA-256 of its bytes and return its size.

        Raises:
            Invalid: the bytes have another digest or are not UTF-8 text.
            TooLarge: it is over the limit.
            StorageFull: the disk is full.
        """
        require_digest(digest)
        async with self._artifacts.receive(body, limit=_MOST_BYTES, what=_WHAT) as spooled:
            require_same(spooled, digest, what=_WHAT)
            try:
                text = spooled.path.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise Invalid(
                    f"{_WHAT} is not UTF-8 text ({error.reason})", field="body", remedy="Send it as UTF-8."
                ) from error
            if "\x00" in text:
                raise Invalid(f"{_WHAT} holds a zero byte", field="body", remedy="Send a requirements file.")
            await self._artifacts.in_thread(self._artifacts.publish, _KIND, spooled.path, digest)
            return spooled.size

    async def open(self, digest: str) -> AsyncIterator[bytes]:
        """Return the lock's bytes. Raises NotFound."""
        return await self._artifacts.read(_KIND, digest)
