"""What Prometheus may know of a server: counts by phase and kind, never names of runs or users."""

from __future__ import annotations

from seaway.base.measures import Counter, Gauge, text
from seaway.model.run import Phase
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import notices, runs
from seaway.platform.database.database import Database
from seaway.platform.engine.engine import Engine
from seaway.platform.notifications.nodes import troubles
from seaway.platform.notifications.telling import Telling


class ServerMeasures:
    """Looks when it is asked; what rises is counted by those who do it."""

    def __init__(self, database: Database, engine: Engine, view: ClusterView, telling: Telling) -> None:
        self._database, self._engine, self._view, self._telling = database, engine, view, telling

    async def text(self) -> str:
        """Return all of it as Prometheus reads it."""
        by_phase = await self._database.read(runs.count_by_phase)
        waiting = await self._database.read(notices.count_pending)
        phases = Gauge("seaway_runs", "Runs that are not in the bin, by phase.", ("phase",))
        for phase in Phase:
            phases.put(phase, value=by_phase.get(phase, 0))
        pods = Gauge("seaway_pods_in_flight", "Pods of runs that are under way.")
        pods.put(value=self._engine.in_flight)
        seen = Gauge("seaway_cluster_seen", "1 where the server follows its cluster.")
        seen.put(value=float(self._view.is_seen and not self._view.problem))
        pending = Gauge("seaway_messages_pending", "Messages that are still to be sent.")
        pending.put(value=sum(waiting.values()))
        sent = Counter("seaway_messages_sent", "Messages that arrived, since the start.")
        sent.add(amount=self._telling.sender.sent)
        failed = Counter("seaway_messages_failed", "Tries to send that failed, since the start.")
        failed.add(amount=self._telling.sender.failed)
        return text(
            [phases, pods, seen, self._telling.recipients.happened, pending, sent, failed, self._nodes()]
        )

    def _nodes(self) -> Gauge:
        nodes = Gauge(
            "seaway_nodes", 'Nodes, by what is the matter with them; "" where nothing is.', ("trouble",)
        )
        for node in self._view.all_nodes():
            for kind in [trouble.kind for trouble in troubles(node)] or [""]:
                nodes.add("NotReady" if kind == "Ready" else kind)
        return nodes
