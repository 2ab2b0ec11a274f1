"""The choice: feasible whenever anything is, never infeasible; and the better one by the strategy asked for."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seaway.controlplane.scheduler.filters import among_pods, reasons
from seaway.controlplane.scheduler.podinfo import pod_info
from seaway.controlplane.scheduler.queue import PodQueue
from seaway.controlplane.scheduler.select import Selector
from seaway.controlplane.scheduler.state import ClusterState


def state_of(*nodes: dict) -> ClusterState:
    state = ClusterState()
    for one in nodes:
        state.set_node(one)
    return state


def place_all(state: ClusterState, selector: Selector, pods: list) -> list[str | None]:
    found = []
    for info in pods:
        choice = selector.choose(info, state).node
        if choice is not None:
            state.place(info, choice)
        found.append(choice)
    return found


def test_spread_and_pack(node, pod) -> None:
    def chosen(strategy) -> list[str | None]:
        state = state_of(*(node(f"n{n}") for n in range(3)))
        return place_all(
            state,
            Selector(strategy),
            [pod_info(pod(requests={"cpu": "1", "memory": "2Gi"})) for _ in range(4)],
        )

    assert sorted(chosen("spread")[:3]) == ["n0", "n1", "n2"]
    assert set(chosen("pack")) == {"n0"}


def test_packing_keeps_a_whole_gpu_node_free(node, pod) -> None:
    state = state_of(*(node(f"n{n}", gpu="4") for n in range(2)))
    small = [pod_info(pod(requests={"nvidia.com/gpu": "1"})) for _ in range(4)]
    place_all(state, Selector("pack"), small)
    whole = pod_info(pod(requests={"nvidia.com/gpu": "4"}))
    assert Selector("pack").choose(whole, state).node is not None


PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
ZONE = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "web"}}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"affinity": {"nodeAffinity": {PREFERRED: [{"weight": 5, "preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}}]}}}, "b", id="preferred node affinity"),
        pytest.param({"affinity": {"podAffinity": {PREFERRED: [{"weight": 5, "podAffinityTerm": ZONE}]}}}, "a", id="preferred near"),
        pytest.param({"affinity": {"podAntiAffinity": {PREFERRED: [{"weight": 5, "podAffinityTerm": ZONE}]}}}, "b", id="preferred apart"),
    ],
)  # fmt: skip
def test_preferences_decide_between_equals(node, pod, spec: dict, expected: str) -> None:
    state = state_of(*(node(zone, labels={"zone": zone}) for zone in ("a", "b")))
    state.place(pod_info(pod("web-a", labels={"app": "web"})), "a")
    state.place(pod_info(pod("other-b")), "b")
    assert Selector().choose(pod_info(pod(**spec)), state).node == expected


def test_a_taint_that_is_only_preferred_is_avoided(node, pod) -> None:
    taint = {"key": "k", "effect": "PreferNoSchedule"}
    state = state_of(node("tainted", cpu="64", taints=[taint]), node("clean"))
    assert Selector().choose(pod_info(pod()), state).node == "clean"


zone_names = st.sampled_from(["a", "b"])
taints = st.lists(
    st.sampled_from([{"key": "k", "value": "v", "effect": e} for e in ("NoSchedule", "NoExecute")]),
    max_size=1,
)
tolerations = st.lists(st.sampled_from([{"key": "k", "operator": "Exists"}]), max_size=1)
nodes_drawn = st.lists(st.tuples(st.integers(0, 4), zone_names, taints, st.booleans()), max_size=6)
affinities = st.sampled_from(["", "podAffinity", "podAntiAffinity"])
pods_drawn = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(["", "a", "b"]),
        tolerations,
        affinities,
        st.sampled_from(["x", "y"]),
    ),
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(nodes_drawn, pods_drawn, st.sampled_from(["spread", "pack"]), st.sampled_from([0, 2]))
def test_brute_force(node, pod, nodes_, pods_, strategy, enough: int) -> None:
    """The node chosen is feasible by a naive reading of the rules; where none is chosen, none is feasible."""
    state = ClusterState()
    raw_nodes = {}
    for number, (cpu, zone, tainted, cordoned) in enumerate(nodes_):
        raw_nodes[f"n{number}"] = node(
            f"n{number}", cpu=str(cpu), labels={"zone": zone}, taints=tainted, unschedulable=cordoned
        )
        state.set_node(raw_nodes[f"n{number}"])
    selector = Selector(strategy, enough)
    placed: list[tuple[dict, str]] = []
    for cpu, zone, tolerated, affinity, app in pods_:
        spec = {"tolerations": tolerated} | ({"nodeSelector": {"zone": zone}} if zone else {})
        if affinity:
            term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "x"}}}
            spec["affinity"] = {affinity: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        raw = pod(labels={"app": app}, requests={"cpu": str(cpu)}, **spec)
        info = pod_info(raw)
        choice = selector.choose(info, state)
        allowed = {name for name, one in raw_nodes.items() if naive(raw, one, placed, raw_nodes)}
        assert (choice.node in allowed) if allowed else (choice.node is None and choice.message), (
            allowed,
            choice,
        )
        if choice.node is not None:
            state.place(info, choice.node)
            placed.append((raw, choice.node))


def naive(pod: dict, node: dict, placed: list[tuple[dict, str]], nodes: dict[str, dict]) -> bool:
    """Read the rules as they stand in the documentation, slowly."""
    spec, name, labels = pod["spec"], node["metadata"]["name"], node["metadata"]["labels"]

    def cpu(one: dict) -> int:
        return int(one["spec"]["containers"][0]["resources"]["requests"]["cpu"])

    def zone(of: str) -> str:
        return nodes[of]["metadata"]["labels"]["zone"]

    used = sum(cpu(other) for other, where in placed if where == name)
    if used + cpu(pod) > int(node["status"]["allocatable"]["cpu"]) or node["spec"]["unschedulable"]:
        return False
    if node["spec"]["taints"] and not spec["tolerations"]:
        return False
    if any(labels.get(key) != value for key, value in spec.get("nodeSelector", {}).items()):
        return False
    like_x = [(other, where) for other, where in placed if other["metadata"]["labels"]["app"] == "x"]
    here = any(zone(where) == labels["zone"] for _, where in like_x)
    is_x = pod["metadata"]["labels"]["app"] == "x"
    affinity = spec.get("affinity", {})
    if "podAffinity" in affinity and not here and (like_x or not is_x):
        return False
    if "podAntiAffinity" in affinity and here:
        return False
    refusing = any(
        "podAntiAffinity" in o["spec"].get("affinity", {}) and zone(w) == labels["zone"] for o, w in placed
    )
    return not (is_x and refusing)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdef"), st.sampled_from(["n0", "n1", "gone", None]), st.integers(0, 3)),
        max_size=30,
    )
)
def test_accounting_is_the_sum_of_what_is_there(node, pod, steps) -> None:
    """However pods come, move and go, a node's numbers are those of its pods counted afresh."""
    state = state_of(node("n0"), node("n1"))
    for name, where, cpu in steps:
        info = pod_info(pod(name, requests={"cpu": str(cpu)}, host_ports=[80]))
        state.place(info, where) if where else state.remove(info.uid)
    state.set_node(node("gone"))
    for one in state.order:
        assert one.free["cpu"] == 4000 - sum(dict(p.requests).get("cpu", 0) for p in one.pods.values())
        assert one.free["pods"] == 110 - len(one.pods)
        assert sum(one.ports.values()) == len(one.pods)
        assert one.scored_cpu == sum(p.score_cpu for p in one.pods.values())


