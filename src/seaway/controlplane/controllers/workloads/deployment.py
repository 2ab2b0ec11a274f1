"""Deployments: the shell around `deploymentplan.py`."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.workloads.children import (
    CONTROLLER,
    NAMESPACE,
    by_controller,
    by_namespace,
    candidates,
    claim,
    collided,
    owner_keys,
)
from seaway.controlplane.controllers.workloads.deploymentplan import (
    DeploymentPlan,
    creation_failed,
    is_same_template,
    plan_deployment,
)
from seaway.controlplane.controllers.workloads.pods import Hands, is_ending
from seaway.controlplane.controllers.workloads.replicasets import REVISION, size, split
from seaway.objects import meta
from seaway.objects.builtin import PODS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.objects.meta import controller_of, key, name, namespace, uid
from seaway.objects.pods import has_ended
from seaway.objects.workloads import DEPLOYMENTS, REPLICA_SETS
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.ownwrites import STALE, OwnWrites
from seaway.reconcile.sources import Source

Object = dict[str, Any]


class DeploymentController:
    """Carries out plans."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock = context.client, context.clock
        self._writes = OwnWrites()
        self._deployments = context.informers.informer(DEPLOYMENTS, indices={NAMESPACE: by_namespace})
        self._sets = context.informers.informer(
            REPLICA_SETS, indices={CONTROLLER: by_controller, NAMESPACE: by_namespace}
        )
        self._pods = context.informers.informer(PODS, indices={CONTROLLER: by_controller})
        self._hands = Hands(context, "deployment-controller", self._deployments, self._sets, self._writes)
        self.controller = Controller(
            "deployment",
            (Source(self._deployments), Source(self._sets, owner_keys(DEPLOYMENTS, self._deployments))),
            self.reconcile,
            clock=context.clock,
            settings=ControllerSettings(workers=context.settings.workers),
        )

    async def reconcile(self, deployment_key: str) -> Outcome:
        """Bring one deployment forward by a step."""
        deployment = self._deployments.get(deployment_key)
        if deployment is None:
            self._writes.forget(deployment_key)
            return DONE
        if not self._writes.are_seen(deployment_key):
            return STALE
        if deployment["spec"]["selector"] == {}:
            message = "This deployment is selecting all pods. A non-empty selector is required."
            self._hands.report(deployment, "SelectingAll", message, warning=True)
            return DONE
        sets = await self._hands.settle(deployment, claim(deployment, candidates(self._sets, deployment)))
        plan = plan_deployment(deployment, sets, self._has_old_pods(deployment, sets), self._clock.now())
        return await self._carry_out(deployment, plan)

    def _has_old_pods(self, deployment: Object, sets: list[Object]) -> bool:
        if deployment["spec"]["strategy"]["type"] != "Recreate":
            return False
        _, others = split(deployment, sets)
        pods = (pod for one in others for pod in self._pods.by_index(CONTROLLER, uid(one)))
        return any(not has_ended(pod) for pod in pods)

    async def _carry_out(self, deployment: Object, plan: DeploymentPlan) -> Outcome:
        if plan.create is not None:
            await self._create(deployment, plan.create)
        for changed in plan.update.values():
            written = await self._client.replace(REPLICA_SETS, changed)
            self._writes.note(key(deployment), self._sets, written)
        for scaled in plan.scaled:
            way = "up" if scaled.before < scaled.after else "down"
            message = f"Scaled {way} replica set {scaled.name} from {scaled.before} to {scaled.after}"
            self._hands.report(deployment, "ScalingReplicaSet", message)
        for one in plan.delete:
            await self._delete(deployment, one)
        revised = plan.revision and meta.annotations_of(deployment).get(REVISION) != plan.revision
        annotations = {REVISION: plan.revision} if revised else {}
        await self._hands.write_status(deployment, plan.status, annotations)
        return DONE if plan.again is None else RequeueAfter(plan.again)

    async def _create(self, deployment: Object, wanted: Object) -> None:
        try:
            made = await self._client.create(REPLICA_SETS, wanted)
        except AlreadyExists:
            await self._check_collision(deployment, wanted)
            return
        except ApiError as error:
            if is_ending(error):
                raise
            message = f'Failed to create new replica set "{name(wanted)}": {error}'
            self._hands.report(deployment, "ReplicaSetCreateError", message, warning=True)
            await self._hands.write_status(
                deployment, creation_failed(deployment, message, self._clock.now())
            )
            raise
        self._writes.note(key(deployment), self._sets, made)
        if size(made):
            message = f"Scaled up replica set {name(made)} from 0 to {size(made)}"
            self._hands.report(deployment, "ScalingReplicaSet", message)

    async def _check_collision(self, deployment: Object, wanted: Object) -> None:
        """Accept a replica set of this name that is the one wanted: the copy is behind. Else choose another name."""
        found = await self._client.get(REPLICA_SETS, name(wanted), namespace(wanted))
        if (controller_of(found) or {}).get("uid") == uid(deployment) and is_same_template(deployment, found):
            return
        await self._hands.write_status(deployment, collided(deployment))
        raise AlreadyExists(f'the name of the replica set "{name(wanted)}" is taken by another one')

    async def _delete(self, deployment: Object, one: Object) -> None:
        try:
            gone = await self._client.delete(REPLICA_SETS, name(one), namespace(one), uid=uid(one))
        except NotFound:
            return
        self._writes.note(key(deployment), self._sets, gone)


def build(context: Context) -> Controller:
    """Return the controller."""
    return DeploymentController(context).controller
