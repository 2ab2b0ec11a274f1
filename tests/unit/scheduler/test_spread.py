"""Topology spread: which nodes would make it too uneven, and which are the emptiest."""

from __future__ import annotations

import pytest

from seaway.controlplane.scheduler.filters import among_pods, reasons
from seaway.controlplane.scheduler.podinfo import pod_info
from seaway.controlplane.scheduler.select import Selector
from seaway.controlplane.scheduler.state import ClusterState

SPREAD = "node(s) didn't match pod topology spread constraints"


def constraint(**more) -> dict:
    return {
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    } | more  # fmt: skip


TAINT = [{"key": "k", "value": "v", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("placed", "constraints", "more", "expected"),
    [
        pytest.param({"a1": 1}, [{}], {}, {"b1", "b2"}, id="the emptier zone"),
        pytest.param({"a1": 1}, [{"maxSkew": 2}], {}, {"a1", "a2", "b1", "b2"}, id="a larger skew"),
        pytest.param({"a1": 1, "b1": 1}, [{}], {}, {"a1", "a2", "b1", "b2"}, id="even"),
        pytest.param({}, [{"minDomains": 3}], {}, {"a1", "a2", "b1", "b2"}, id="too few domains, nobody there"),
        pytest.param({"a1": 1, "b1": 1}, [{"minDomains": 3}], {}, set(), id="too few domains: the emptiest counts as none"),
        pytest.param({"a1": 1}, [{"whenUnsatisfiable": "ScheduleAnyway"}], {}, {"a1", "a2", "b1", "b2", "none"}, id="only a wish"),
        pytest.param({"a1": 3}, [{"labelSelector": {}}], {}, {"a1", "a2", "b1", "b2"}, id="an empty selector counts nobody"),
        pytest.param({"a1": 3}, [{"labelSelector": None}], {}, {"a1", "a2", "b1", "b2"}, id="no selector counts nobody"),
        pytest.param({"a1": 1}, [{"topologyKey": "kubernetes.io/hostname"}], {}, {"a2", "b1", "b2", "none"}, id="by node"),
        pytest.param({"a1": 1, "b1": 1}, [{}, {"topologyKey": "kubernetes.io/hostname"}], {}, {"a2", "b2"}, id="both"),
        pytest.param({"a1": 1}, [{}], {"nodeSelector": {"zone": "a"}}, {"a1", "a2"}, id="nodes that it does not want do not count"),
        pytest.param({"a1": 1}, [{"nodeAffinityPolicy": "Ignore"}], {"nodeSelector": {"zone": "a"}}, set(), id="unless told so"),
        pytest.param({"a1": 1}, [{"matchLabelKeys": ["version"]}], {"labels": {"app": "web", "version": "2"}}, {"a1", "a2", "b1", "b2"}, id="of its own version only"),
        pytest.param({"a1": 2, "b1": 1}, [{}], {"labels": {"app": "db"}}, {"a1", "a2", "b1", "b2"}, id="it does not count itself"),
    ],
)  # fmt: skip
def test_feasible(node, pod, placed, constraints, more, expected) -> None:
    state = ClusterState()
    for name in ("a1", "a2", "b1", "b2"):
        state.set_node(node(name, labels={"zone": name[0]}))
    state.set_node(node("none"))
    for name, count in placed.items():
        for _ in range(count):
            state.place(pod_info(pod(labels={"app": "web"})), name)
    labels = more.pop("labels", {"app": "web"})
    info = pod_info(
        pod(labels=labels, topologySpreadConstraints=[constraint(**c) for c in constraints], **more)
    )
    further = among_pods(info, state)
    assert {name for name, one in state.nodes.items() if not reasons(info, one, further)} == expected


def test_tainted_nodes_count_unless_told_not_to(node, pod) -> None:
    state = ClusterState()
    state.set_node(node("a", labels={"zone": "a"}))
    state.set_node(node("b", labels={"zone": "b"}, taints=TAINT))
    state.place(pod_info(pod(labels={"app": "web"})), "a")

    def feasible(**more) -> bool:
        info = pod_info(pod(labels={"app": "web"}, topologySpreadConstraints=[constraint(**more)]))
        return not reasons(info, state.nodes["a"], among_pods(info, state))

    assert not feasible()
    assert feasible(nodeTaintsPolicy="Honor")


def test_missing_labels_and_pods_that_are_going(node, pod) -> None:
    state = ClusterState()
    state.set_node(node("a", labels={"zone": "a"}))
    state.set_node(node("b", labels={"zone": "b"}))
    state.set_node(node("none"))
    going = pod(labels={"app": "web"})
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    state.place(pod_info(going), "a")
    info = pod_info(pod(labels={"app": "web"}, topologySpreadConstraints=[constraint()]))
    further = among_pods(info, state)
    assert reasons(info, state.nodes["none"], further) == (f"{SPREAD} (missing required label)",)
    assert reasons(info, state.nodes["a"], further) == ()
    state.place(pod_info(pod(labels={"app": "web"})), "a")
    assert reasons(info, state.nodes["a"], among_pods(info, state)) == (SPREAD,)


def test_a_wish_prefers_the_emptiest_domain(node, pod) -> None:
    state = ClusterState()
    for name in ("a1", "a2", "b1"):
        state.set_node(node(name, labels={"zone": name[0]}))
    state.place(pod_info(pod(labels={"app": "web"})), "a1")
    wish = constraint(whenUnsatisfiable="ScheduleAnyway")
    info = pod_info(pod(labels={"app": "web"}, topologySpreadConstraints=[wish]))
    assert Selector().choose(info, state).node == "b1"
    anywhere = pod_info(pod(labels={"app": "db"}))
    assert Selector("pack").choose(anywhere, state).node is not None


def test_pods_of_a_set_are_spread_although_nobody_says_so(node, pod) -> None:
    def of_set(name: str, uid: str = "set"):
        made = pod(name, labels={"app": "web"}, requests={"cpu": "1m"})
        owner = {"kind": "ReplicaSet", "name": "s", "uid": uid, "controller": True}
        made["metadata"]["ownerReferences"] = [owner]
        return pod_info(made)

    state = ClusterState()
    for name in ("full", "empty", "other"):
        state.set_node(node(name, labels={"topology.kubernetes.io/zone": name}))
    state.place(of_set("one"), "full")
    state.place(of_set("two"), "other")
    for number in range(20):  # of another set: they do not count, but take some of the node
        state.place(of_set(f"b{number}", "another"), "empty")
    assert Selector().choose(of_set("three"), state).node == "empty"
    assert Selector().choose(of_set("b20", "another"), state).node != "empty"
