"""Events about objects, written behind the back of whoever reports them.

Reporting never waits and never fails: occurrences are folded together (`correlate.py`) and written by a background
task. An event that cannot be written after a few tries is dropped with a log line: events explain, they decide nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import Clock, SystemClock, rfc3339_micro
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.objects.builtin import EVENTS
from seaway.objects.errors import (
    AlreadyExists,
    ApiError,
    Forbidden,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
)
from seaway.reconcile.correlate import CorrelateSettings, Correlator, Occurrence, Series, reference

log = logging.getLogger(__name__)
BACKOFF = Backoff(initial=0.1, cap=5.0, jitter=0.2)


@dataclass(frozen=True, slots=True)
class RecorderSettings:
    """How events are written."""

    writers: int = 16
    """How many events are written at once; those of one moment share a commit."""
    waiting: int = 10_000
    """How many may wait; further ones are dropped with a log line."""
    tries: int = 6
    """How often an unreachable server is tried."""
    backoff: Backoff = BACKOFF
    gather_seconds: float = 0.1
    """How long events that warn of nothing wait for others: those of a moment share a commit, and hold up nobody's work."""
    stop_seconds: float = 1.0
    """How long stopping waits for events that are not written yet."""


class EventRecorder:
    """Takes reports and writes them; one may serve several components."""

    def __init__(
        self,
        client: Client,
        component: str,
        clock: Clock | None = None,
        *,
        instance: str = "",
        settings: RecorderSettings | None = None,
        correlate: CorrelateSettings | None = None,
    ) -> None:
        self.component = component
        self._client, self._clock = client, clock or SystemClock()
        self._settings = settings or RecorderSettings()
        self._correlator = Correlator(instance, correlate)
        self._pending: dict[str, Series] = {}
        self._busy: set[str] = set()
        self._wake = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def event(
        self,
        obj: Mapping[str, Any],
        event_type: str,
        reason: str,
        message: str,
        *,
        field_path: str = "",
        component: str = "",
    ) -> None:
        """Report what happened to an object; returns at once.

        Args:
            obj: the object, with apiVersion and kind, or an ObjectReference wrapped by the caller's own metadata.
            event_type: "Normal" or "Warning".
            reason: one UpperCamelCase word.
            message: a sentence for people; cut at 1 KiB.
            field_path: which part, for example "spec.containers{main}".
            component: who reports it, where that is not the recorder's own component.
        """
        involved = reference(obj, field_path=field_path)
        occurrence = Occurrence(involved, event_type, reason, message[:1024], component or self.component)
        series = self._correlator.add(occurrence, self._clock.now())
        if series is None:
            return
        if len(self._pending) >= self._settings.waiting:
            log.warning("too many events wait; dropped: %s %s", reason, message)
            return
        self._pending[f"{series.namespace}/{series.name}"] = series
        self._idle.clear()
        if event_type == "Warning":
            self._begin()
        elif self._gathering is None:
            loop = asyncio.get_running_loop()
            self._gathering = loop.call_later(self._settings.gather_seconds, self._begin)

    def _begin(self) -> None:
        """Have all that waits written now."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._wake.set()

    async def flush(self) -> None:
        """Wait until everything reported so far is written or given up."""
        self._begin()
        await self._idle.wait()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Write events until cancelled; then write what is left, for a moment."""
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._settings.writers):
                    group.create_task(self._write_all(), name=f"event writer {number}")
                ready()
        finally:
            self._begin()
            await self._drain()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._settings.stop_seconds):
                while self._pending:
                    await self._write_next(tries=1)
        except TimeoutError:
            log.info("%d events were not written in time", len(self._pending))

    async def _write_all(self) -> None:
        while True:
            await self._wake.wait()
            if not await self._write_next(self._settings.tries):
                self._wake.clear()

    async def _write_next(self, tries: int) -> bool:
        """Write one series that nobody else writes; return False where there is none."""
        key = next((key for key in self._pending if key not in self._busy), None)
        if key is None:
            return False
        series = self._pending.pop(key)
        self._busy.add(key)
        try:
            await self._write(series, tries)
        except asyncio.CancelledError:
            self._pending.setdefault(key, series)
            raise
        finally:
            self._busy.discard(key)
            if key in self._pending:
                self._wake.set()
            elif not self._pending and not self._busy:
                self._idle.set()
        return True

    async def _write(self, series: Series, tries: int) -> None:
        for failures in range(1, tries + 1):
            try:
                await self._put(series)
            except (Unreachable, ServiceUnavailable, TooManyRequests) as error:
                if failures == tries:
                    log.warning("event %s dropped: %s", series.name, error)
                    return
                await self._clock.sleep(self._settings.backoff.delay(failures))
            except ApiError as error:
                log.info("event %s refused: %s", series.name, error)
                return
            else:
                return

    async def _put(self, series: Series) -> None:
        """Create the series' Event, or raise its count where it exists."""
        if series.written:
            try:
                await self._recount(series)
            except NotFound:
                series.first, series.count = series.last, 1
            else:
                return
        try:
            await self._client.create(EVENTS, self._correlator.event(series))
        except AlreadyExists:
            series.count += await self._known_count(series)
            await self._recount(series)
        series.written = True

    async def _known_count(self, series: Series) -> int:
        """Return how often an Event of an earlier process has counted; a node may write events, but not read them."""
        try:
            known = await self._client.get(EVENTS, series.name, series.namespace)
        except Forbidden:
            return 0
        return known.get("count") or 1

    async def _recount(self, series: Series) -> None:
        patch = {
            "count": series.count,
            "lastTimestamp": rfc3339_micro(series.last),
            "message": series.occurrence.message,
        }
        await self._client.patch(EVENTS, series.name, patch, series.namespace)
