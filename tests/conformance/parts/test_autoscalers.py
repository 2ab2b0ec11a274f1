"""The same autoscalers under our controller and under Kubernetes' own, both over our API server: they come to the same state."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from seaway.client.client import Client
from seaway.objects.builtin import CONFIG_MAPS, EVENTS, HORIZONTAL_POD_AUTOSCALERS
from seaway.objects.meta import get_condition
from seaway.objects.quantity import parse_quantity
from seaway.objects.workloads import DEPLOYMENTS
from tests.controlplanes import SETTINGS, in_memory, new_namespace
from tests.waiting import until, until_object

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

SECONDS = 90.0


def external(metric: str, selector: dict | None = None, **target: Any) -> dict[str, Any]:
    named = {"name": metric} | ({"selector": {"matchLabels": selector}} if selector else {})
    return {"type": "External", "external": {"metric": named, "target": target}}


PER_POD = external("queue", type="AverageValue", averageValue="5")
CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}  # fmt: skip
SLOWLY = {"scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1800}]}}


class Scene(NamedTuple):
    """An autoscaler, how many pods its target has, and the condition that it comes to."""

    spec: dict[str, Any]
    condition: tuple[str, str]
    """Type and reason."""
    replicas: int | None = 2
    """None: there is no target."""
    wanted: int = 2
    """How many there are then."""


SCENES = {
    "up": Scene({"metrics": [PER_POD], "maxReplicas": 8}, ("AbleToScale", "ReadyForNewScale"), 2, 5),
    "up to the most": Scene({"metrics": [PER_POD], "maxReplicas": 3}, ("ScalingLimited", "TooManyReplicas"), 2, 3),
    "up at its pace": Scene({"metrics": [PER_POD], "maxReplicas": 8, "behavior": SLOWLY}, ("ScalingLimited", "ScaleUpLimit"), 2, 3),
    "not down at once": Scene({"metrics": [PER_POD], "maxReplicas": 8}, ("AbleToScale", "ScaleDownStabilized"), 7, 7),
    "on target": Scene({"metrics": [external("queue", type="AverageValue", averageValue="12.5")], "maxReplicas": 8}, ("AbleToScale", "ReadyForNewScale")),
    "by labels": Scene({"metrics": [external("queue", {"team": "a"}, type="AverageValue", averageValue="10")], "maxReplicas": 8}, ("AbleToScale", "ReadyForNewScale"), 1, 3),
    "above the most": Scene({"metrics": [PER_POD], "maxReplicas": 5}, ("ScalingLimited", "TooManyReplicas"), 9, 5),
    "below the least": Scene({"metrics": [external("queue", type="AverageValue", averageValue="6250m")], "minReplicas": 4, "maxReplicas": 5}, ("AbleToScale", "ReadyForNewScale"), 1, 4),
    "switched off": Scene({"metrics": [PER_POD], "maxReplicas": 5}, ("ScalingActive", "ScalingDisabled"), 0, 0),
    "no such metric": Scene({"metrics": [external("other", type="AverageValue", averageValue="5")], "maxReplicas": 5}, ("ScalingActive", "FailedGetExternalMetric")),
    "nothing measured": Scene({"metrics": [CPU], "maxReplicas": 5}, ("ScalingActive", "FailedGetResourceMetric")),
    "one of two": Scene({"metrics": [CPU, PER_POD], "maxReplicas": 8}, ("AbleToScale", "ReadyForNewScale"), 2, 5),
    "no target": Scene({"metrics": [PER_POD], "maxReplicas": 5}, ("AbleToScale", "FailedGetScale"), None),
}  # fmt: skip
_REMEDY = " (give it a value"
"""Where our words begin, after Kubernetes'."""
_BY_CHANCE = {"FailedUpdateStatus"}
"""Said where somebody else wrote at the same moment: the status is written again."""


