"""What the server sees of its cluster: its pods always; nodes and events where it may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.watch import FollowSettings
from seaway.objects.builtin import EVENTS, JOBS, NODES, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.errors import Forbidden
from seaway.objects.resource import Resource
from seaway.platform.workloads import labels
from seaway.reconcile.informer import Informer, identity
from seaway.reconcile.optional import OptionalInformer

Object = dict[str, Any]
FOLLOW = FollowSettings(backoff=Backoff(0.05, 2.0, 5.0, jitter=0.5))
"""A server is one of few that follow: it can come back soon after the API server does."""

RECORDED = (
    PERSISTENT_VOLUME_CLAIMS,
    JOBS,
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("apps", "v1", "ReplicaSet", "replicasets"),
    Resource("apps", "v1", "StatefulSet", "statefulsets"),
)
"""What history keeps beside pods and nodes, where it may be seen."""


class ClusterView:
    """The informers of a server.

    Args:
        client: of the cluster.
        namespace: where the runs' pods are.
        clock: measures waits.
        follow: how the cluster is watched.
        everywhere: history is to be of all namespaces, not of this one alone.
    """

    def __init__(
        self,
        client: Client,
        namespace: str,
        clock: Clock,
        follow: FollowSettings = FOLLOW,
        *,
        everywhere: bool = False,
    ) -> None:
        self._client = client
        self._place = place = None if everywhere else namespace

        def optional(resource: Resource, selector: str | None = None, **options: Any) -> OptionalInformer:
            informer = Informer(
                client,
                resource,
                namespace=place,
                label_selector=selector,
                clock=clock,
                settings=follow,
                **options,
            )
            return OptionalInformer(client, informer, place, clock=clock)

        self.pods = Informer(
            client, PODS, namespace=namespace, label_selector=labels.RUN_UID, clock=clock, settings=follow
        )
        self.nodes = OptionalInformer(
            client, Informer(client, NODES, clock=clock, settings=follow), clock=clock
        )
        self.events = optional(EVENTS, kept=identity)
        """Told to handlers as they come: there are some for each pod, for an hour, and history keeps them."""
        self.others = optional(PODS, f"!{labels.RUN_UID}")
        """Pods that are no run's."""
        self._recorded = [self.others, *(optional(resource) for resource in RECORDED)]

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep everything current until cancelled; ready at once."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run(), name="informer pods")
            group.create_task(self.nodes.run(), name="informer nodes")
            group.create_task(self.events.run(), name="informer events")
            for recorded in self._recorded:
                group.create_task(recorded.run(), name=f"informer {recorded.informer.resource.plural}")
            ready()

    @property
    def objects(self) -> list[Informer]:
        """The informers of all that history keeps revisions of."""
        return [self.pods, self.nodes.informer, *(recorded.informer for recorded in self._recorded)]

    async def all_seen(self) -> list[tuple[str, list[Informer], str | None]]:
        """Wait until all that history keeps was seen once; return what may be: kind, who shows it, in which namespace."""
        await self.seen()
        for one in self._recorded:
            await one.settled()
        others = [one for one in self._recorded if one.allowed and one is not self.others]
        found = [(one.informer.resource.kind, [one.informer], self._place) for one in others]
        if self.others.allowed:
            found.append(("Pod", [self.pods, self.others.informer], self._place))
        if self.nodes.allowed:
            found.append(("Node", [self.nodes.informer], None))
        return found

    @property
    def hidden(self) -> list[str]:
        """Return what may not be seen, in the words of Kubernetes: pods that are no run's, events, jobs ..."""
        seen = (self.nodes, self.events, *self._recorded)
        return [one.informer.resource.plural for one in seen if one.allowed is False]

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
            "history_without": self.hidden,
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
