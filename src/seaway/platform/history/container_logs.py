"""Keeping the logs of pods that are no run's: those that users make with kubectl or through what makes pods.

Nothing holds such a pod: its log is followed from the moment that a container runs. When a pod is gone, its node is asked for
the rest: one of the embedded cluster keeps logs for a while, a kubelet does not, and then the log says that its end may be missing.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.platform.database import log_records
from seaway.platform.database.database import Database
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.records import LogRecord
from seaway.platform.history.collector import LogCollector
from seaway.platform.history.containers import Instance, Policy, instances, is_recorded
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.remembered import last_pod
from seaway.platform.history.signal import Signal
from seaway.platform.history.sources import Source, source_of
from seaway.reconcile.informer import Informer

log = logging.getLogger(__name__)
_BACKOFF = Backoff(0.5, 2.0, 30.0)
_MOMENT = 1e-6
"""Seconds between the starts of two containers that are seen at once: their logs are told in the pod's order."""
Object = dict[str, Any]


@dataclass(slots=True)
class _Pod:
    """What is under way for a pod."""

    followed: set[LogKey] = field(default_factory=set)
    ended: set[LogKey] = field(default_factory=set)


class ContainerLogs:
    """Has the logs of the pods collected that an informer shows.

    Args:
        database: takes note of what logs there are.
        logs: keeps them.
        collector: reads them.
        clock: where time comes from.
        policy: of which pods.
        at_once: logs that are followed at once; the log of a further one is read at its end.
    """

    def __init__(
        self,
        database: Database,
        logs: LogStore,
        collector: LogCollector,
        clock: Clock,
        policy: Policy,
        at_once: int = 500,
    ) -> None:
        self._database, self._logs, self._collector, self._clock = database, logs, collector, clock
        self._policy, self._at_once = policy, at_once
        self._pods: dict[str, _Pod] = {}
        self._gone: set[LogKey] = set()
        """Logs of pods that are gone, which are being completed."""
        self._shown: set[LogKey] | None = set()
        """Logs that this process has seen to; None when those that it has not are seen to as well."""
        self._jobs: set[asyncio.Task[None]] = set()
        self._reading = asyncio.Semaphore(16)
        self.changed = Signal()
        """Notified when a log was closed."""

    def listen(self, pods: Informer) -> Callable[[], None]:
        """Keep the logs of these pods from now on; return what ends that."""
        return pods.subscribe(self._on_pod)

    async def close(self) -> None:
        """Stop; what is stored by then stays."""
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs)

    def _on_pod(self, event_type: str, pod: Object, _old: Object | None) -> None:
        if not is_recorded(pod, self._policy):
            return
        known, now = self._pods.setdefault(pod["metadata"]["uid"], _Pod()), self._clock.now()
        for order, instance in enumerate(instances(pod)):
            began = now + order * _MOMENT
            if self._shown is not None:
                self._shown.add(instance.key)
            if instance.ended and instance.key not in known.ended:
                known.ended.add(instance.key)
                self._spawn(partial(self._complete, instance, pod, began))
            elif not instance.ended and instance.key not in known.followed and event_type != "DELETED":
                self._follow(known, instance, pod, began)
        if event_type == "DELETED":
            del self._pods[pod["metadata"]["uid"]]
            alive = {one.key for one in instances(pod) if not one.ended}
            for key in known.followed - known.ended | alive:
                source = source_of(pod, key.task, number=key.attempt)
                self._spawn(partial(self._complete_gone, key, source))

    def _follow(self, known: _Pod, instance: Instance, pod: Object, began: float) -> None:
        followed = sum(len(one.followed - one.ended) for one in self._pods.values())
        if followed >= self._at_once:
            return
        known.followed.add(instance.key)
        self._spawn(partial(self._begin, instance.key, pod, began))
        self._collector.follow(instance.key, pod, instance.container)

    async def _begin(self, key: LogKey, pod: Object, began: float) -> None:
        metadata = pod["metadata"]
        record = LogRecord(*key, began, metadata.get("namespace", ""), metadata["name"])
        await self._database.write(lambda connection: log_records.begin(connection, record))

    async def _complete(self, instance: Instance, pod: Object, began: float) -> None:
        known = await self._database.read(
            lambda connection: log_records.one(connection, ChunkOwner(*instance.key))
        )
        if known is not None and known.closed is not None:
            return  # an earlier process has all of it
        await self._begin(instance.key, pod, began)
        async with self._reading:
            await self._collector.complete(
                instance.key, pod, instance.container, previous=instance.previous, number=instance.key.attempt
            )
        await self._close(instance.key)

    async def _complete_gone(self, key: LogKey, source: Source) -> None:
        if key in self._gone:
            return
        self._gone.add(key)
        try:
            record = LogRecord(*key, self._clock.now(), source.namespace, source.pod)
            await self._database.write(lambda connection: log_records.begin(connection, record))
            async with self._reading:
                await self._collector.complete_gone(key, source)
            await self._close(key)
        finally:
            self._gone.discard(key)

    async def _close(self, key: LogKey) -> None:
        await self._logs.close(key)
        size = await self._logs.size(key)
        now = self._clock.now()
        await self._database.write(
            lambda connection: log_records.change(connection, ChunkOwner(*key), closed=now, size=size)
        )
        self._collector.forget(key)
        self.changed.notify()

    async def close_left_over(self) -> None:
        """Complete the logs of pods that are gone: an earlier process followed them. Call it when all pods were seen."""
        left = await self._database.read(log_records.open_ones)
        shown, self._shown = self._shown or set(), None
        for record in left:
            key = LogKey(record.run_uid, record.task, record.attempt)
            # of what was shown, and may be gone by now, this process reads the end as of any other
            if record.pod and key not in shown:
                uid = _pod_uid(key)
                pod = await self._database.read(lambda connection, uid=uid: last_pod(connection, uid))  # type: ignore[misc]
                node = ((pod or {}).get("spec") or {}).get("nodeName") or ""
                source = Source(
                    record.pod, record.namespace, key.task, uid=uid, node=node, number=key.attempt
                )
                self._spawn(partial(self._complete_gone, key, source))

    def _spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        job = asyncio.create_task(self._until_done(work), name="container log")
        self._jobs.add(job)
        job.add_done_callback(self._done)

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do what may be done twice, again where the database or the disk did not take it."""
        failures = 0
        while True:
            try:
                await work()
                return
            except (DatabaseError, OSError) as error:
                failures += 1
                log.error("a container's log is not kept yet: %s", error)
                await self._clock.sleep(_BACKOFF.delay(failures))

    def _done(self, job: asyncio.Task[None]) -> None:
        self._jobs.discard(job)
        if not job.cancelled() and (error := job.exception()) is not None:
            log.error("a container's log is not kept: %s", error, exc_info=error)


def _pod_uid(key: LogKey) -> str:
    """Return the uid of a pod whose log it is, "" where the key holds none."""
    try:
        return str(uuid.UUID(hex=key.run_uid))
    except ValueError:
        return ""
