"""Horizontal pod autoscalers: the thin shell around `autoscaleplan.py`, `metricvalues.py`, `replicas.py` and `pace.py`."""

from __future__ import annotations

from typing import Any

from seaway.client.discovery import discover
from seaway.controlplane.controllers.autoscaleplan import (
    AutoscalePlan,
    not_rescaled,
    plan_autoscaler,
    rescaled,
    tolerance_of,
    without_scale,
)
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.metricsource import MetricSource
from seaway.controlplane.controllers.metricvalues import Verdict, judge_metric
from seaway.controlplane.controllers.pace import History
from seaway.controlplane.controllers.replicas import Target
from seaway.objects.builtin import HORIZONTAL_POD_AUTOSCALERS, PODS
from seaway.objects.errors import ApiError, BadRequest, Conflict
from seaway.objects.meta import namespace
from seaway.objects.resource import Resource
from seaway.objects.selectors import LabelSelector
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

Object = dict[str, Any]
COMPONENT = "horizontal-pod-autoscaler"
NAMESPACE = "namespace"
"""Name of the index of pods by their namespace."""
_TRIES = 5


def build(context: Context) -> Controller:
    """Return the controller."""
    return Autoscaler(context).controller


class Autoscaler:
    """Looks at each autoscaler every period, and when its spec changes."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock, self._recorder = context.client, context.clock, context.recorder
        self._period = context.settings.autoscale_period
        self._source = MetricSource(context.client)
        self._autoscalers = context.informers.informer(HORIZONTAL_POD_AUTOSCALERS)
        self._pods = context.informers.informer(PODS, indices={NAMESPACE: lambda pod: (namespace(pod),)})
        self._seen: dict[str, tuple[Object, float]] = {}
        """By key: the spec that was looked at last, and when (monotonic)."""
        self._histories: dict[str, History] = {}
        self._selectors: dict[str, LabelSelector] = {}
        self._resources: list[Resource] = []
        settings = ControllerSettings(workers=context.settings.workers)
        self.controller = Controller(
            "autoscaler", (Source(self._autoscalers),), self.reconcile, clock=context.clock, settings=settings
        )

    async def reconcile(self, key: str) -> Outcome:
        """Look at one autoscaler where it is time."""
        autoscaler = self._autoscalers.get(key)
        if autoscaler is None:
            self._seen.pop(key, None)
            self._histories.pop(key, None)
            self._selectors.pop(key, None)
            return DONE
        spec, last = self._seen.get(key, (None, 0.0))
        due = last + self._period - self._clock.monotonic()
        if spec == autoscaler["spec"] and due > 0:  # its own write of the status is no news
            return RequeueAfter(due)
        self._seen[key] = (autoscaler["spec"], self._clock.monotonic())
        await self._look(key, autoscaler)
        return RequeueAfter(self._period)

    async def _look(self, key: str, autoscaler: Object) -> None:
        now = self._clock.now()
        try:
            resource = await self._target(autoscaler["spec"]["scaleTargetRef"])
            scale = await self._scale(resource, autoscaler)
        except ApiError as error:
            await self._finish(autoscaler, without_scale(autoscaler, error.message, now))
            return
        current, shown = (int(scale.get(part, {}).get("replicas") or 0) for part in ("spec", "status"))
        history = self._histories.setdefault(key, History())
        history.now = self._clock.monotonic()
        selector, fault = self._selector(key, autoscaler, scale.get("status", {}).get("selector") or "")
        spec = autoscaler["spec"]
        verdicts: list[Verdict] = []
        if fault is None and (spec.get("minReplicas") or 1) <= current <= spec["maxReplicas"]:
            pods = [p for p in self._pods.by_index(NAMESPACE, namespace(autoscaler)) if _matches(selector, p)]
            target = Target(current, shown, pods, tolerance_of(autoscaler), now)
            for metric in spec.get("metrics") or ():
                reading = await self._source.read(metric, namespace(autoscaler), selector)
                verdicts.append(judge_metric(metric, reading, target, namespace(autoscaler)))
        plan = plan_autoscaler(autoscaler, current, verdicts, history, now, fault=fault)
        if plan.replicas is not None:
            await self._rescale(resource, autoscaler, plan, history)
        await self._finish(autoscaler, plan)

    async def _target(self, reference: Object) -> Resource:
        """Return the resource of a reference. Raises BadRequest."""
        group = reference["apiVersion"].rpartition("/")[0]
        for again in (False, True):
            if again or not self._resources:
                self._resources = await discover(self._client)  # a new kind, perhaps
            for resource in self._resources:
                if (resource.group, resource.kind) == (group, reference["kind"]):
                    return resource
        raise BadRequest(f'no matches for kind "{reference["kind"]}" in group "{group}"')

    async def _scale(self, resource: Resource, autoscaler: Object) -> Object:
        target = autoscaler["spec"]["scaleTargetRef"]["name"]
        return await self._client.get(resource, target, namespace(autoscaler), subresource="scale")

    def _selector(
        self, key: str, autoscaler: Object, text: str
    ) -> tuple[LabelSelector, tuple[str, str, str] | None]:
        """Return the selector of the target's pods, and what is wrong with it."""
        try:
            selector = LabelSelector.parse(text)
        except BadRequest as error:
            why = f"couldn't convert selector into a corresponding internal selector object: {error.message}"
            return LabelSelector(), ("InvalidSelector", why, why)
        if not text:
            missing = "the HPA target's scale is missing a selector"
            return selector, ("SelectorRequired", "selector is required", missing)
        self._selectors[key] = selector
        within = namespace(autoscaler)
        pods = [p for p in self._pods.by_index(NAMESPACE, within) if _matches(selector, p)]
        others = sorted(
            other
            for other, theirs in self._selectors.items()
            if other.partition("/")[0] == within and any(_matches(theirs, pod) for pod in pods)
        )
        if len(others) < 2:
            return selector, None
        shown = " ".join(f"{{{other.partition('/')[2]} {within}}}" for other in others)
        why = f"pods by selector {text} are controlled by multiple HPAs: [{shown}]"
        return selector, ("AmbiguousSelector", why, why)

    async def _rescale(
        self, resource: Resource, autoscaler: Object, plan: AutoscalePlan, history: History
    ) -> None:
        for attempt in range(_TRIES):
            try:
                scale = await self._scale(resource, autoscaler)
                wanted = {**scale, "spec": {**scale.get("spec", {}), "replicas": plan.replicas}}
                await self._client.replace(resource, wanted, "scale")
            except Conflict as error:
                if attempt == _TRIES - 1:
                    not_rescaled(plan, autoscaler.get("status") or {}, error.message, self._clock.now())
            except ApiError as error:
                not_rescaled(plan, autoscaler.get("status") or {}, error.message, self._clock.now())
                return
            else:
                rescaled(plan, history, self._clock.now())
                return

    async def _finish(self, autoscaler: Object, plan: AutoscalePlan) -> None:
        for report in plan.reports:
            self._recorder.event(autoscaler, *report, component=COMPONENT)
        if plan.status != (autoscaler.get("status") or {}):
            changed = {**autoscaler, "status": plan.status}
            await self._client.replace(HORIZONTAL_POD_AUTOSCALERS, changed, "status")


def _matches(selector: LabelSelector, pod: Object) -> bool:
    return selector.matches(pod["metadata"].get("labels") or {})
