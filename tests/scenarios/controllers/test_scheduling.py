"""Pods get their node, or are told why not, and get it when that changes."""

from __future__ import annotations

from seaway.objects.builtin import EVENTS, NODES, PODS, PRIORITY_CLASSES
from seaway.objects.meta import get_condition


async def node_of(world, name: str) -> str:
    pod = await world.read(PODS, name)
    return (pod or {}).get("spec", {}).get("nodeName", "")


async def test_a_pod_is_bound_and_an_event_says_where(world) -> None:
    await world.node("n")
    await world.pod("a")
    await world.until(lambda: node_of(world, "a"))
    pod = await world.read(PODS, "a")
    assert pod["spec"]["nodeName"] == "n"
    assert get_condition(pod, "PodScheduled")["status"] == "True"

    async def scheduled():
        return [e for e in await world.items(EVENTS) if e["reason"] == "Scheduled"]

    event = (await world.until(scheduled))[0]
    assert event["message"] == "Successfully assigned default/a to n"
    assert event["source"]["component"] == "default-scheduler"
    assert event["involvedObject"]["uid"] == pod["metadata"]["uid"]


async def test_an_unschedulable_pod_says_why_and_starts_when_a_node_comes(world) -> None:
    await world.node("small", cpu="1")
    await world.pod("large", cpu="3")

    async def told():
        return (get_condition(await world.read(PODS, "large"), "PodScheduled") or {}).get("status") == "False"

    await world.until(told)
    condition = get_condition(await world.read(PODS, "large"), "PodScheduled")
    assert condition["reason"] == "Unschedulable"
    assert condition["message"].startswith("0/1 nodes are available: 1 Insufficient cpu. preemption:")

    async def reported():
        return [e for e in await world.items(EVENTS) if e["reason"] == "FailedScheduling"]

    failed = await world.until(reported)
    assert failed[0]["message"] == condition["message"]
    assert failed[0]["type"] == "Warning"
    await world.node("large-enough", cpu="4")
    await world.until(lambda: node_of(world, "large"))


async def test_a_pod_that_waits_gets_the_place_of_one_that_ended(world) -> None:
    await world.node("n", cpu="1")
    first = await world.pod("first")
    await world.until(lambda: node_of(world, "first"))
    await world.pod("second")
    assert not await node_of(world, "second")
    await world.end(first)
    await world.until(lambda: node_of(world, "second"))


async def test_a_cordoned_node_takes_nothing_until_it_is_uncordoned(world) -> None:
    await world.node("n", unschedulable=True)
    await world.pod("a")

    async def told():
        return "untolerated taint" in str(
            (await world.read(PODS, "a"))["status"]
        ) or "were unschedulable" in str((await world.read(PODS, "a"))["status"])

    await world.until(told)
    await world.client.patch(NODES, "n", {"spec": {"unschedulable": None}})
    await world.until(lambda: node_of(world, "a"))


async def test_no_node_is_ever_given_more_than_it_has(world) -> None:
    """Many pods at once: assumed placements count before their bindings are written."""
    for number in range(5):
        await world.node(f"n{number}", cpu="4")
    for number in range(30):
        await world.pod(f"p{number}")

    async def full():
        pods = await world.items(PODS)
        return sum(bool(pod["spec"].get("nodeName")) for pod in pods) == 20

    await world.until(full)
    taken: dict[str, int] = {}
    for pod in await world.items(PODS):
        if node := pod["spec"].get("nodeName"):
            taken[node] = taken.get(node, 0) + 1
    assert taken == {f"n{number}": 4 for number in range(5)}


async def test_another_schedulers_pod_is_left_alone(world) -> None:
    await world.node("n")
    await world.pod("foreign", schedulerName="theirs")
    await world.pod("ours")
    await world.until(lambda: node_of(world, "ours"))
    assert not await node_of(world, "foreign")


async def test_a_pod_of_higher_priority_takes_the_place_of_a_lower_one(world) -> None:
    await world.node("n", cpu="1")
    for value in (1, 5, 9):
        await world.client.create(PRIORITY_CLASSES, {"metadata": {"name": f"p{value}"}, "value": value})
    low = await world.pod("low", priorityClassName="p1")
    await world.until(lambda: node_of(world, "low"))
    await world.pod("high", priorityClassName="p9")

    async def asked():
        pod = await world.read(PODS, "low")
        return pod and pod["metadata"].get("deletionTimestamp") and pod

    going = await world.until(asked)
    condition = get_condition(going, "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "PreemptionByScheduler")
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"

    async def nominated():
        return (await world.read(PODS, "high"))["status"].get("nominatedNodeName")

    assert await world.until(nominated) == "n"
    await world.pod("third", priorityClassName="p5")
    await world.end(low)
    await world.until(lambda: node_of(world, "high"))
    assert not await node_of(world, "third")

    async def preempted():
        return [e for e in await world.items(EVENTS) if e["reason"] == "Preempted"]

    (event,) = await world.until(preempted)
    high = await world.read(PODS, "high")
    assert event["involvedObject"]["name"] == "low"
    assert event["message"] == f"Preempted by pod {high['metadata']['uid']} on node n"
