"""Keeps every revision of objects that says something new, every event and Seaway's own sentences, beyond their deletion."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.platform.database import acts, revisions, sentences
from seaway.platform.database.database import Database
from seaway.platform.database.records import ActRecord, EventRecord, RevisionRecord, SentenceRecord
from seaway.platform.history import redaction
from seaway.platform.history.logs import LogKey
from seaway.platform.history.managers import written_by
from seaway.platform.history.remembered import claims_of
from seaway.platform.history.signal import Signal
from seaway.platform.workloads import labels
from seaway.reconcile.informer import Informer

log = logging.getLogger(__name__)
Object = dict[str, Any]
_BACKOFF = Backoff(0.5, 2.0, 30.0)
_AT_ONCE = 1000
"""Records of one transaction: other writers of the database are to have their turn."""
_GATHER_SECONDS = 0.1
"""How long records wait for others that nobody waits for: to write each by itself costs more than all else that a short task does."""
_KNOWN = 50_000
"""Events that are looked for among those stored, when a server starts."""
_LONGEST, _LONGEST_KIND = 63, 32
"""Characters of what an event says of its object, which nobody checks."""


class _Revision(NamedTuple):
    """A revision to write."""

    record: RevisionRecord
    unsure: bool
    """It may say what is stored already."""


Record = _Revision | EventRecord | SentenceRecord | ActRecord


class Recorder:
    """Writes what informers show, and what is said, into the database, in batches and in the order in which it came."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._waiting: deque[Record] = deque()
        self._arrived = asyncio.Event()
        self._wanted = asyncio.Event()
        """Somebody waits for what has arrived."""
        self._seen = 0
        self._stored = 0
        self._progress = Signal()
        self._shown: dict[str, tuple[str, str]] = {}
        """The version of each object that was shown last, and its signature."""
        self._known: set[str] = set()
        """Events that an earlier process has stored: a cluster shows all of the last hour again."""

    def listen(self, objects: Iterable[Informer], events: Informer | None = None) -> Callable[[], None]:
        """Record what these informers show from now on; return what ends that."""
        ends = [informer.subscribe(self._on_object) for informer in objects]
        if events is not None:
            ends.append(events.subscribe(self._on_event))

        def end() -> None:
            for one in ends:
                one()

        return end

    async def note_gone(self, kind: str, informers: Sequence[Informer], namespace: str | None) -> None:
        """Record the end of what went while no server was there. Call it when the informers have seen everything.

        Args:
            kind: of the objects.
            informers: show all of them that are there.
            namespace: where; None for everywhere.
        """
        self._known.clear()
        known = await self._database.read(lambda connection: revisions.not_gone(connection, kind))
        present = {obj["metadata"].get("uid") for informer in informers for obj in informer.list()}
        namespaced = all(informer.resource.namespaced for informer in informers)
        for last in known:
            here = last.namespace == (namespace or last.namespace) and (last.namespace or not namespaced)
            if (
                here and last.uid not in present
            ):  # earlier releases kept no namespace: of those nothing is known
                gone = replace(last, observed=self._clock.now(), deleted=True, written_by=None)
                self._add(_Revision(gone, unsure=True))

    def said(self, key: LogKey, text: str, nanoseconds: int) -> None:
        """Record one of Seaway's own sentences about an attempt, or about what leads to it."""
        self._add(SentenceRecord(key.run_uid, key.task, key.attempt, nanoseconds / 1e9, text))

    def acted(self, act: ActRecord) -> None:
        """Record what somebody did, or was refused to do: nothing else tells of it after a crash."""
        self._add(act)
        self._wanted.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Write until cancelled, and then what is left. Informers whose events it records start when it is ready."""
        self._known = await self._database.read(
            lambda connection: revisions.newest_events(connection, _KNOWN)
        )
        ready()
        try:
            await self._write_for_ever()
        finally:
            while self._waiting:
                await self._write()

    async def _write_for_ever(self) -> None:
        failures = 0
        while True:
            await self._arrived.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_GATHER_SECONDS):
                    await self._wanted.wait()
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
            self._wanted.set()
            await asyncio.shield(self._progress.next())

    def nanoseconds(self) -> int:
        """Return the time, as log lines have it."""
        return int(self._clock.now() * 1_000_000_000)

    async def events_about(self, uid: str) -> list[Object]:
        """Return the events about an object, oldest first."""
        await self.flush()
        found = await self._database.read(lambda connection: revisions.events_about(connection, uid))
        return [event.object for event in found]

    async def claims_of(self, pod: Mapping[str, Any], namespace: str) -> list[Object]:
        """Return the claims that a pod names, and the events about them."""
        await self.flush()
        return await self._database.read(lambda connection: claims_of(connection, pod, namespace))

    async def revisions_of(self, kind: str, uid: str) -> list[RevisionRecord]:
        """Return the revisions of an object, oldest first."""
        await self.flush()
        return await self._database.read(lambda connection: revisions.of_object(connection, kind, uid))

    async def _write(self) -> None:
        self._wanted.clear()
        batch = list(islice(self._waiting, _AT_ONCE))
        shown = [one for one in batch if isinstance(one, _Revision)]
        kept, unsure = [one.record for one in shown], {one.record.uid for one in shown if one.unsure}
        events = {one.uid: one for one in batch if isinstance(one, EventRecord)}
        said = [one for one in batch if isinstance(one, SentenceRecord)]
        done = [one for one in batch if isinstance(one, ActRecord)]

        def work(connection: Connection) -> None:
            revisions.add_new(connection, kept, unsure)
            revisions.save_events(connection, list(events.values()))
            sentences.add(connection, said)
            acts.add(connection, done)

        await self._database.write(work)
        for _ in batch:
            self._waiting.popleft()
        if not self._waiting:
            self._arrived.clear()
        self._stored += len(batch)
        self._progress.notify()

    def _add(self, record: Record) -> None:
        self._waiting.append(record)
        self._seen += 1
        self._arrived.set()

    def _on_object(self, event_type: str, new: Object, old: Object | None) -> None:
        kind, deleted = new["kind"], event_type == "DELETED"
        before, signature = self._signature(kind, old), redaction.signature(kind, new)
        metadata = new["metadata"]
        if deleted:
            self._shown.pop(metadata.get("uid", ""), None)
        else:
            self._shown[metadata.get("uid", "")] = metadata.get("resourceVersion", ""), signature
        if not deleted and signature == before:
            return
        record = RevisionRecord(
            kind, metadata["name"], metadata.get("uid", ""),
            (metadata.get("labels") or {}).get(labels.RUN_UID), self._clock.now(), deleted,
            _kept(kind, new, first=old is None), metadata.get("namespace", ""), signature,
            written_by(new, old) or None,
        )  # fmt: skip
        self._add(_Revision(record, unsure=old is None or deleted))

    def _signature(self, kind: str, old: Object | None) -> str | None:
        """Return the signature of an object as it was; what an informer shows, it has shown before."""
        if old is None:
            return None
        version, signature = self._shown.get(old["metadata"].get("uid", ""), (None, ""))
        known = version == old["metadata"].get("resourceVersion")
        return signature if known else redaction.signature(kind, old)

    def _on_event(self, event_type: str, new: Object, _old: Object | None) -> None:
        about = new.get("involvedObject") or {}
        if event_type == "DELETED" or not about.get("kind"):
            return
        count = new.get("count") or (new.get("series") or {}).get("count") or 1
        uid = new["metadata"]["uid"]
        uid = uid if count == 1 else f"{uid}/{count}"
        if uid in self._known:
            return
        record = EventRecord(
            uid,
            (about.get("uid") or "")[:_LONGEST],
            self._clock.now(),
            redaction.kept_event(new),
            about["kind"][:_LONGEST_KIND],
            (about.get("namespace") or "")[:_LONGEST],
            about.get("name") or "",
        )
        self._add(record)


def _kept(kind: str, obj: Object, *, first: bool) -> Object:
    if kind == "Pod":
        return redaction.whole_pod(obj) if first else redaction.changing_part(obj)
    return redaction.kept_node(obj) if kind == "Node" else redaction.whole_object(obj)
