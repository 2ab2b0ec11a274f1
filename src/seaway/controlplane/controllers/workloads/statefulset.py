"""Stateful sets: the shell around `statefulplan.py`."""

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
from seaway.controlplane.controllers.workloads.history import HISTORY_HASH, History, outdated, revision_label
from seaway.controlplane.controllers.workloads.pods import Hands, Messages
from seaway.controlplane.controllers.workloads.revisions import Collided, Keeper
from seaway.controlplane.controllers.workloads.statefulplan import Revisions, StatefulPlan, plan_stateful_set
from seaway.controlplane.controllers.workloads.statefulpods import ordinal_of
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.objects.meta import key, labels, name, namespace, owner_references, resource_version, uid
from seaway.objects.workloads import STATEFUL_SETS
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.ownwrites import STALE, OwnWrites
from seaway.reconcile.sources import Source

Object = dict[str, Any]
COMPONENT = "statefulset-controller"
MESSAGES = Messages(
    "Create Pod {pod} in StatefulSet {owner} successful",
    "Create Pod {pod} in StatefulSet {owner} failed error: {error}",
    "Delete Pod {pod} in StatefulSet {owner} successful",
    "Delete Pod {pod} in StatefulSet {owner} failed error: {error}",
)


class StatefulSetController:
    """Carries out plans."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock = context.client, context.clock
        self._writes = OwnWrites()
        self._sets = context.informers.informer(STATEFUL_SETS, indices={NAMESPACE: by_namespace})
        self._pods = context.informers.informer(PODS, indices={CONTROLLER: by_controller})
        self._claims = context.informers.informer(PERSISTENT_VOLUME_CLAIMS)
        self._hands = Hands(context, COMPONENT, self._sets, self._pods, self._writes, MESSAGES)
        self._keeper = Keeper(context, COMPONENT, self._sets, HISTORY_HASH, self._writes)
        keys = owner_keys(STATEFUL_SETS, self._sets)
        self.controller = Controller(
            "statefulset",
            (Source(self._sets), Source(self._pods, keys), Source(self._keeper.informer, keys), Source(self._claims, self._waiting)),
            self.reconcile,
            clock=context.clock,
            settings=ControllerSettings(workers=context.settings.workers),
        )  # fmt: skip

    def _waiting(self, changed: Object) -> list[str]:
        """Return the sets that a claim's pod belongs to, by its owners or by the set that may wait for it to go."""
        near = self._sets.by_index(NAMESPACE, namespace(changed))
        own = owner_references(changed)
        return [key(one) for one in near if own and one["spec"].get("volumeClaimTemplates")]

    async def reconcile(self, set_key: str) -> Outcome:
        """Bring one stateful set forward by a step."""
        stateful_set = self._sets.get(set_key)
        if stateful_set is None:
            self._writes.forget(set_key)
            return DONE
        if not self._writes.are_seen(set_key):
            return STALE
        found = claim(
            stateful_set, candidates(self._pods, stateful_set), lambda pod: ordinal_of(stateful_set, pod) >= 0
        )
        pods = await self._hands.settle(stateful_set, found)
        try:
            history = await self._keeper.history(stateful_set)
        except Collided:
            await self._hands.write_status(stateful_set, collided(stateful_set))
            return DONE

        def known(claim_name: str) -> Object | None:
            return self._claims.get(f"{namespace(stateful_set)}/{claim_name}")

        plan = plan_stateful_set(
            stateful_set, pods, _revisions(stateful_set, history), known, self._clock.now()
        )
        await self._carry_out(stateful_set, plan)
        live = {plan.status["currentRevision"], plan.status["updateRevision"], *map(revision_label, pods)}
        limit = stateful_set["spec"].get("revisionHistoryLimit", 10)
        await self._keeper.forget(stateful_set, outdated(history, live, limit))
        return DONE if plan.again is None else RequeueAfter(plan.again)

    async def _carry_out(self, stateful_set: Object, plan: StatefulPlan) -> None:
        for wanted in plan.claims:
            await self._make_claim(stateful_set, wanted)
        for changed, owners in plan.owners:
            await self._patch(stateful_set, changed, {"ownerReferences": owners or None})
        failure = await self._hands.create(stateful_set, plan.create)
        for pod, wanted in plan.relabel:
            await self._patch(stateful_set, pod, {"labels": {**labels(pod), **wanted}})
        failure = await self._hands.delete(stateful_set, plan.delete) or failure
        await self._hands.write_status(stateful_set, plan.status)
        if failure is not None:
            raise failure

    async def _make_claim(self, stateful_set: Object, wanted: Object) -> None:
        pod = name(wanted)[name(wanted).index(f"-{name(stateful_set)}-") + 1 :]
        try:
            made = await self._client.create(PERSISTENT_VOLUME_CLAIMS, wanted)
        except AlreadyExists:
            return  # the copy is behind
        except ApiError as error:
            told = f"Create Claim {name(wanted)} for Pod {pod} in StatefulSet {name(stateful_set)} failed error: {error}"
            self._hands.report(stateful_set, "FailedCreate", told, warning=True)
            raise
        self._writes.note(key(stateful_set), self._claims, made)
        told = f"Create Claim {name(wanted)} Pod {pod} in StatefulSet {name(stateful_set)} success"
        self._hands.report(stateful_set, "SuccessfulCreate", told)

    async def _patch(self, stateful_set: Object, obj: Object, metadata: Object) -> None:
        informer = self._pods if obj.get("kind") == "Pod" else self._claims
        patch = {"metadata": {"uid": uid(obj), "resourceVersion": resource_version(obj), **metadata}}
        try:
            changed = await self._client.patch(informer.resource, name(obj), patch, namespace(obj))
        except NotFound:
            return
        self._writes.note(key(stateful_set), informer, changed)


def _revisions(stateful_set: Object, history: History) -> Revisions:
    """Return the revision that the status calls the current one, and the newest."""
    current = (stateful_set.get("status") or {}).get("currentRevision")
    found = next((one for one in history.revisions if name(one) == current), history.newest)
    return Revisions(found, history.newest)


def build(context: Context) -> Controller:
    """Return the controller."""
    return StatefulSetController(context).controller