async def play(client: Client, namespace: str, name: str, scene: Scene) -> Any:
    """Return the status that an autoscaler comes to, and the reasons of its events."""
    if scene.replicas is not None:
        labels = {"app": name}
        container = {"name": "main", "image": "python", "resources": {"requests": {"cpu": "1m"}}}
        pod = {"containers": [container], "nodeSelector": {"nobody": "here"}}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = {"replicas": scene.replicas, "selector": {"matchLabels": labels}, "template": template}
        await client.create(DEPLOYMENTS, {"metadata": {"name": name}, "spec": spec}, namespace)
        await until_object(client, DEPLOYMENTS, name, namespace, lambda found: found.get("status", {}).get("replicas", 0) == scene.replicas, seconds=SECONDS)  # fmt: skip
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    autoscaler = {"metadata": {"name": name}, "spec": {"scaleTargetRef": target, **scene.spec}}
    await client.create(HORIZONTAL_POD_AUTOSCALERS, autoscaler, namespace)
    kind, reason = scene.condition

    def there(found: Any) -> bool:
        condition, status = get_condition(found, kind), found.get("status") or {}
        wanted = scene.replicas is None or status.get("currentReplicas", 0) == scene.wanted
        return bool(wanted and condition and condition["reason"] == reason and _is_current(status, scene))

    found = await until_object(client, HORIZONTAL_POD_AUTOSCALERS, name, namespace, there, seconds=SECONDS)
    return _shown(found["status"]), await _events(client, name, namespace, _told(scene))


def _is_current(status: dict[str, Any], scene: Scene) -> bool:
    """Tell whether what was measured is of so many pods as there are in the end."""
    averages = [
        metric["external"]["current"]["averageValue"]
        for metric in status.get("currentMetrics") or ()
        if "external" in metric
    ]
    return all(int(parse_quantity(text) * 1000) == math.ceil(25_000 / scene.wanted) for text in averages)


def _told(scene: Scene) -> str:
    """Return the reason of the event that comes last."""
    reason = scene.condition[1]
    if reason in ("FailedGetExternalMetric", "FailedGetResourceMetric"):
        return "FailedComputeMetricsReplicas"
    if reason == "FailedGetScale":
        return reason
    return "SuccessfulRescale" if scene.wanted != scene.replicas else ""


async def _events(client: Client, name: str, namespace: str, last: str) -> set[str]:
    """Return the reasons of what was told of an autoscaler, as soon as the last one was."""
    selector = f"involvedObject.name={name},involvedObject.kind=HorizontalPodAutoscaler"

    async def reasons() -> set[str]:
        events = (await client.list(EVENTS, namespace, field_selector=selector))["items"]
        return {event["reason"] for event in events} - _BY_CHANCE

    return await until(
        reasons, f"event {last}", check=lambda found: not last or last in found, seconds=SECONDS
    )


def _shown(status: Any) -> Any:
    conditions = [
        {key: _plain(value) for key, value in condition.items() if key != "lastTransitionTime"}
        for condition in status["conditions"]
    ]
    return {key: value for key, value in status.items() if key != "lastScaleTime"} | {
        "conditions": conditions
    }


def _plain(text: str) -> str:
    return text.partition(_REMEDY)[0]


async def play_all(client: Client, namespace: str) -> dict[str, Any]:
    """Play every scene at once."""
    labels = {"seaway.dev/external-metrics": "true"}
    for name, own, value in (("load", {"team": "a"}, "25"), ("more", {"team": "b"}, "0")):
        metadata = {"name": name, "labels": {**labels, **own}}
        await client.create(CONFIG_MAPS, {"metadata": metadata, "data": {"queue": value}}, namespace)
    plays = [play(client, namespace, name.replace(" ", "-"), scene) for name, scene in SCENES.items()]
    return dict(zip(SCENES, await asyncio.gather(*plays), strict=True))


async def test_autoscalers_come_to_the_same_state(place: Any) -> None:
    async with in_memory(replace(SETTINGS, autoscale_period=0.5), scheduler=False) as plane:
        await new_namespace(plane.client, place.namespace)
        theirs, ours = await asyncio.gather(
            *(play_all(client, place.namespace) for client in (place.client, plane.client))
        )
    for name in SCENES:
        status, events = ours[name]
        assert status == theirs[name][0], name
        assert events == theirs[name][1], name
