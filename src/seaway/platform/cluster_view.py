"""What the server sees of its cluster: the pods of its workspaces always; nodes and events where it may."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.watch import FollowSettings
from seaway.objects.builtin import NODES, PODS
from seaway.objects.errors import Forbidden
from seaway.platform.places import Place
from seaway.reconcile.informer import Informer
from seaway.reconcile.optional import OptionalInformer

Object = dict[str, Any]
FOLLOW = FollowSettings(backoff=Backoff(0.05, 2.0, 5.0, jitter=0.5))
"""A server is one of few that follow: it can come back soon after the API server does."""


_PATIENCE = 30.0
"""Seconds that history waits for one workspace."""


class ClusterView:
    """The informers of a server: nodes, and a `Place` for each workspace.

    Args:
        client: of the cluster.
        namespace: of the default workspace.
        clock: measures waits.
        follow: how the cluster is watched.
        everywhere: history is to be of all namespaces, not of the workspaces' alone.
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
        self._client, self._clock, self._follow = client, clock, follow
        self.nodes = OptionalInformer(
            client, Informer(client, NODES, clock=clock, settings=follow), clock=clock
        )
        self._everywhere = Place.everywhere(client, clock, follow) if everywhere else None
        self._places: dict[str, Place] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None
        self._listeners: list[Callable[[Place], None]] = []
        self.on_seen: Callable[[str], None] = lambda _: None
        """Told each namespace whose pods were seen once."""
        self._default = self.add(namespace)
        self._keeping = self._everywhere or self._default
        """Shows what history keeps."""

    @property
    def namespaces(self) -> list[str]:
        """The namespaces of the workspaces, the default one first."""
        return list(self._places)

    def add(self, namespace: str) -> Place:
        """Look at the namespace of a workspace too, from now on; one that is looked at already stays as it is."""
        if found := self._places.get(namespace):
            return found
        history = self._everywhere is None
        place = Place.of(namespace, self._client, self._clock, self._follow, history=history)
        self._places[namespace] = place
        for listener in self._listeners:
            listener(place)
        if self._group is not None:
            self._start(self._group, namespace, place)
        return place

    def remove(self, namespace: str) -> None:
        """Look at a namespace no longer."""
        self._places.pop(namespace, None)
        if task := self._tasks.pop(namespace, None):
            task.cancel()

    def listen(self, begin: Callable[[Place], None]) -> None:
        """Have somebody subscribe to what each place shows, those that are added later included."""
        self._listeners.append(begin)
        for place in (*((self._everywhere,) if self._everywhere else ()), *self._places.values()):
            begin(place)

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep everything current until cancelled; ready at once."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self.nodes.run(), name="informer nodes")
                if self._everywhere is not None:
                    group.create_task(self._everywhere.run(lambda: None), name="informers of all namespaces")
                for namespace, place in self._places.items():
                    self._start(group, namespace, place)
                ready()
        finally:
            self._group = None

    def _start(self, group: asyncio.TaskGroup, namespace: str, place: Place) -> None:
        work = place.run(lambda: self.on_seen(namespace))
        self._tasks[namespace] = group.create_task(work, name=f"informers of {namespace}")

    async def all_seen(self) -> list[tuple[str, list[Informer], str | None]]:
        """Wait until all that history keeps was seen once; return what may be: kind, who shows it, in which namespace."""
        await self.seen()
        found: list[tuple[str, list[Informer], str | None]] = []
        places = [self._everywhere] if self._everywhere else list(self._places.values())
        for place in places:
            if not await _in_time(place):
                continue  # rights in that namespace are missing: history of it says no more than it can
            found += place.kept_kinds()
            if place.may_see_all_pods:
                pods = [each.pods for each in self._places.values() if each.pods and each.pods.is_synced]
                own = [place.pods] if place.pods is not None else pods
                found.append(("Pod", [*own, *place.shown_others], place.namespace))
        if self.nodes.allowed:
            found.append(("Node", [self.nodes.informer], None))
        return found

    async def sees_others(self) -> bool:
        """Wait until the pods that are no run's were seen once; return whether they may be."""
        await self._keeping.others_settled()
        return self._keeping.may_see_all_pods

    @property
    def hidden(self) -> list[str]:
        """Return what may not be seen, in the words of Kubernetes: pods that are no run's, events, jobs ..."""
        nodes = [] if self.nodes.allowed is not False else [self.nodes.informer.resource.plural]
        return [*nodes, *self._keeping.hidden]

    async def seen(self) -> None:
        """Wait until everything that may be seen was seen once, but for the workspaces beside the default one."""
        assert self._default.pods is not None
        await self._default.pods.synced()
        await self.nodes.settled()
        await self._keeping.events_settled()

    def sees(self, namespace: str) -> bool:
        """Whether the pods of a workspace were seen once; True for a namespace that is nobody's workspace (any more)."""
        place = self._places.get(namespace)
        return place is None or place.pods is None or place.pods.is_synced

    def shows_anything(self, namespace: str) -> bool:
        """Whether anything was seen in the namespace of a workspace whose end was not."""
        place = self._places.get(namespace)
        return place is not None and any(informer.list() for informer in place.objects)

    @property
    def is_seen(self) -> bool:
        """Whether everything that may be seen was seen once."""
        return self.sees(self.namespaces[0]) and self.nodes.is_settled and self._keeping.events_are_settled

    @property
    def problem(self) -> str:
        """Why the server does not see its pods now, "" where it does."""
        return self.problem_of(self.namespaces[0])

    def problem_of(self, namespace: str) -> str:
        """Why the server does not see the pods of a workspace now, "" where it does."""
        place = self._places.get(namespace)
        return "" if place is None or place.pods is None else place.pods.problem

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


async def _in_time(place: Place) -> bool:
    """Wait until all that a place may show was seen once; False where that takes too long."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await place.settled()
    except TimeoutError:
        return False
    return True
