"""Keeps every revision of pods and nodes that says something new, and every event, beyond their deletion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.platform.database import revisions
from seaway.platform.database.database import Database
from seaway.platform.database.records import EventRecord, RevisionRecord
from seaway.platform.history import redaction
from seaway.platform.history.signal import Signal
from seaway.platform.workloads import labels
from seaway.reconcile.informer import Informer

log = logging.getLogger(__name__)
Object = dict[str, Any]
_BACKOFF = Backoff(0.5, 2.0, 30.0)


class Recorder:
    """Writes what three informers show into the database, in batches."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._revisions: list[RevisionRecord] = []
        self._events: dict[str, EventRecord] = {}
        self._arrived = asyncio.Event()
        self._seen = 0
        self._stored = 0
        self._progress = Signal()

    def listen(self, pods: Informer, nodes: Informer, events: Informer) -> Callable[[], None]:
        """Record what these informers show from now on; return what ends that."""
        ends = [
            pods.subscribe(self._on_pod),
            nodes.subscribe(self._on_node),
            events.subscribe(self._on_event),
        ]

        def end() -> None:
            for one in ends:
                one()

        return end

    async def run(self, ready: Callable[[], None]) -> None:
        """Write until cancelled, and then what is left."""
        ready()
        try:
            await self._write_for_ever()
        finally:
            if self._arrived.is_set():
                await self._write()

    async def _write_for_ever(self) -> None:
        failures = 0
        while True:
            await self._arrived.wait()
            try:
                await self._write()
                failures = 0
            except DatabaseError as error:
                failures += 1
                log.error("history cannot be written, it is kept in memory until it can: %s", error)
                await self._clock.sleep(_BACKOFF.delay(failures))

    async def flush(self) -> None:
        """Return when everything seen before the call is durable."""
        seen = self._seen
        while self._stored < seen:
            await asyncio.shield(self._progress.next())

    def nanoseconds(self) -> int:
        """Return the time, as log lines have it."""
        return int(self._clock.now() * 1_000_000_000)

    async def events_about(self, uid: str) -> list[Object]:
        """Return the events about an object, oldest first."""
        await self.flush()
        found = await self._database.read(lambda connection: revisions.events_about(connection, uid))
        return [event.object for event in found]

    async def _write(self) -> None:
        batch, events, seen = self._revisions, list(self._events.values()), self._seen
        self._revisions, self._events = [], {}
        self._arrived.clear()

        def work(connection: Connection) -> None:
            revisions.add(connection, batch)
            revisions.save_events(connection, events)

        try:
            await self._database.write(work)
        except BaseException:
            self._revisions = batch + self._revisions
            self._events = {event.uid: event for event in events} | self._events
            self._arrived.set()
            raise
        self._stored = seen
        self._progress.notify()

    def _add(self) -> None:
        self._seen += 1
        self._arrived.set()

    def _on_pod(self, event_type: str, new: Object, old: Object | None) -> None:
        deleted = event_type == "DELETED"
        if old is not None and not deleted and not redaction.pod_differs(new, old):
            return
        kept = redaction.changing_part(new) if old is not None else redaction.whole_pod(new)
        run = (new["metadata"].get("labels") or {}).get(labels.RUN_UID)
        self._revisions.append(self._revision("Pod", new, kept, deleted=deleted, run=run))
        self._add()

    def _on_node(self, event_type: str, new: Object, old: Object | None) -> None:
        deleted = event_type == "DELETED"
        if old is not None and not deleted and not redaction.node_differs(new, old):
            return
        self._revisions.append(
            self._revision("Node", new, redaction.kept_node(new), deleted=deleted, run=None)
        )
        self._add()

    def _on_event(self, event_type: str, new: Object, _old: Object | None) -> None:
        about = new.get("involvedObject") or {}
        if event_type == "DELETED" or about.get("kind") != "Pod" or not about.get("uid"):
            return
        uid = new["metadata"]["uid"]
        self._events[uid] = EventRecord(uid, about["uid"], self._clock.now(), redaction.kept_event(new))
        self._add()

    def _revision(
        self, kind: str, obj: Mapping[str, Any], kept: Object, *, deleted: bool, run: str | None
    ) -> RevisionRecord:
        metadata = obj["metadata"]
        return RevisionRecord(
            kind, metadata["name"], metadata.get("uid", ""), run, self._clock.now(), deleted, kept
        )