def test_static_verdicts_are_forgotten_when_the_node_changes(node, pod) -> None:
    state = state_of(node("n"))
    info = pod_info(pod(nodeSelector={"zone": "a"}))
    assert reasons(info, state.nodes["n"], among_pods(info, state))
    assert state.set_node(node("n", labels={"zone": "a"}))
    assert not reasons(info, state.nodes["n"], among_pods(info, state))
    assert not state.set_node(node("n", labels={"zone": "a"})), "a heartbeat changes nothing"


def test_the_queue_is_by_priority_then_age_and_remembers_refusals(pod) -> None:
    queue = PodQueue()
    for name, priority, created in (("young", 0, "3"), ("old", 0, "1"), ("urgent", 9, "2")):
        queue.add(pod_info(pod(name, priority=priority)), created)
    first = queue.pop()
    assert (first.key, queue.pop().key) == ("ns/urgent", "ns/old")
    queue.block(first, eased=1, message="no")
    like = pod_info(pod("like", priority=9))
    assert (queue.refusal(like, 1), queue.refusal(like, 2)) == ("no", None)
    assert queue.refusal(pod_info(pod("other", requests={"cpu": "1"})), 1) is None
    queue.retry_blocked()
    assert [queue.pop().key for _ in range(2)] == ["ns/urgent", "ns/young"]
    assert queue.pop() is None
    queue.add(like, "4")
    queue.remove(like.uid)
    assert queue.pop() is None
