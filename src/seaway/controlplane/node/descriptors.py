"""Read and write pipes and terminals without blocking the loop."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable

_CHUNK = 1 << 16


async def read_some(descriptor: int) -> bytes:
    """Return what there is to read, waiting for it; nothing at the end. One reader at a time."""
    while True:
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            await _ready(descriptor, loop.add_reader, loop.remove_reader)
        except OSError as error:
            if error.errno == errno.EIO:  # a terminal whose last program ended
                return b""
            raise


async def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it, waiting where the reader is slow. Raises OSError where nobody reads. One writer at a time."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            loop = asyncio.get_running_loop()
            await _ready(descriptor, loop.add_writer, loop.remove_writer)


async def _ready(descriptor: int, add: Callable[..., None], remove: Callable[[int], bool]) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(descriptor, _resolve, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
