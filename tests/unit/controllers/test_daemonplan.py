"""What a daemon set needs next, node by node."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.controllers.workloads.daemonnodes import (
    GENERATION,
    Place,
    new_pod,
    node_of,
    place,
    tolerations,
)
from seaway.controlplane.controllers.workloads.daemonplan import DaemonPlan, plan_daemon_set
from seaway.controlplane.controllers.workloads.history import REVISION_HASH
from seaway.objects.nodeselection import is_meant, tolerated
from tests.unit.controllers.workload_objects import NOW, names, pod, workload

Object = dict[str, Any]


def node(name: str, *, taints: list[Object] | None = None, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints or []}}


def taint(key: str, effect: str = "NoSchedule") -> Object:
    return {"key": key, "effect": effect}


def daemon_set(*, pod_spec: Object | None = None, **spec: Any) -> Object:
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main"}], **(pod_spec or {})},
    }
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
    return workload("DaemonSet", template=template, **{"updateStrategy": strategy, **spec})


def on(where: str, of: str = "new", name: str = "", **fields: Any) -> Object:
    return pod(name or f"on-{where}", node=where, labels={REVISION_HASH: of}, **fields)


def plan(owner: Object, nodes: list[Object], *pods: Object, held: float = 0.0) -> DaemonPlan:
    return plan_daemon_set(owner, nodes, pods, "new", lambda _: held, NOW)


NODES = [node("a"), node("b"), node("c")]
SURGE = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}
DENIED = [node("a", taints=[taint("mine")])]
THROWN_OUT = [node("a", taints=[taint("mine", "NoExecute")])]


@pytest.mark.parametrize(
    ("owner", "nodes", "pods", "created", "deleted"),
    [
        pytest.param(daemon_set(), NODES, [], ["a", "b", "c"], [], id="one on each node"),
        pytest.param(daemon_set(), NODES, [on("a"), on("c")], ["b"], [], id="where there is none"),
        pytest.param(daemon_set(), NODES[:1], [on("a", name="x"), on("a", name="y")], [], ["y"], id="one too many"),
        pytest.param(daemon_set(), DENIED, [], [], [], id="not where a taint forbids it"),
        pytest.param(daemon_set(), DENIED, [on("a")], [], [], id="one that is there already stays"),
        pytest.param(daemon_set(), THROWN_OUT, [on("a")], [], ["on-a"], id="unless the taint says that it must go"),
        pytest.param(daemon_set(pod_spec={"nodeSelector": {"x": "y"}}), [node("a", x="y"), node("b")], [on("b")], ["a"], ["on-b"], id="only where it is meant to be"),
        pytest.param(daemon_set(pod_spec={"nodeName": "b"}), NODES, [], ["b"], [], id="on the node that it names"),
        pytest.param(daemon_set(), NODES[:1], [on("a", phase="Failed")], [], ["on-a"], id="a failed one is replaced"),
        pytest.param(daemon_set(), NODES[:1], [on("a", phase="Succeeded")], [], ["on-a"], id="and one that ended"),
        pytest.param(daemon_set(), NODES[:1], [on("a", going=True)], [], [], id="its place is free when it is gone"),
        pytest.param(daemon_set(), NODES, [on("a", "old"), on("b", "old"), on("c", "old")], [], ["on-a"], id="an update takes one at a time"),
        pytest.param(daemon_set(), NODES, [on("a", ready=None), on("b", "old"), on("c", "old")], [], [], id="and waits for it"),
        pytest.param(daemon_set(), NODES, [on("a"), on("b", "old"), on("c", "old", ready=None)], [], ["on-c"], id="those that do not serve go at once"),
        pytest.param(daemon_set(updateStrategy={"type": "OnDelete"}), NODES, [on("a", "old"), on("b", "old"), on("c", "old")], [], [], id="or only where somebody deletes them"),
        pytest.param(daemon_set(**SURGE), NODES, [on("a", "old"), on("b", "old"), on("c", "old")], ["a"], [], id="surge: a new one beside the old one"),
        pytest.param(daemon_set(**SURGE), NODES, [on("a", "old"), on("a", name="fresh", ready=None), on("b", "old"), on("c", "old")], [], [], id="surge: waits for it"),
        pytest.param(daemon_set(**SURGE), NODES, [on("a", "old"), on("a", name="fresh"), on("b", "old"), on("c", "old")], [], ["on-a"], id="surge: then the old one goes"),
        pytest.param(daemon_set(**SURGE), NODES, [on("a"), on("b", "old", ready=None), on("c", "old")], ["b", "c"], [], id="surge: where nothing serves, at once"),
    ],
)  # fmt: skip
def test_pods(
    owner: Object, nodes: list[Object], pods: list[Object], created: list[str], deleted: list[str]
) -> None:
    found = plan(owner, nodes, *pods)
    assert (found.create, names(found.delete)) == (created, deleted)


def test_a_pod_that_failed_often_is_not_replaced_at_once() -> None:
    found = plan(daemon_set(), NODES[:1], on("a", phase="Failed"), held=8.0)
    assert (found.delete, found.again) == ([], 8.0)
    assert names(plan(daemon_set(), NODES[:1], on("a", phase="Failed")).ended) == ["on-a"]


def test_a_pod_that_waits_for_a_node_that_is_gone_goes_too() -> None:
    waiting = new_pod(daemon_set(), "gone", "new") | {"status": {"phase": "Pending"}}
    waiting["metadata"]["name"] = "waiting"
    assert node_of(waiting) == "gone"
    assert names(plan(daemon_set(), NODES, *(on(n) for n in "abc"), waiting).delete) == ["waiting"]


def test_the_status() -> None:
    nodes = [*NODES, node("d", taints=[taint("mine")])]
    pods = [on("a"), on("b", "old", ready=None), on("d")]
    assert plan(daemon_set(), nodes, *pods).status == {
        "desiredNumberScheduled": 3, "currentNumberScheduled": 2, "numberMisscheduled": 1, "numberReady": 1,
        "updatedNumberScheduled": 1, "numberAvailable": 1, "numberUnavailable": 2, "observedGeneration": 1,
    }  # fmt: skip


def test_a_pod_may_go_to_its_node_and_nowhere_else() -> None:
    owner = daemon_set(pod_spec={"affinity": {"podAffinity": {}}})
    owner["metadata"]["annotations"] = {"deprecated.daemonset.template.generation": "3"}
    made = new_pod(owner, "a", "new")
    assert made["metadata"]["labels"] == {"app": "web", REVISION_HASH: "new", GENERATION: "3"}
    assert is_meant(made["spec"], {}, "a")
    assert not is_meant(made["spec"], {}, "b")
    assert "podAffinity" in made["spec"]["affinity"]
    borne = made["spec"]["tolerations"]
    assert all(
        tolerated(borne, taint(f"node.kubernetes.io/{key}")) for key in ("unschedulable", "memory-pressure")
    )
    assert not tolerated(borne, taint("node.kubernetes.io/network-unavailable"))
    assert tolerated(tolerations({"hostNetwork": True}), taint("node.kubernetes.io/network-unavailable"))


def test_a_cordoned_node_and_one_that_is_silent_keep_their_pods() -> None:
    cordoned = node(
        "a",
        taints=[
            taint("node.kubernetes.io/unschedulable"),
            taint("node.kubernetes.io/unreachable", "NoExecute"),
        ],
    )
    assert place(daemon_set(), cordoned) == Place(begins=True, stays=True)
    silent = node(
        "a",
        taints=[
            taint("node.kubernetes.io/unreachable"),
            taint("node.kubernetes.io/unreachable", "NoExecute"),
        ],
    )
    assert place(daemon_set(), silent) == Place(begins=False, stays=True)
