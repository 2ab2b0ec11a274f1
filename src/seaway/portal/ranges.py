"""Going on with a download or a log where the connection broke (RFC 9110, section 14: ranges of bytes)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

_REST = re.compile(r"bytes=(\d+)-")


def first_byte(asked: str | None, condition: str | None, etag: str, size: int) -> int:
    """Return the byte that an answer begins with; 0 where all of it has to be sent.

    Args:
        asked: the header Range; forms other than "bytes=N-" are not served, which the RFC allows.
        condition: the header If-Range; the rest of another file is of no use.
        etag: of the file.
        size: in bytes.
    """
    found = _REST.fullmatch((asked or "").strip())
    if found is None or condition not in (None, etag):
        return 0
    start = int(found[1])
    return start if start < size else 0


async def without_first(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    """Yield chunks without so many bytes at their beginning."""
    async for chunk in chunks:
        left, count = chunk[count:], max(0, count - len(chunk))
        if left:
            yield left
