"""Workloads on a running cluster whose nodes are simulated: healing, adoption, updates, evictions, and nothing made twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from seaway.base.tasks import Services
from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.objects.builtin import EVENTS, NODES, PODS
from seaway.objects.errors import ApiError, NotFound, TooManyRequests
from seaway.objects.meta import controller_of, deletion_timestamp, get_condition, name, owner_references, uid
from seaway.objects.workloads import (
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)

Object = dict[str, Any]
SELECTOR = {"matchLabels": {"app": "web"}}


def template(image: str = "python", **labels: str) -> Object:
    spec = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "main", "image": image}]}
    return {"metadata": {"labels": {"app": "web", **labels}}, "spec": spec}


@pytest.fixture
async def nodes(world) -> AsyncIterator[SimulatedNodes]:
    """Three simulated nodes."""
    simulated = SimulatedNodes(world.client, 3)
    async with Services() as services:
        await services.start("simulated", simulated.run)
        yield simulated


async def make(world, resource, **spec: Any) -> Object:
    body = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": SELECTOR, "template": template(), **spec},
    }
    return await world.client.create(resource, body)


async def change(world, resource, **spec: Any) -> Object:
    return await world.client.patch(resource, "web", {"spec": spec}, "default")


async def until(world, resource, **counts: int) -> Object:
    """Wait for numbers of the status that are of the newest generation, and return the object."""

    async def there():
        obj = await world.read(resource, "web")
        status = (obj or {}).get("status") or {}
        seen = obj and status.get("observedGeneration") == obj["metadata"]["generation"]
        return (
            obj if seen and all(status.get(field, 0) == number for field, number in counts.items()) else None
        )

    return await world.until(there)


async def pods_of(world) -> list[Object]:
    return [pod for pod in await world.items(PODS) if deletion_timestamp(pod) is None]


async def test_lost_pods_are_replaced_and_strays_let_go(world, nodes) -> None:
    await make(world, REPLICA_SETS, replicas=3)
    await until(world, REPLICA_SETS, availableReplicas=3)
    lost, stray, _ = await pods_of(world)
    await world.client.delete(PODS, name(lost), "default")
    await world.client.patch(PODS, name(stray), {"metadata": {"labels": {"app": "x"}}}, "default")

    async def healed():
        pods = await pods_of(world)
        mine = [pod for pod in pods if controller_of(pod) and pod["metadata"]["labels"]["app"] == "web"]
        left = next(pod for pod in pods if uid(pod) == uid(stray))
        return len(mine) == 3 and len(pods) == 4 and not owner_references(left)

    await world.until(healed)
    await until(world, REPLICA_SETS, availableReplicas=3, replicas=3)


async def test_a_pod_that_is_there_already_is_adopted(world, nodes) -> None:
    await world.pod("lone", metadata={"labels": {"app": "web"}})
    made = await make(world, REPLICA_SETS, replicas=2)
    await until(world, REPLICA_SETS, availableReplicas=2)
    lone = await world.read(PODS, "lone")
    assert controller_of(lone)["uid"] == uid(made)
    assert len(await pods_of(world)) == 2


async def test_nothing_is_made_twice_however_often_the_size_changes(world, nodes) -> None:
    await make(world, REPLICA_SETS, replicas=1)
    for replicas in (40, 3, 25, 0, 30):
        await change(world, REPLICA_SETS, replicas=replicas)
    await until(world, REPLICA_SETS, availableReplicas=30, replicas=30)
    assert len(await pods_of(world)) == 30

    async def told():
        events = [e for e in await world.items(EVENTS) if e["involvedObject"]["name"] == "web"]
        return {e["reason"] for e in events} >= {"SuccessfulCreate"}

    await world.until(told)


async def test_a_replication_controller_with_the_same_labels_keeps_its_hands_off(world, nodes) -> None:
    await make(world, REPLICA_SETS, replicas=2)
    await until(world, REPLICA_SETS, availableReplicas=2)
    await make(world, REPLICATION_CONTROLLERS, replicas=1, selector={"app": "web"})
    await until(world, REPLICATION_CONTROLLERS, availableReplicas=1)
    kinds = sorted(controller_of(pod)["kind"] for pod in await pods_of(world))
    assert kinds == ["ReplicaSet", "ReplicaSet", "ReplicationController"]


async def test_an_update_keeps_within_its_bounds(world, nodes) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    await make(world, DEPLOYMENTS, replicas=5, strategy=rolling)
    await until(world, DEPLOYMENTS, availableReplicas=5, updatedReplicas=5)
    wrong: list[str] = []

    async def watch() -> None:
        while True:
            pods = await pods_of(world)
            serving = sum((get_condition(pod, "Ready") or {}).get("status") == "True" for pod in pods)
            if serving < 5 or len(pods) > 6:
                wrong.append(f"{serving} of {len(pods)}")
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await change(world, DEPLOYMENTS, template=template("python:3"))
    await until(world, DEPLOYMENTS, availableReplicas=5, updatedReplicas=5, replicas=5)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert wrong == []


async def test_a_new_update_in_the_midst_of_one_wins(world, nodes) -> None:
    await make(world, DEPLOYMENTS, replicas=4)
    await until(world, DEPLOYMENTS, availableReplicas=4)
    stuck = template("python:3")
    stuck["spec"]["nodeSelector"] = {"no": "where"}
    await change(world, DEPLOYMENTS, template=stuck)
    await until(world, DEPLOYMENTS, updatedReplicas=2, availableReplicas=3)
    fine = template("python:4")
    fine["spec"]["nodeSelector"] = None
    await change(world, DEPLOYMENTS, template=fine)
    await until(world, DEPLOYMENTS, availableReplicas=4, updatedReplicas=4, replicas=4)
    sizes = [one["spec"]["replicas"] for one in await world.items(REPLICA_SETS)]
    assert sorted(sizes) == [0, 0, 4]


async def test_a_replica_set_whose_name_is_taken_gets_another_one(world, nodes) -> None:
    await make(world, DEPLOYMENTS, replicas=1, paused=True)
    await world.client.patch(DEPLOYMENTS, "web", {"spec": {"paused": False}}, "default")
    await until(world, DEPLOYMENTS, availableReplicas=1)
    (first,) = await world.items(REPLICA_SETS)
    await world.client.delete(DEPLOYMENTS, "web", "default", propagation="Orphan")
    await world.gone(DEPLOYMENTS, "web")
    other = {"metadata": {"labels": {"app": "other"}}}
    await world.client.patch(REPLICA_SETS, name(first), other, "default")
    await make(world, DEPLOYMENTS, replicas=1)
    found = await until(world, DEPLOYMENTS, availableReplicas=1)
    assert found["status"]["collisionCount"] == 1
    mine = [one for one in await world.items(REPLICA_SETS) if controller_of(one)]
    assert [name(one) != name(first) for one in mine] == [True]


@pytest.mark.parametrize(
    "resource", [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, REPLICA_SETS], ids=lambda r: r.kind
)
async def test_what_it_owns_goes_with_it(world, nodes, resource) -> None:
    await make(world, resource, **({} if resource is DAEMON_SETS else {"replicas": 2}))
    ready = {"numberAvailable": 3} if resource is DAEMON_SETS else {"availableReplicas": 2}
    await until(world, resource, **ready)
    await world.client.delete(resource, "web", "default", propagation="Foreground")
    await world.gone(resource, "web")
    assert await world.items(PODS) == []

    async def nothing_left():
        return not [*await world.items(REPLICA_SETS), *await world.items(CONTROLLER_REVISIONS)]

    await world.until(nothing_left)


async def test_a_new_node_gets_its_daemon(world, nodes) -> None:
    await make(world, DAEMON_SETS)
    await until(world, DAEMON_SETS, numberAvailable=3)
    await world.node("late")
    await until(world, DAEMON_SETS, desiredNumberScheduled=4)
    (pod,) = [pod for pod in await world.until(lambda: _bound(world, 4)) if pod["spec"]["nodeName"] == "late"]
    assert controller_of(pod)["kind"] == "DaemonSet"
    await world.client.delete(NODES, "late")
    await until(world, DAEMON_SETS, desiredNumberScheduled=3, currentNumberScheduled=3)


async def _bound(world, count: int) -> list[Object]:
    pods = [pod for pod in await pods_of(world) if pod["spec"].get("nodeName")]
    return pods if len(pods) == count else []


async def test_evictions_heed_a_budget_and_go_on_when_pods_are_replaced(world, nodes) -> None:
    await make(world, DEPLOYMENTS, replicas=3)
    await world.client.create(
        POD_DISRUPTION_BUDGETS,
        {
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"maxUnavailable": 1, "selector": SELECTOR},
        },
    )
    await until(world, POD_DISRUPTION_BUDGETS, disruptionsAllowed=1, expectedPods=3, currentHealthy=3)
    before = [name(pod) for pod in await pods_of(world)]

    async def evict(pod: str) -> bool:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        await world.client.create_subresource(PODS, pod, "eviction", eviction, "default")
        return True

    outcomes = await asyncio.gather(*(evict(pod) for pod in before), return_exceptions=True)
    assert sum(isinstance(outcome, TooManyRequests) for outcome in outcomes) == 2

    async def gone(pod: str) -> bool:
        try:
            return await evict(pod)
        except NotFound:
            return True

    for pod in before:
        await world.until(lambda pod=pod: gone(pod))
    found = await until(world, POD_DISRUPTION_BUDGETS, disruptionsAllowed=1, currentHealthy=3)
    assert "disruptedPods" not in found["status"]
    assert not set(before) & {name(pod) for pod in await pods_of(world)}


async def test_a_budget_whose_pods_nobody_counts_allows_nothing_and_says_why(world, nodes) -> None:
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": "gone", "uid": "x", "controller": True}
    await world.pod(
        "lone", metadata={"labels": {"app": "web"}, "ownerReferences": [{**reference, "kind": "Nothing"}]}
    )
    body = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"maxUnavailable": 1, "selector": SELECTOR},
    }
    await world.client.create(POD_DISRUPTION_BUDGETS, body)

    async def failed():
        condition = get_condition(await world.read(POD_DISRUPTION_BUDGETS, "web"), "DisruptionAllowed")
        return condition and condition["reason"] == "SyncFailed" and condition["message"]

    assert await world.until(failed) == 'found no controllers for pod "lone"'


async def test_a_stateful_pod_comes_back_under_its_name(world, nodes) -> None:
    await make(world, STATEFUL_SETS, replicas=2)
    await until(world, STATEFUL_SETS, availableReplicas=2)
    before = await world.read(PODS, "web-0")
    await world.client.delete(PODS, "web-0", "default")

    async def back():
        pod = await world.read(PODS, "web-0")
        return pod is not None and uid(pod) != uid(before)

    await world.until(back)
    await until(world, STATEFUL_SETS, availableReplicas=2, replicas=2)
    with pytest.raises(ApiError, match="updates to statefulset spec for fields other than"):
        await change(world, STATEFUL_SETS, serviceName="another")
