"""What the server sees of its cluster: its pods always; nodes and events where it may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.watch import FollowSettings
from seaway.objects.builtin import EVENTS, NODES, PODS
from seaway.objects.errors import Forbidden
from seaway.platform.workloads import labels
from seaway.reconcile.informer import Informer
from seaway.reconcile.optional import OptionalInformer

Object = dict[str, Any]
FOLLOW = FollowSettings(backoff=Backoff(0.05, 2.0, 5.0, jitter=0.5))
"""A server is one of few that follow: it can come back soon after the API server does."""


class ClusterView:
    """The informers of a server."""

    def __init__(self, client: Client, namespace: str, clock: Clock, follow: FollowSettings = FOLLOW) -> None:
        self._client = client
        self.pods = Informer(
            client, PODS, namespace=namespace, label_selector=labels.RUN_UID, clock=clock, settings=follow
        )
        self.nodes = OptionalInformer(
            client, Informer(client, NODES, clock=clock, settings=follow), clock=clock
        )
        events = Informer(client, EVENTS, namespace=namespace, clock=clock, settings=follow)
        self.events = OptionalInformer(client, events, namespace, clock=clock)

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep everything current until cancelled; ready at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run(), name="informer pods")
            group.create_task(self.nodes.run(), name="informer nodes")
            group.create_task(self.events.run(), name="informer events")
            ready()

    async def seen(self) -> None:
        """Wait until everything that may be seen was seen once."""
        await self.pods.synced()
        await self.nodes.settled()
        await self.events.settled()

    @property
    def is_seen(self) -> bool:
        """Whether everything that may be seen was seen once."""
        return self.pods.is_synced and self.nodes.is_settled and self.events.is_settled

    @property
    def problem(self) -> str:
        """Why the server does not see its pods now, "" where it does."""
        return self.pods.problem

    def status(self) -> dict[str, Any]:
        """Return what `seaway status` shows of it."""
        return {
            "cluster_seen": self.is_seen,
            "cluster_problem": self.problem,
            "nodes_visible": self.nodes.allowed is not False,
        }

    def node(self, name: str) -> Object | None:
        """Return a node, None where there is none or none may be seen."""
        return self.nodes.informer.get(name)

    def all_nodes(self) -> list[Object]:
        """Return all nodes that may be seen."""
        return self.nodes.informer.list()

    async def everybodys_pods(self) -> list[Object] | None:
        """Return all pods of the cluster, asked for now; None where they may not be seen."""
        try:
            found: list[Object] = (await self._client.list(PODS))["items"]
        except Forbidden:
            return None
        return found

    @property
    def sees_nodes(self) -> bool:
        """Whether a node that is not shown is not there."""
        return self.nodes.allowed is not False
