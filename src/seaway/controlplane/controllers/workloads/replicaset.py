"""Replica sets and replication controllers: the shell around `replicaplan.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.workloads.children import (
    CONTROLLER,
    NAMESPACE,
    by_controller,
    by_namespace,
    candidates,
    claim,
    owner_keys,
    pod_of_template,
)
from seaway.controlplane.controllers.workloads.pods import BURST, Hands
from seaway.controlplane.controllers.workloads.replicaplan import look_again, plan_replicas, replica_status
from seaway.objects.builtin import PODS
from seaway.objects.meta import controller_of, uid
from seaway.objects.resource import Resource
from seaway.objects.workloads import REPLICA_SETS, REPLICATION_CONTROLLERS
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.ownwrites import STALE, OwnWrites
from seaway.reconcile.sources import Source

Object = dict[str, Any]


class ReplicaController:
    """Keeps as many pods as an owner wants."""

    def __init__(self, context: Context, resource: Resource, name: str) -> None:
        self._clock, self._resource = context.clock, resource
        self._writes = OwnWrites()
        self._owners = context.informers.informer(
            resource, indices={NAMESPACE: by_namespace, CONTROLLER: by_controller}
        )
        self._pods = context.informers.informer(PODS, indices={CONTROLLER: by_controller})
        self._hands = Hands(context, f"{name}-controller", self._owners, self._pods, self._writes)
        self.controller = Controller(
            name,
            (Source(self._owners), Source(self._pods, owner_keys(resource, self._owners))),
            self.reconcile,
            clock=context.clock,
            settings=ControllerSettings(workers=context.settings.workers),
        )

    async def reconcile(self, owner_key: str) -> Outcome:
        """Bring one owner's pods to the number it wants, and its status up to date."""
        owner = self._owners.get(owner_key)
        if owner is None:
            self._writes.forget(owner_key)
            return DONE
        if not self._writes.are_seen(owner_key):
            return STALE
        pods = await self._hands.settle(owner, claim(owner, candidates(self._pods, owner)))
        now = self._clock.now()
        plan = plan_replicas(owner, pods, self._related(owner), now, BURST)
        template = owner["spec"]["template"]
        failure = await self._hands.create(
            owner, [pod_of_template(owner, template) for _ in range(plan.create)]
        )
        failure = await self._hands.delete(owner, plan.delete) or failure
        told = None if failure is None else str(failure)
        status = replica_status(owner, pods, told, now, terminating=self._resource is REPLICA_SETS)
        await self._hands.write_status(owner, status)
        if failure is not None:
            raise failure
        again = look_again(owner, pods, now)
        return DONE if again is None else RequeueAfter(again)

    def _related(self, owner: Object) -> Iterable[Object]:
        """Return the pods of all replica sets of the same deployment; those of the owner alone where it has none."""
        reference = controller_of(owner)
        siblings = self._owners.by_index(CONTROLLER, reference["uid"]) if reference else [owner]
        for sibling in siblings:
            yield from self._pods.by_index(CONTROLLER, uid(sibling))


def build(context: Context) -> Controller:
    """Return the controller of replica sets."""
    return ReplicaController(context, REPLICA_SETS, "replicaset").controller


def build_replication(context: Context) -> Controller:
    """Return the controller of replication controllers."""
    return ReplicaController(context, REPLICATION_CONTROLLERS, "replication").controller
