"""Keeping apart what is being committed and what is being tidied up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Commits:
    """Any number of commits at once, or one tidying between them."""

    def __init__(self) -> None:
        self._under_way = 0
        self._tidying = False
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Make a commit in the block; waits for a tidying that is under way."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._tidying)
            self._under_way += 1
        try:
            yield
        finally:
            async with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def none(self) -> AsyncIterator[None]:
        """Tidy up in the block; waits until nothing is being committed. One at a time, and briefly: commits wait for it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way == 0)
            self._tidying = True
        try:
            yield
        finally:
            async with self._changed:
                self._tidying = False
                self._changed.notify_all()
