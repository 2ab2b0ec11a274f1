"""Kubernetes' own scheduler binds pods of our API server, by all that it goes by."""

from __future__ import annotations

import asyncio

import pytest

from seaway.objects.builtin import EVENTS, NODES, PODS, PRIORITY_CLASSES
from seaway.objects.meta import get_condition

pytestmark = pytest.mark.real

ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"


async def test_a_pod_is_bound_runs_and_its_event_says_so(place) -> None:
    await place.pod("one")
    pod = await place.until(PODS, "one", lambda pod: pod["status"].get("phase") == "Running")
    assert get_condition(pod, "PodScheduled")["status"] == "True"
    event = await event_of(place, "Scheduled")
    assert event["reportingComponent"] == "default-scheduler"
    assert event["message"] == f"Successfully assigned {place.namespace}/one to {pod['spec']['nodeName']}"


async def test_pods_are_spread_over_zones(place) -> None:
    spread = {"maxSkew": 1, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    spread["labelSelector"] = {"matchLabels": {"app": "spread"}}
    for number in range(4):
        labels = {"labels": {"app": "spread"}}
        await place.pod(f"p{number}", metadata=labels, topologySpreadConstraints=[spread])
    zones = sorted([(await place.placed(f"p{number}"))[:6] for number in range(4)])
    assert zones == ["zone-a", "zone-a", "zone-b", "zone-b"]


async def test_pods_that_avoid_each_other_get_a_node_each_and_the_fifth_is_told_why_not(place) -> None:
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "alone"}}}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    for number in range(5):
        await place.pod(f"p{number}", metadata={"labels": {"app": "alone"}}, affinity=affinity)
    pods = await _settled(place, 5)
    bound = [pod["spec"]["nodeName"] for pod in pods if pod["spec"].get("nodeName")]
    assert len(set(bound)) == len(bound) == 4
    (left,) = (pod for pod in pods if not pod["spec"].get("nodeName"))
    message = get_condition(left, "PodScheduled")["message"]
    assert message.startswith("0/5 nodes are available: ")
    assert "4 node(s) didn't match pod anti-affinity rules" in message


async def test_a_pod_goes_to_the_node_that_its_affinity_names(place) -> None:
    terms = [{"matchExpressions": [{"key": HOST, "operator": "In", "values": ["zone-b-1"]}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    await place.pod("there", affinity={"nodeAffinity": required})
    assert await place.placed("there") == "zone-b-1"


async def test_a_taint_keeps_pods_away_and_a_toleration_lets_them_in(place) -> None:
    taint = {"key": "tests", "value": place.namespace, "effect": "NoSchedule"}
    await place.client.patch(NODES, "zone-a-0", {"spec": {"taints": [taint]}})
    here = {"nodeSelector": {HOST: "zone-a-0"}}
    await place.pod("kept-out", **here)
    tolerations = [{"key": "tests", "operator": "Exists"}]
    await place.pod("let-in", tolerations=tolerations, **here)
    assert await place.placed("let-in") == "zone-a-0"
    pod = await place.until(PODS, "kept-out", lambda pod: get_condition(pod, "PodScheduled"))
    assert "untolerated taint" in get_condition(pod, "PodScheduled")["message"]
    await place.client.patch(NODES, "zone-a-0", {"spec": {"taints": None}})
    assert await place.placed("kept-out") == "zone-a-0"


async def test_a_pod_waits_for_its_gates(place) -> None:
    await place.pod("gated", schedulingGates=[{"name": "tests.dev/wait"}])
    await place.until(
        PODS,
        "gated",
        lambda pod: (get_condition(pod, "PodScheduled") or {}).get("reason") == "SchedulingGated",
    )
    await place.client.patch(PODS, "gated", {"spec": {"schedulingGates": None}}, place.namespace)
    assert await place.placed("gated")


async def test_what_fits_nowhere_is_told_by_event_and_condition(place) -> None:
    await place.pod("large", container={"resources": {"requests": {"cpu": "64"}}})
    pod = await place.until(PODS, "large", lambda pod: get_condition(pod, "PodScheduled"))
    assert "4 Insufficient cpu" in get_condition(pod, "PodScheduled")["message"]
    event = await event_of(place, "FailedScheduling")
    assert event["message"].startswith("0/5 nodes are available: ")


async def test_a_pod_of_higher_priority_takes_the_place_of_a_lower_one(place) -> None:
    name, there = f"high-{place.namespace}", {"nodeSelector": {HOST: "zone-b-0"}}
    await place.create(PRIORITY_CLASSES, name, value=1000)
    most = {"resources": {"requests": {"cpu": "7"}}}
    await place.pod("low", container=most, **there)
    await place.until(PODS, "low", lambda pod: pod["status"].get("phase") == "Running")
    await place.pod("high", container=most, priorityClassName=name, **there)
    await place.gone(PODS, "low")
    assert await place.placed("high") == "zone-b-0"
    preempted = await event_of(place, "Preempted")
    assert preempted["involvedObject"]["name"] == "low"
    await place.client.delete(PODS, "high", place.namespace)
    await place.client.delete(PRIORITY_CLASSES, name)


async def event_of(place, reason: str) -> dict:
    """Return the first event of a reason as soon as it is there; a part may say a thing again."""
    async with asyncio.timeout(60):
        while True:
            for event in await place.listed(EVENTS):
                if event["reason"] == reason:
                    return event
            await asyncio.sleep(0.05)


async def _settled(place, count: int) -> list[dict]:
    """Return the pods when the scheduler has spoken about each."""
    async with asyncio.timeout(60):
        while True:
            pods = await place.listed(PODS, count)
            if all(get_condition(pod, "PodScheduled") for pod in pods):
                return pods
            await asyncio.sleep(0.05)
