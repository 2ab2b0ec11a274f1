"""Reads the metrics that autoscalers name, over the API as everybody does."""

from __future__ import annotations

from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.client.client import Client
from seaway.controlplane.controllers.metricvalues import Reading, selector_words
from seaway.controlplane.controllers.replicas import CannotSay, Sample
from seaway.objects.errors import ApiError
from seaway.objects.meta import name
from seaway.objects.metrics import POD_METRICS, external_metric
from seaway.objects.quantity import parse_quantity
from seaway.objects.selectors import LabelSelector

Object = dict[str, Any]
_NO_CUSTOM = (
    "unable to fetch metrics from custom metrics API: custom.metrics.k8s.io is not served by Seaway's embedded cluster; "
    "use a metric of type Resource, ContainerResource or External"
)


class MetricSource:
    """Reads one metric at a time."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def read(self, metric: Object, namespace: str, selector: LabelSelector) -> Reading:
        """Return what was measured, or why nothing was.

        Args:
            metric: of `spec.metrics`.
            namespace: of the autoscaler.
            selector: of the target's pods.
        """
        try:
            if metric["type"] == "External":
                return await self._external(metric["external"]["metric"], namespace)
            if metric["type"] in ("Resource", "ContainerResource"):
                source = metric.get("resource") or metric["containerResource"]
                return await self._pods(source, namespace, selector)
        except CannotSay as why:
            return why
        return CannotSay(_NO_CUSTOM)

    async def _pods(self, source: Object, namespace: str, selector: LabelSelector) -> Reading:
        resource, container = source["name"], source.get("container", "")
        head = f"unable to get metrics for resource {resource}: "
        try:
            listed = await self._client.list(POD_METRICS, namespace, label_selector=str(selector))
        except ApiError as error:
            why = f"unable to fetch metrics from resource metrics API: {error.message}"
            raise CannotSay(head + why) from None
        if not listed["items"]:
            raise CannotSay(f"{head}no metrics returned from resource metrics API")
        return {
            name(item): sample for item in listed["items"] if (sample := _sample(item, resource, container))
        }

    async def _external(self, metric: Object, namespace: str) -> Reading:
        words = selector_words(metric.get("selector"))
        head = f"unable to get external metric {namespace}/{metric['name']}/{words}: "
        try:
            selector = LabelSelector.from_object(metric.get("selector") or {})
            listed = await self._client.list(
                external_metric(metric["name"]), namespace, label_selector=str(selector)
            )
        except ApiError as error:
            raise CannotSay(
                f"{head}unable to fetch metrics from external metrics API: {error.message}"
            ) from None
        if not listed["items"]:
            remedy = f"give it a value: a ConfigMap with the label seaway.dev/external-metrics=true and the key {metric['name']}"
            raise CannotSay(f"{head}no metrics returned from external metrics API ({remedy})")
        return [int(parse_quantity(item["value"]) * 1000) for item in listed["items"]]


def _sample(item: Object, resource: str, container: str) -> Sample | None:
    """Return a pod's sample: the sum of its containers, or one of them; None where one has none."""
    parts = [part for part in item["containers"] if container in ("", part["name"])]
    amounts = [part["usage"].get(resource) for part in parts]
    if not amounts or None in amounts:
        return None
    total = sum(int(parse_quantity(amount) * 1000) for amount in amounts)
    window = float(item["window"].removesuffix("s"))
    return Sample(total, parse_rfc3339(item["timestamp"]), window)
