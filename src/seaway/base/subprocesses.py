"""The end of other programs that were started with pipes."""

from __future__ import annotations

import asyncio
from contextlib import suppress


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process where it still runs; return when it is gone and its pipes are closed, also where this is cancelled meanwhile.

    A killed one is gone in a moment. Left to a later turn of the event loop, which may not come, its pipes are warned of,
    whenever they are found.
    """
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    ending = asyncio.ensure_future(process.communicate())
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.wait({ending})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    ending.result()
