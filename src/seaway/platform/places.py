"""What the server sees of one namespace: the pods of runs, and what history keeps beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.client.watch import FollowSettings
from seaway.objects.builtin import EVENTS, JOBS, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.resource import Resource
from seaway.platform.workloads import labels
from seaway.reconcile.informer import Informer, identity
from seaway.reconcile.optional import OptionalInformer

RECORDED = (
    PERSISTENT_VOLUME_CLAIMS,
    JOBS,
    Resource("apps", "v1", "Deployment", "deployments"),
    Resource("apps", "v1", "ReplicaSet", "replicasets"),
    Resource("apps", "v1", "StatefulSet", "statefulsets"),
)
"""What history keeps beside pods and nodes, where it may be seen."""


@dataclass(slots=True)
class Place:
    """One namespace, or all of them."""

    namespace: str | None
    """None for all."""
    pods: Informer | None = None
    """Those of runs; None where each workspace shows its own."""
    events: OptionalInformer | None = None
    """Told to handlers as they come: there are some for each pod, for an hour, and history keeps them. None, as `others`,
    where another place shows them."""
    others: OptionalInformer | None = None
    """Pods that are no run's."""
    rest: list[OptionalInformer] = field(default_factory=list)
    """The other kinds that history keeps."""

    @classmethod
    def of(
        cls, namespace: str, client: Client, clock: Clock, follow: FollowSettings, *, history: bool
    ) -> Self:
        """Return the place of a workspace; with `history` it also shows what history keeps."""
        pods = Informer(
            client, PODS, namespace=namespace, label_selector=labels.RUN_UID, clock=clock, settings=follow
        )
        place = cls(namespace, pods)
        if history:
            place._keep_history(client, clock, follow)
        return place

    @classmethod
    def everywhere(cls, client: Client, clock: Clock, follow: FollowSettings) -> Self:
        """Return the place that shows what history keeps of all namespaces."""
        place = cls(None)
        place._keep_history(client, clock, follow)
        return place

    def _keep_history(self, client: Client, clock: Clock, follow: FollowSettings) -> None:
        def optional(resource: Resource, selector: str | None = None, **options: Any) -> OptionalInformer:
            informer = Informer(
                client,
                resource,
                namespace=self.namespace,
                label_selector=selector,
                clock=clock,
                settings=follow,
                **options,
            )
            return OptionalInformer(client, informer, self.namespace, clock=clock)

        self.events = optional(EVENTS, kept=identity)
        self.others = optional(PODS, f"!{labels.RUN_UID}")
        self.rest = [optional(resource) for resource in RECORDED]

    async def run(self, ready: Callable[[], None]) -> None:
        """Keep everything current until cancelled; `ready` is called when the pods of runs were seen once."""
        async with asyncio.TaskGroup() as group:
            if self.pods is not None:
                group.create_task(self.pods.run(ready), name="informer pods")
            for one in self._optional:
                group.create_task(one.run(), name=f"informer {one.informer.resource.plural}")

    @property
    def _optional(self) -> list[OptionalInformer]:
        return [*(one for one in (self.events, self.others) if one is not None), *self.rest]

    @property
    def shown_others(self) -> list[Informer]:
        """The informer of the pods that are no run's, where there is one."""
        return [self.others.informer] if self.others is not None else []

    @property
    def objects(self) -> list[Informer]:
        """The informers of all that history keeps revisions of."""
        own = [self.pods] if self.pods is not None else []
        return [*own, *self.shown_others, *(one.informer for one in self.rest)]

    async def settled(self) -> None:
        """Wait until all that history keeps was seen once, as far as it may be."""
        if self.pods is not None:
            await self.pods.synced()
        for one in self._optional:
            await one.settled()

    async def events_settled(self) -> None:
        """Wait until the events were seen once, or it is known that they may not be."""
        if self.events is not None:
            await self.events.settled()

    async def others_settled(self) -> None:
        """Wait until the pods that are no run's were seen once, or it is known that they may not be."""
        if self.others is not None:
            await self.others.settled()

    @property
    def events_are_settled(self) -> bool:
        """Whether the events were seen once, or it is known that they may not be."""
        return self.events is None or self.events.is_settled

    @property
    def may_see_all_pods(self) -> bool:
        """Whether the pods that are no run's may be seen."""
        return self.others is not None and bool(self.others.allowed)

    def kept_kinds(self) -> list[tuple[str, list[Informer], str | None]]:
        """Return what history keeps beside pods and may be seen: kind, who shows it, where."""
        return [
            (one.informer.resource.kind, [one.informer], self.namespace) for one in self.rest if one.allowed
        ]

    @property
    def hidden(self) -> list[str]:
        """What may not be seen, in the words of Kubernetes."""
        return [one.informer.resource.plural for one in self._optional if one.allowed is False]
