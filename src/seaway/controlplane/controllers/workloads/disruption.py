"""Disruption budgets: the shell around `disruptionplan.py`, which keeps the status that evictions heed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from seaway.client.discovery import discover
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.workloads.children import NAMESPACE, by_namespace, selector_of
from seaway.controlplane.controllers.workloads.disruptionplan import (
    Expected,
    expected,
    failed,
    needs_scale,
    plan_budget,
)
from seaway.objects.builtin import PODS
from seaway.objects.errors import NotFound
from seaway.objects.meta import controller_of, key, labels, name, namespace
from seaway.objects.resource import Resource
from seaway.objects.selectors import LabelSelector
from seaway.objects.workloads import (
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.ownwrites import STALE, OwnWrites
from seaway.reconcile.sources import Source

Object = dict[str, Any]
COMPONENT = "controllermanager"
_UNKNOWN_SECONDS = 30.0
"""Until a budget whose pods' controllers are not known is looked at again, where no pod changes before."""
_SCALED = (REPLICA_SETS, STATEFUL_SETS, REPLICATION_CONTROLLERS, DEPLOYMENTS)


class NoScale(Exception):
    """Nobody says how many pods there should be; the message names the pod or the controller."""


class DisruptionController:
    """Counts what budgets cover."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock, self._recorder = context.client, context.clock, context.recorder
        self._writes = OwnWrites()
        self._budgets = context.informers.informer(POD_DISRUPTION_BUDGETS, indices={NAMESPACE: by_namespace})
        self._pods = context.informers.informer(PODS, indices={NAMESPACE: by_namespace})
        self._scaled = {
            (resource.api_version, resource.kind): context.informers.informer(resource)
            for resource in _SCALED
        }
        self.controller = Controller(
            "disruption",
            (Source(self._budgets), Source(self._pods, self._covering)),
            self.reconcile,
            clock=context.clock,
            settings=ControllerSettings(workers=context.settings.workers),
        )

    def _covering(self, pod: Object) -> Iterable[str]:
        near = self._budgets.by_index(NAMESPACE, namespace(pod))
        return [key(budget) for budget in near if _selector(budget).matches(labels(pod))] if near else ()

    async def reconcile(self, budget_key: str) -> Outcome:
        """Bring one budget's status up to date; one that cannot be judged allows nothing."""
        budget = self._budgets.get(budget_key)
        if budget is None:
            self._writes.forget(budget_key)
            return DONE
        if not self._writes.are_seen(budget_key):
            return STALE
        selector = _selector(budget)
        pods = [p for p in self._pods.by_index(NAMESPACE, namespace(budget)) if selector.matches(labels(p))]
        now = self._clock.now()
        if not pods:
            self._report(budget, "Normal", "NoPods", "No matching pods found")
        try:
            wanted = await self._expected(budget, pods)
        except NoScale as error:
            message = f"Failed to calculate the number of expected pods: {error}"
            self._report(budget, "Warning", "CalculateExpectedPodCountFailed", message)
            await self._write(budget, failed(budget, str(error), now))
            return RequeueAfter(_UNKNOWN_SECONDS)
        plan = plan_budget(budget, pods, wanted, now)
        for pod in plan.overdue:
            message = f"Pod was expected by PDB {key(budget)} to be deleted but it wasn't"
            self._report(pod, "Warning", "NotDeleted", message)
        await self._write(budget, plan.status)
        return DONE if plan.again is None else RequeueAfter(plan.again + 0.1)

    async def _expected(self, budget: Object, pods: Sequence[Object]) -> Expected:
        if not needs_scale(budget):
            return expected(budget, len(pods), 0)
        controllers = {
            reference["uid"]: (pod, reference) for pod in pods if (reference := controller_of(pod))
        }
        scales = dict([await self._scale(pod, reference) for pod, reference in controllers.values()])
        if any(controller_of(pod) is None for pod in pods):
            self._report(budget, "Warning", "UnmanagedPods", _unmanaged(_selector(budget)))
        return expected(budget, len(pods), sum(scales.values()))

    async def _scale(self, pod: Object, reference: Object) -> tuple[str, int]:
        """Return the uid of who decides how many pods there are like this one, and how many it wants."""
        informer = self._scaled.get((reference["apiVersion"], reference["kind"]))
        if informer is None:
            return await self._foreign_scale(pod, reference)
        owner = informer.get(f"{namespace(pod)}/{reference['name']}")
        if owner is None or owner["metadata"]["uid"] != reference["uid"]:
            raise NoScale(f'found no controllers for pod "{name(pod)}"')
        above = controller_of(owner)
        if above is not None and above["kind"] == DEPLOYMENTS.kind:
            return await self._scale(pod, above)
        return str(reference["uid"]), int(owner["spec"].get("replicas", 1))

    async def _foreign_scale(self, pod: Object, reference: Object) -> tuple[str, int]:
        """Ask for the scale subresource of a kind that others brought."""
        resource = await self._served(reference)
        if resource is None:
            raise NoScale(f'found no controllers for pod "{name(pod)}"')
        if "scale" not in resource.subresources:
            raise NoScale(f"{resource.group_resource} does not implement the scale subresource")
        try:
            scale = await self._client.get(
                resource, reference["name"], namespace(pod) or None, subresource="scale"
            )
        except NotFound:
            raise NoScale(f'found no controllers for pod "{name(pod)}"') from None
        return str(reference["uid"]), int((scale.get("spec") or {}).get("replicas") or 0)

    async def _served(self, reference: Object) -> Resource | None:
        for resource in await discover(self._client):
            if (resource.api_version, resource.kind) == (reference["apiVersion"], reference["kind"]):
                return resource
        return None

    async def _write(self, budget: Object, status: Object) -> None:
        if status == (budget.get("status") or {}):
            return
        written = await self._client.replace(POD_DISRUPTION_BUDGETS, {**budget, "status": status}, "status")
        self._writes.note(key(budget), self._budgets, written)

    def _report(self, about: Object, event_type: str, reason: str, message: str) -> None:
        self._recorder.event(about, event_type, reason, message, component=COMPONENT)


def _selector(budget: Object) -> LabelSelector:
    """Return a budget's selector; unlike elsewhere, an empty one covers everything."""
    return LabelSelector() if (budget.get("spec") or {}).get("selector") == {} else selector_of(budget)


def _unmanaged(selector: LabelSelector) -> str:
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a result, the "
        "status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these "
        'pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


def build(context: Context) -> Controller:
    """Return the controller."""
    return DisruptionController(context).controller
