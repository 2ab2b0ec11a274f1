"""Autoscalers of anything that has a scale, and by what nodes measure; the node is played by the test."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import SystemClock, rfc3339
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.client.usage import NodeUsage, PodUsage, Usage
from seaway.objects.builtin import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    EVENTS,
    HORIZONTAL_POD_AUTOSCALERS,
    PODS,
)
from seaway.objects.meta import get_condition, uid
from seaway.objects.resource import Resource
from seaway.objects.workloads import DEPLOYMENTS

THINGS = Resource("example.com", "v1", "Thing", "things", subresources=frozenset({"scale"}))
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCALE = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}  # fmt: skip
DEFINITION = {
    "metadata": {"name": "things.example.com"},
    "spec": {
        "group": "example.com", "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [{
            "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": ANYTHING},
            "subresources": {"scale": SCALE},
        }],
    },
}  # fmt: skip


class MeasuringNode:
    """A node whose pods all use as much."""

    def __init__(self, world: Any, cpu: float) -> None:
        self.world, self.cpu = world, cpu

    async def usage(self) -> NodeUsage:
        now = SystemClock().now()
        used = Usage(self.cpu, 1 << 20, now, 15.0)
        pods = await self.world.items(PODS)
        return NodeUsage(used, tuple(PodUsage(uid(pod), {"main": used}) for pod in pods))


async def autoscale(world: Any, kind: str, api_version: str, metric: dict, **more: Any) -> None:
    target = {"apiVersion": api_version, "kind": kind, "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 5, "metrics": [metric], **more}
    metadata = {"name": "web", "namespace": "default"}
    await world.client.create(HORIZONTAL_POD_AUTOSCALERS, {"metadata": metadata, "spec": spec})


async def test_a_custom_resource_is_scaled(world: Any) -> None:
    await world.client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    thing = {
        "apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 1}, "status": {"replicas": 1, "selector": "app=web"},
    }  # fmt: skip

    async def made():
        return await world.client.create(THINGS, thing)

    await world.until(made)
    load = {"name": "load", "namespace": "default", "labels": {"seaway.dev/external-metrics": "true"}}
    await world.client.create(CONFIG_MAPS, {"metadata": load, "data": {"queue": "25"}})
    target = {"type": "AverageValue", "averageValue": "10"}
    metric = {"type": "External", "external": {"metric": {"name": "queue"}, "target": target}}
    await autoscale(world, "Thing", "example.com/v1", metric)

    async def scaled():
        return (await world.read(THINGS, "web"))["spec"]["replicas"] == 3

    await world.until(scaled)


@pytest.mark.parametrize(("cpu", "wanted"), [(0.15, 3), (0.01, 1), (0.1, 2)])
async def test_by_what_a_node_measures(world: Any, cpu: float, wanted: int) -> None:
    await world.node("n")
    world.server.register_node("n", MeasuringNode(world, cpu))
    container = {"name": "main", "image": "python", "resources": {"requests": {"cpu": "200m"}}}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": "web", "namespace": "default"}
    await world.client.create(DEPLOYMENTS, {"metadata": metadata, "spec": spec})

    async def placed():
        pods = await world.items(PODS)
        return len(pods) == 2 and all(pod["spec"].get("nodeName") for pod in pods)

    await world.until(placed)
    long_ago = rfc3339(SystemClock().now() - 900)
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": long_ago}
    for pod in await world.items(PODS):
        status = {"phase": "Running", "startTime": long_ago, "conditions": [ready]}
        await world.client.patch(
            PODS, pod["metadata"]["name"], {"status": status}, "default",
            content_type=STRATEGIC_MERGE_PATCH, subresource="status",
        )  # fmt: skip
    target = {"type": "Utilization", "averageUtilization": 50}
    at_once = {"scaleDown": {"stabilizationWindowSeconds": 0}}
    await autoscale(world, "Deployment", "apps/v1", {"type": "Resource", "resource": {"name": "cpu", "target": target}}, behavior=at_once)  # fmt: skip

    async def decided():
        found = await world.read(HORIZONTAL_POD_AUTOSCALERS, "web")
        return get_condition(found, "ScalingActive") and found

    found = await world.until(decided)
    condition = get_condition(found, "ScalingActive")
    assert condition["reason"] == "ValidMetricFound", condition
    current = found["status"]["currentMetrics"][0]["resource"]["current"]
    assert current == {"averageUtilization": round(cpu * 500), "averageValue": f"{round(cpu * 1000)}m"}
    assert (await world.read(DEPLOYMENTS, "web"))["spec"]["replicas"] == wanted


async def test_two_for_the_same_pods_are_refused(world: Any) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "python"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    for name in ("web", "twin"):
        await world.client.create(DEPLOYMENTS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})  # fmt: skip

    async def both():
        return len(await world.items(PODS)) == 2

    await world.until(both)
    for name in ("web", "twin"):
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"scaleTargetRef": target, "maxReplicas": 3}
        await world.client.create(HORIZONTAL_POD_AUTOSCALERS, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})  # fmt: skip

    async def told():
        return [e for e in await world.items(EVENTS) if e["reason"] == "AmbiguousSelector"]

    event = (await world.until(told))[0]
    assert "pods by selector app=web are controlled by multiple HPAs: [{twin default} {web default}]" in event["message"]  # fmt: skip
