"""Waking whoever waits for a change, without counting who that is."""

from __future__ import annotations

import asyncio


class Signal:
    """A change that many may wait for. Take `next()` before looking at the state, await it after."""

    def __init__(self) -> None:
        self._future: asyncio.Future[None] | None = None

    def next(self) -> asyncio.Future[None]:
        """Return the future of the next change. Shared: await it through `asyncio.shield` or `asyncio.wait`."""
        if self._future is None or self._future.done():
            self._future = asyncio.get_running_loop().create_future()
        return self._future

    def notify(self) -> None:
        """Wake all that wait."""
        if self._future is not None and not self._future.done():
            self._future.set_result(None)
