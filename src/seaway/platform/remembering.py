"""All that keeps history, put together: what records, what collects logs, what indexes and what forgets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from seaway.base.clock import Clock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.platform.cluster_view import ClusterView
from seaway.platform.history.collector import CollectorSettings, LogCollector
from seaway.platform.history.container_logs import ContainerLogs
from seaway.platform.history.indexing import Indexer
from seaway.platform.history.narrator import Narrator
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.retention import HistorySettings, Retention
from seaway.platform.history.signal import Signal
from seaway.platform.places import Place
from seaway.platform.stores import Stores
from seaway.reconcile.informer import Handler


class Remembering:
    """The parts of a server that keep history.

    Args:
        client: of the cluster.
        stores: where it is kept.
        clock: where time comes from.
        settings: what is remembered, and how long.
        collecting: how logs are collected.
    """

    def __init__(
        self,
        client: Client,
        stores: Stores,
        clock: Clock,
        settings: HistorySettings,
        collecting: CollectorSettings,
    ) -> None:
        self._stores, self._clock = stores, clock
        self.recorder = Recorder(stores.database, clock)
        self.collector = LogCollector(client, stores.logs, clock, collecting)
        self.narrator = Narrator(stores.logs, self.recorder)
        self.retention = Retention(stores.database, stores.logs, clock, settings)
        self._containers = ContainerLogs(stores.database, stores.logs, self.collector, clock, settings.logs)

    def listen(self, view: ClusterView, on_event: Handler) -> None:
        """Record what the cluster shows from now on, and have what Kubernetes' events say told."""
        self.recorder.listen([view.nodes.informer])

        def begin(place: Place) -> None:
            for pods in place.shown_others:
                self._containers.listen(pods)
            self.recorder.listen(place.objects, place.events.informer if place.events else None)
            if place.events is not None:
                place.events.informer.subscribe(on_event)

        view.listen(begin)

    async def start_rest(self, services: Services, view: ClusterView, changed: Signal) -> None:
        """Start what works in the background, beside the recorder; `changed` tells that a run may have ended."""
        indexer = Indexer(
            self._stores.database, self._stores.logs, self._clock, (changed, self._containers.changed)
        )
        await services.start("log index", indexer.run)
        await services.start("retention", self.retention.run)
        await services.start("containers", partial(self._close_left_over, view))

    async def close(self) -> None:
        """Stop collecting logs."""
        await self._containers.close()
        await self.collector.close()

    async def _close_left_over(self, view: ClusterView, ready: Callable[[], None]) -> None:
        """Take note of what went while no server was there, and close the logs of such pods."""
        ready()
        for kind, informers, namespace in await view.all_seen():
            await self.recorder.note_gone(kind, informers, namespace)
        if await view.sees_others():
            await self._containers.close_left_over()
        await asyncio.Event().wait()
