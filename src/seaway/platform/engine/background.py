"""Work that nobody waits for, but that does not get lost: its errors are logged, and it ends with its owner."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)


class Background:
    """A set of tasks."""

    def __init__(self) -> None:
        self.jobs: set[asyncio.Task[None]] = set()
        """Those under way."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Start work; what it raises is logged."""
        job = asyncio.create_task(work, name=name)
        self.jobs.add(job)
        job.add_done_callback(self._done)

    async def close(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        jobs = list(self.jobs)
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs)

    def _done(self, job: asyncio.Task[None]) -> None:
        self.jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            log.error("%s failed", job.get_name(), exc_info=error)
