"""The parts of telling people, put together for one server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seaway.base.clock import Clock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.model.notification import Event
from seaway.model.run import Phase
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database.database import Database
from seaway.platform.engine.engine import Engine
from seaway.platform.history.logs import LogStore
from seaway.platform.history.narrator import Narrator
from seaway.platform.notifications.alerts import Alerts
from seaway.platform.notifications.certificates import CertificateWatch, WatchedCertificate
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.sender import Sender
from seaway.platform.notifications.service import Notifications
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.notifications.storage import StorageWatch
from seaway.platform.notifications.watch import Watch

if TYPE_CHECKING:
    from seaway.platform.service import RunService

_EXPLAINED = {
    Event.FAILED: frozenset({Phase.FAILED}),
    Event.WAITING: frozenset({Phase.QUEUED, Phase.STARTING}),
    Event.HUNG: frozenset({Phase.RUNNING}),
    Event.GPU: frozenset({Phase.RUNNING}),
}
"""What has a next step, while the run is in one of the phases."""


class Telling:
    """Who is told, by whom, and what is looked at for it."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        logs: LogStore,
        client: Client,
        view: ClusterView,
        clock: Clock,
        settings: NotifySettings,
        runs: RunService,
        narrator: Narrator,
        certificates: Sequence[WatchedCertificate],
    ) -> None:
        self.recipients = Recipients(clock)
        self.alerts = Alerts(database, view.all_nodes, clock)
        self.sender = Sender(database, self.recipients, self._next_step, clock, settings)
        self.service = Notifications(
            database, self.recipients, self.sender, clock, settings, lambda: view.namespaces
        )
        self.watch = Watch(
            database,
            engine,
            logs,
            client,
            self.alerts,
            self.recipients,
            clock,
            settings,
            lambda: view.namespaces,
        )
        runs.usage.growth.follow(engine.states)
        self.certificates = CertificateWatch(certificates, database, self.recipients, clock, settings)
        self.storage = StorageWatch(database, runs.usage, self.recipients, engine, narrator, clock, settings)
        self._runs = runs
        runs.explainer.still, runs.explainer.gpus_unused = self.watch.still, self.watch.gpus_unused_since

    async def start(self, services: Services) -> None:
        """Start what sends and what looks."""
        await self.service.load()
        await services.start("messages", self.sender.run)
        await services.start("watch", self.watch.run)
        await services.start("storage", self.storage.run)
        await services.start("expiry of certificates", self.certificates.run)

    async def _next_step(self, run_uid: str, event: str) -> str:
        phases = _EXPLAINED.get(Event(event))
        if phases is None:
            return ""
        return await self._runs.next_step(run_uid, phases)
