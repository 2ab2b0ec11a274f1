"""Measured values: metrics.k8s.io from the nodes, external.metrics.k8s.io from ConfigMaps that carry a label.

Elsewhere an aggregated API server answers these; here it is a part of this one. Nothing is measured until somebody asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from seaway.base.clock import rfc3339
from seaway.client.usage import NodeUsage, Usage
from seaway.controlplane.apiserver.content import Content, ValueContent
from seaway.controlplane.apiserver.listing import matcher
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.messages import JSON, YAML, ApiRequest, ApiResponse
from seaway.controlplane.apiserver.negotiation import rendering
from seaway.controlplane.apiserver.nodes import NodeHandler
from seaway.controlplane.apiserver.options import ListOptions, list_options
from seaway.controlplane.apiserver.render import YamlContent
from seaway.controlplane.apiserver.requestinfo import RequestInfo
from seaway.controlplane.apiserver.served import KindTable, Served
from seaway.controlplane.apiserver.table import include_object, table
from seaway.controlplane.apiserver.unserved import not_served
from seaway.controlplane.apiserver.verbs import not_allowed
from seaway.controlplane.kinds.cells import NAME
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.objects.builtin import CONFIG_MAPS, NODES, PODS
from seaway.objects.errors import ApiError, BadRequest, not_found
from seaway.objects.meta import name, namespace, uid
from seaway.objects.metrics import (
    EXTERNAL_GROUP,
    METRICS_GROUP,
    METRICS_RESOURCES,
    METRICS_VERSION,
    NODE_METRICS,
    POD_METRICS,
)
from seaway.objects.quantity import cpu_millis, parse_quantity, whole
from seaway.objects.resource import Resource
from seaway.objects.schema import Schema

EXTERNAL_LABEL = "seaway.dev/external-metrics"
"""Of a ConfigMap, with the value "true": each of its keys is an external metric of its namespace."""


class Metrics:
    """Answers requests for measured values.

    Args:
        nodes: those that can be asked.
        lookup: reads pods, nodes and ConfigMaps.
        kinds: what is served; pods' field selectors are among it.
    """

    def __init__(
        self,
        nodes: Mapping[str, NodeHandler],
        lookup: StoreLookup,
        kinds: KindTable,
    ) -> None:
        self._nodes, self._lookup, self._kinds = nodes, lookup, kinds

    async def answer(self, request: ApiRequest, info: RequestInfo) -> ApiResponse:
        """Answer a permitted request. Raises ApiError."""
        if info.subresource:
            raise not_served()
        if info.verb not in ("get", "list"):
            raise not_allowed()
        options = list_options(request.query)
        if info.group == EXTERNAL_GROUP:
            if info.name or not info.namespace:
                raise not_served()
            items = self._external(info.namespace, info.resource, options)
            return _respond(
                request, _listed(f"{EXTERNAL_GROUP}/{METRICS_VERSION}", "ExternalMetricValue", items)
            )
        resource = next((r for r in METRICS_RESOURCES if r.plural == info.resource), None)
        if resource is None or (info.namespace and not resource.namespaced):
            raise not_served()
        return await self._measured(request, info, resource, options)

    async def _measured(
        self, request: ApiRequest, info: RequestInfo, resource: Resource, options: ListOptions
    ) -> ApiResponse:
        base = self._served(NODES if resource is NODE_METRICS else PODS)
        subjects = [
            obj
            for obj in self._lookup.list(base.resource, info.namespace)
            if not info.name or name(obj) == info.name
        ]
        subjects = list(filter(matcher(base, options), subjects))
        usages = await self._ask(subjects)
        make = _node_metrics if resource is NODE_METRICS else _pod_metrics
        items = [item for subject in subjects if (item := make(subject, usages)) is not None]
        if info.name:
            if not items:
                raise not_found(f"{base.resource.plural}.{METRICS_GROUP}", info.name)
            return _respond(request, items[0], resource, items)
        body = _listed(resource.api_version, resource.kind, items)
        return _respond(request, body, resource, items)

    def _served(self, resource: Resource) -> Served:
        served = self._kinds.find(resource.group, resource.version, resource.plural)
        assert served is not None, "nodes and pods are always served"
        return served

    async def _ask(self, subjects: Sequence[Object]) -> dict[str, NodeUsage]:
        """Ask the nodes that matter, all at once; one that does not answer is left out."""
        wanted = {obj["spec"].get("nodeName") or name(obj) for obj in subjects} & set(self._nodes)
        names = sorted(wanted)
        answers = await asyncio.gather(*(self._nodes[node].usage() for node in names), return_exceptions=True)
        usages = {}
        for node, answer in zip(names, answers, strict=True):
            if isinstance(answer, NodeUsage):
                usages[node] = answer
            elif not isinstance(answer, ApiError):
                raise answer
        return usages

    def _external(self, within: str, metric: str, options: ListOptions) -> list[Object]:
        """Return the values that ConfigMaps of a namespace give a metric."""
        items = []
        for config in self._lookup.list(CONFIG_MAPS, within):
            labels = dict(config["metadata"].get("labels") or {})
            text = (config.get("data") or {}).get(metric)
            if labels.pop(EXTERNAL_LABEL, "") != "true" or text is None:
                continue
            if options.labels is not None and not options.labels.matches(labels):
                continue
            try:
                parse_quantity(text.strip())
            except ValueError as error:
                raise BadRequest(f'configmaps "{name(config)}": data[{metric}]: {error}') from None
            written = [e.get("time") or "" for e in config["metadata"].get("managedFields") or ()]
            items.append({
                "metricName": metric, "metricLabels": labels, "value": text.strip(),
                "timestamp": max([config["metadata"]["creationTimestamp"], *written]),
            })  # fmt: skip
        return items


def _listed(api_version: str, kind: str, items: list[Object]) -> Object:
    return {"kind": f"{kind}List", "apiVersion": api_version, "metadata": {}, "items": items}


def _respond(
    request: ApiRequest, body: Object, resource: Resource | None = None, rows: Sequence[Object] = ()
) -> ApiResponse:
    form = rendering(request.headers.get("accept", ""))
    content: Content = ValueContent(body)
    if form.as_kind == "Table" and resource is not None:
        include = include_object(request.query.get("includeObject"))
        shown = table(_KINDS[resource.kind], rows, 0.0, metadata={}, include=include, version=form.version)
        content = ValueContent(shown)
    if form.yaml:
        return ApiResponse(200, YamlContent(content), YAML)
    return ApiResponse(200, content, JSON)


def _node_metrics(node: Object, usages: Mapping[str, NodeUsage]) -> Object | None:
    found = usages.get(name(node))
    return None if found is None else {**_head(NODE_METRICS, node, found.node), "usage": _shown(found.node)}


def _pod_metrics(pod: Object, usages: Mapping[str, NodeUsage]) -> Object | None:
    found = usages.get(pod["spec"].get("nodeName") or "")
    usage = next((p for p in found.pods if p.uid == uid(pod)), None) if found is not None else None
    if usage is None or not usage.containers:
        return None
    shortest = min(usage.containers.values(), key=lambda one: one.window)
    containers = [{"name": container, "usage": _shown(one)} for container, one in usage.containers.items()]
    return {**_head(POD_METRICS, pod, shortest), "containers": containers}


def _head(resource: Resource, subject: Object, usage: Usage) -> Object:
    metadata = {"name": name(subject), "creationTimestamp": rfc3339(usage.at)}
    if resource.namespaced:
        metadata["namespace"] = namespace(subject)
    if labels := subject["metadata"].get("labels"):
        metadata["labels"] = labels
    return {
        "kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata,
        "timestamp": rfc3339(usage.at), "window": f"{usage.window:.3f}s",
    }  # fmt: skip


def _shown(usage: Usage) -> dict[str, str]:
    return {"cpu": f"{round(usage.cpu * 1e9)}n", "memory": f"{usage.memory // 1024}Ki"}


def _sum(obj: Object, resource: str) -> list[str]:
    parts = [obj] if "usage" in obj else obj["containers"]
    return [part["usage"][resource] for part in parts]


_COLUMNS = (
    NAME,
    Column("CPU", lambda o, _: f"{sum(cpu_millis(q) for q in _sum(o, 'cpu'))}m", description="CPU used."),
    Column("Memory", lambda o, _: f"{sum(whole(q) for q in _sum(o, 'memory')) // 1024}Ki", description="Memory used."),
    Column("Window", lambda o, _: o["window"], description="Time over which it was measured."),
)  # fmt: skip
_KINDS: dict[str, Kind] = {
    r.kind: Kind(r, Schema({}, {}, {}, structural=False), columns=_COLUMNS) for r in METRICS_RESOURCES
}
