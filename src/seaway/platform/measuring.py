"""What Prometheus may know of a server: counts by phase and kind, never names of runs or users."""

from __future__ import annotations

from seaway.base.measures import Gauge, Measure
from seaway.model.run import Phase
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import notices, runs
from seaway.platform.database.database import Database
from seaway.platform.engine.engine import Engine
from seaway.platform.history.collector import LogCollector
from seaway.platform.notifications.nodes import troubles
from seaway.platform.notifications.telling import Telling


class ServerMeasures:
    """Looks when it is asked; what rises is counted by those who do it."""

    def __init__(
        self, database: Database, engine: Engine, collector: LogCollector, view: ClusterView, telling: Telling
    ) -> None:
        self._database, self._engine, self._collector = database, engine, collector
        self._view, self._telling = view, telling

    async def measures(self) -> list[Measure]:
        """Return all of it."""
        by_phase = await self._database.read(runs.count_by_phase)
        phases = Gauge("seaway_runs", "Runs that are not in the bin, by phase.", ("phase",))
        for phase in Phase:
            phases.put(phase, value=by_phase.get(phase, 0))
        return [
            phases, *self._engine.measures(), self._collector.lines, self._collector.bytes,
            *self._database.measures(), *self._leadership(), *await self._notifications(), self._nodes(),
            self._telling.certificates.measure(),
        ]  # fmt: skip

    def _leadership(self) -> list[Measure]:
        leads = Gauge("seaway_leader", "1 where this server leads; one that stands by answers 503.")
        leads.put(value=1)
        epoch = Gauge("seaway_leader_epoch", "How often servers have taken the database over; 0 for a file.")
        epoch.put(value=self._database.epoch)
        seen = Gauge("seaway_cluster_seen", "1 where the server follows its cluster.")
        seen.put(value=float(self._view.is_seen and not self._view.problem))
        return [leads, epoch, seen]

    async def _notifications(self) -> list[Measure]:
        waiting = await self._database.read(notices.count_pending)
        pending = Gauge("seaway_notifications_pending", "Notifications that are still to be sent.")
        pending.put(value=sum(waiting.values()))
        sender, recipients = self._telling.sender, self._telling.recipients
        return [recipients.happened, pending, sender.sent, sender.failed]

    def _nodes(self) -> Gauge:
        nodes = Gauge(
            "seaway_nodes", 'Nodes, by what is the matter with them; "" where nothing is.', ("trouble",)
        )
        for node in self._view.all_nodes():
            for kind in [trouble.kind for trouble in troubles(node)] or [""]:
                nodes.add("NotReady" if kind == "Ready" else kind)
        return nodes
