"""Who makes room: the fewest, least important pods, where the fewest budgets are violated."""

from __future__ import annotations

import pytest

from seaway.controlplane.scheduler.podinfo import pod_info
from seaway.controlplane.scheduler.preemption import Budget, budget_of
from seaway.controlplane.scheduler.select import Selector, explain, make_room
from seaway.controlplane.scheduler.state import ClusterState
from seaway.objects.selectors import LabelSelector


def running(pod, name: str, priority: int = 0, started: str = "2026-01-01T00:00:00Z", cpu: str = "2", **more):
    made = pod(name, requests={"cpu": cpu}, priority=priority, **more)
    made["status"]["startTime"] = started
    return pod_info(made)


def cluster(node, *placed: tuple[str, list]) -> ClusterState:
    state = ClusterState()
    for name, pods in placed:
        state.set_node(node(name, cpu="4"))
        for one in pods:
            state.place(one, name)
    return state


def names(room) -> tuple[str, list[str]]:
    return room.node, [victim.key.partition("/")[2] for victim in room.victims]


def budget(allowed: int, disrupted: tuple = (), **labels: str) -> Budget:
    return Budget("ns", LabelSelector.from_object({"matchLabels": labels}), allowed, frozenset(disrupted))


WEB = {"labels": {"app": "web"}}


@pytest.mark.parametrize(
    ("on_a", "on_b", "budgets", "expected"),
    [
        pytest.param([("a1", 1), ("a2", 2)], [("b1", 3), ("b2", 3)], [], ("a", ["a1"]), id="the lowest priority goes, the rest is spared"),
        pytest.param([("a1", 1), ("a2", 9)], [("b1", 2), ("b2", 9)], [], ("a", ["a1"]), id="equals of the pod stay"),
        pytest.param([("a1", 1, WEB), ("a2", 9)], [("b1", 8), ("b2", 9)], [budget(0, app="web")], ("b", ["b1"]), id="rather higher ones than against a budget"),
        pytest.param([("a1", 1, WEB), ("a2", 9)], [("b1", 8), ("b2", 9)], [budget(1, app="web")], ("a", ["a1"]), id="a budget that allows it"),
        pytest.param([("a1", 1, WEB), ("a2", 9)], [("b1", 8), ("b2", 9)], [budget(0, ("a1",), app="web")], ("a", ["a1"]), id="a pod that is counted as gone"),
        pytest.param([("a1", 1, WEB), ("a2", 9)], [("b1", 8), ("b2", 9)], [budget(0)], ("a", ["a1"]), id="an empty selector is no budget's"),
        pytest.param([("a1", 1, WEB), ("a2", 1, WEB)], [], [budget(0, app="web")], ("a", ["a2"]), id="against a budget where nothing else helps"),
        pytest.param([("a1", 1, {"started": "2026-01-01T00:00:09Z"}), ("a2", 9)], [("b1", 1), ("b2", 9)], [], ("a", ["a1"]), id="who began last"),
        pytest.param([("a1", 1), ("a2", 1, {"started": "2026-01-01T00:00:09Z"})], [("b1", 9), ("b2", 9)], [], ("a", ["a2"]), id="who began last, on one node"),
        pytest.param([("a1", -5), ("a2", 9)], [("b1", -1), ("b2", 9)], [], ("a", ["a1"]), id="negative priorities"),
    ],
)  # fmt: skip
def test_victims(node, pod, on_a, on_b, budgets, expected) -> None:
    placed = [
        (name, [running(pod, one[0], one[1], **(one[2] if len(one) > 2 else {})) for one in pods])
        for name, pods in (("a", on_a), ("b", on_b))
        if pods
    ]
    state = cluster(node, *placed)
    before = {name: dict(info.free) for name, info in state.nodes.items()}, state.eased
    incoming = pod_info(pod(requests={"cpu": "2"}, priority=9))
    assert names(make_room(incoming, state, budgets)) == expected
    assert ({name: dict(info.free) for name, info in state.nodes.items()}, state.eased) == before


def test_fewest_pods_and_the_smallest_sum(node, pod) -> None:
    small = [running(pod, f"a{n}", 1, cpu="1") for n in range(4)]
    state = cluster(node, ("a", small), ("b", [running(pod, "b1", 1, cpu="4")]))
    assert names(make_room(pod_info(pod(requests={"cpu": "2"}, priority=9)), state, ())) == ("b", ["b1"])


def test_where_nobody_helps_each_node_says_why(node, pod) -> None:
    state = cluster(
        node, ("a", [running(pod, "a1", 9, cpu="4")]), ("b", [running(pod, "b1", 1), running(pod, "b2", 9)])
    )
    state.set_node(node("c", cpu="4", unschedulable=True))
    room = explain(pod_info(pod(requests={"cpu": "3"}, priority=5)), state)
    assert room.message == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: 0/3 nodes are available: "
        "1 Insufficient cpu, 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    )
    assert room.hopeless


def test_a_node_where_room_is_being_made_is_waited_for(node, pod) -> None:
    going = pod("a1", requests={"cpu": "4"}, priority=1)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    going["status"]["conditions"] = [
        {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}
    ]
    state = cluster(node, ("a", [pod_info(going)]), ("b", [running(pod, "b1", 0, cpu="4")]))
    waiting = pod(requests={"cpu": "4"}, priority=9)
    waiting["status"]["nominatedNodeName"] = "a"
    room = explain(pod_info(waiting), state)
    assert room.message.endswith("preemption: not eligible due to a terminating pod on the nominated node.")
    assert not room.node
    assert not room.hopeless


def test_the_place_is_kept_from_others_of_no_higher_priority(node, pod) -> None:
    state = cluster(node, ("a", []))
    waiting = pod("high", requests={"cpu": "4"}, priority=9)
    waiting["status"]["nominatedNodeName"] = "a"
    high = pod_info(waiting)
    state.nominated[high.uid] = high
    assert Selector().choose(pod_info(pod(requests={"cpu": "1"}, priority=1)), state).node is None
    assert Selector().choose(pod_info(pod(requests={"cpu": "1"}, priority=10)), state).node == "a"
    assert Selector().choose(high, state).node == "a"


def test_a_budget_is_read_from_its_status() -> None:
    found = budget_of({
        "metadata": {"namespace": "ns"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": 2, "disruptedPods": {"p": "2026-01-01T00:00:00Z"}},
    })  # fmt: skip
    assert found == budget(2, ("p",), app="web")
    assert (
        budget_of(
            {"metadata": {}, "spec": {"selector": {"matchExpressions": [{"key": "a", "operator": "?"}]}}}
        )
        is None
    )
