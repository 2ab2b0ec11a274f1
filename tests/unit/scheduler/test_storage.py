"""Claims and nodes: which reach them, what is written for a chosen one, and what a pod waits for."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.scheduler.podinfo import pod_info
from seaway.controlplane.scheduler.select import Selector
from seaway.controlplane.scheduler.state import ClusterState
from seaway.controlplane.scheduler.storage import reachable, unready, wanted

Object = dict[str, Any]
BOUND = {"pv.kubernetes.io/bind-completed": "yes"}


def claim(
    name: str = "data", annotations: Object | None = None, phase: str = "Pending", **spec: Any
) -> Object:
    metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "annotations": annotations or {}}
    base = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "c",
    }
    return {"metadata": metadata, "spec": base | spec, "status": {"phase": phase}}


def volume(name: str, zone: str, size: str = "1Gi", **spec: Any) -> Object:
    term = {"matchExpressions": [{"key": "zone", "operator": "In", "values": [zone]}]}
    base = {
        "accessModes": ["ReadWriteOnce"], "capacity": {"storage": size}, "storageClassName": "c",
        "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    }  # fmt: skip
    return {"metadata": {"name": name}, "spec": base | spec, "status": {"phase": "Available"}}


def cluster(node, *objects: Object, provisioner: str = "kubernetes.io/no-provisioner") -> ClusterState:
    state = ClusterState()
    for zone in ("a", "b"):
        state.set_node(node(zone, labels={"zone": zone}))
    delayed = {
        "metadata": {"name": "c"},
        "provisioner": provisioner,
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    state.storage.classes["c"] = delayed
    for one in objects:
        if "resources" in one["spec"]:
            state.storage.claims[f"ns/{one['metadata']['name']}"] = one
        else:
            state.storage.volumes[one["metadata"]["name"]] = one
    return state


def using(pod, *names: str):
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    return pod_info(pod(volumes=volumes))


def feasible(state: ClusterState, info) -> set[str]:
    reasons = reachable(info, state.storage)
    return {name for name, one in state.nodes.items() if not reasons(one)}


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([claim(), volume("v", "a")], {"a"}, id="a volume of one zone"),
        pytest.param([claim(), volume("v", "a"), volume("w", "b")], {"a", "b"}, id="one in each"),
        pytest.param([claim(), volume("v", "a", "1Mi")], set(), id="too small"),
        pytest.param([claim(), volume("v", "b", claimRef={"namespace": "ns", "name": "data"}), volume("w", "a")], {"b"}, id="the one that is meant for it, no other"),
        pytest.param([claim(annotations={"volume.kubernetes.io/selected-node": "b"}), volume("v", "a"), volume("w", "b")], {"b"}, id="a node is chosen"),
        pytest.param([claim(annotations=BOUND, volumeName="v"), volume("v", "b")], {"b"}, id="bound"),
    ],
)  # fmt: skip
def test_nodes(node, pod, objects: list[Object], expected: set[str]) -> None:
    state = cluster(node, *objects)
    info = using(pod, "data")
    assert unready(info, state.storage) == ""
    assert feasible(state, info) == expected
    chosen = Selector().choose(info, state)
    assert chosen.node in expected if expected else chosen.node is None


def test_two_claims_do_not_get_the_same_volume(node, pod) -> None:
    state = cluster(node, claim("one"), claim("two"), volume("v", "a"), volume("w", "b"), volume("x", "b"))
    info = using(pod, "one", "two")
    assert feasible(state, info) == {"b"}
    plan = wanted(info, state.nodes["b"], state.storage)
    assert {there["metadata"]["name"] for _, there in plan.bound} == {"w", "x"}
    state.storage.promised["w"] = "ns/another"
    assert feasible(state, info) == set()


def test_what_can_be_made_is_made_anywhere(node, pod) -> None:
    state = cluster(node, claim(), provisioner="seaway.dev/local")
    info = using(pod, "data")
    assert feasible(state, info) == {"a", "b"}
    plan = wanted(info, state.nodes["a"], state.storage)
    assert (plan.bound, [one["metadata"]["name"] for one in plan.made]) == ((), ["data"])


@pytest.mark.parametrize(
    ("objects", "why"),
    [
        ([], 'persistentvolumeclaim "data" not found'),
        ([claim(storageClassName="now")], "pod has unbound immediate PersistentVolumeClaims"),
        ([claim(phase="Lost", volumeName="v")], 'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"'),
        ([claim(annotations=BOUND, volumeName="v")], 'persistentvolume "v" not found'),
    ],
    ids=["no claim", "immediate", "lost", "no volume"],
)  # fmt: skip
def test_what_no_node_can_help(node, pod, objects: list[Object], why: str) -> None:
    state = cluster(node, *objects)
    assert unready(using(pod, "data"), state.storage) == why
    message = Selector().choose(using(pod, "data"), state).message
    helpless = "2 Preemption is not helpful for scheduling"
    assert message == f"0/2 nodes are available: {why}. preemption: 0/2 nodes are available: {helpless}."


def test_a_claim_for_one_pod_is_in_use_as_long_as_the_pod_is_there(node, pod) -> None:
    only = claim(annotations=BOUND, volumeName="v", accessModes=["ReadWriteOncePod"])
    state = cluster(node, only, volume("v", "a"))
    first, second = using(pod, "data"), using(pod, "data")
    state.place(first, "a")
    assert feasible(state, second) == set()
    state.remove(first.uid)
    assert feasible(state, second) == {"a"}
