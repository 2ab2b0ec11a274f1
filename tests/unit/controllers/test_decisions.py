"""The pure decisions of garbage collection, pod garbage, node health and namespaces."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.graph import (
    FOREGROUND,
    ORPHAN,
    Action,
    Owner,
    OwnerGraph,
    blocks,
    decide,
    owner_state,
    policy,
)
from seaway.controlplane.controllers.namespace import Left, content_conditions
from seaway.controlplane.controllers.nodehealth import (
    heartbeat,
    is_out_of_service,
    silent_conditions,
    until_eviction,
    wanted_taints,
)
from seaway.controlplane.controllers.podgc import doomed_pods
from seaway.objects.builtin import CONFIG_MAPS, PODS

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("states", "has_dependents", "expected"),
    [
        ([], False, Action.KEEP),
        ([Owner.SOLID], False, Action.KEEP),
        ([Owner.SOLID, Owner.SOLID], True, Action.KEEP),
        ([Owner.SOLID, Owner.ABSENT], False, Action.DISOWN),
        ([Owner.SOLID, Owner.WAITING], True, Action.DISOWN),
        ([Owner.ABSENT], False, Action.DELETE),
        ([Owner.ABSENT, Owner.ABSENT], True, Action.DELETE),
        ([Owner.WAITING], False, Action.DELETE),
        ([Owner.WAITING], True, Action.DELETE_FOREGROUND),
        ([Owner.WAITING, Owner.ABSENT], True, Action.DELETE_FOREGROUND),
    ],
    ids=lambda value: ",".join(s.value for s in value) or "none" if isinstance(value, list) else None,
)
def test_what_owners_mean_for_an_object(states: list, has_dependents: bool, expected: Action) -> None:
    assert decide(states, has_dependents=has_dependents) is expected


def owned(
    uid: str, *owners: str, deleting: bool = False, finalizers: tuple[str, ...] = (), block: bool = False
) -> dict:
    metadata: dict[str, Any] = {"name": uid, "uid": uid, "finalizers": list(finalizers)}
    metadata["ownerReferences"] = [{"uid": owner, "blockOwnerDeletion": block} for owner in owners]
    if deleting:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    return {"metadata": metadata}


@pytest.mark.parametrize(
    ("owner", "expected"),
    [
        pytest.param(None, Owner.ABSENT, id="not there"),
        pytest.param(owned("a"), Owner.SOLID, id="there"),
        pytest.param(owned("a", finalizers=(FOREGROUND,)), Owner.SOLID, id="finalizer alone means nothing"),
        pytest.param(
            owned("a", deleting=True, finalizers=("other",)), Owner.SOLID, id="going in the background, held"
        ),
        pytest.param(
            owned("a", deleting=True, finalizers=(FOREGROUND,)), Owner.WAITING, id="going in the foreground"
        ),
    ],
)
def test_what_became_of_an_owner(owner: dict | None, expected: Owner) -> None:
    assert owner_state(owner) is expected


def test_the_graph_follows_changed_and_removed_references() -> None:
    graph = OwnerGraph()
    graph.set(CONFIG_MAPS, owned("child", "one", "two", block=True))
    assert blocks(graph.dependents_of("one")[0].object, "one")
    graph.set(CONFIG_MAPS, owned("child", "two"))
    assert (graph.dependents_of("one"), len(graph.dependents_of("two"))) == ([], 1)
    graph.remove("child")
    assert (graph.nodes, graph.dependents) == ({}, {})


@pytest.mark.parametrize(
    ("finalizer", "expected"), [(ORPHAN, "Orphan"), (FOREGROUND, "Foreground"), ("x", "Background")]
)
def test_the_policy_is_the_objects_own(finalizer: str, expected: str) -> None:
    assert policy(owned("a", finalizers=(finalizer,))) == expected


def pod(
    name: str,
    node: str = "",
    phase: str = "Running",
    created: float = 0,
    going: bool = False,
    tolerations: list | None = None,
) -> dict:
    metadata = {"name": name, "namespace": "ns", "uid": name, "creationTimestamp": rfc3339(NOW + created)}
    if going:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    return {
        "metadata": metadata,
        "spec": {"nodeName": node, "tolerations": tolerations or []},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param([pod("a", "here")], [], id="running"),
        pytest.param([pod("a", "gone")], [("a", True)], id="on a node that is gone"),
        pytest.param([pod("a", "just-gone")], [], id="on a node that is just gone"),
        pytest.param([pod("a", going=True)], [("a", False)], id="deleted before it had a node"),
        pytest.param([pod("a", "here", going=True)], [], id="the node's own business"),
        pytest.param([pod("a", "off", going=True)], [("a", True)], id="its node is off"),
        pytest.param([pod("a", "off")], [], id="its node is off: it is evicted first"),
        pytest.param([pod("b", phase="Failed", created=1), pod("a", phase="Succeeded"), pod("c", phase="Failed", created=2)], [("a", False)], id="the oldest above two"),
    ],
)  # fmt: skip
def test_pods_that_nobody_else_deletes(pods: list[dict], expected: list) -> None:
    gone = {"gone": 10.0, "just-gone": 95.0}
    doomed = doomed_pods(pods, gone, {"off"}, 100.0, keep=2, quarantine=40.0)
    assert [(d.pod["metadata"]["name"], d.unseen) for d in doomed] == expected


def node(ready: str | None = "True", *taints: dict, unschedulable: bool = False, **conditions: str) -> dict:
    listed = [{"type": "Ready", "status": ready}] if ready else []
    listed += [{"type": kind, "status": status} for kind, status in conditions.items()]
    return {
        "metadata": {"name": "n"},
        "spec": {"taints": list(taints), "unschedulable": unschedulable},
        "status": {"conditions": listed},
    }


USERS = {"key": "team", "value": "ml", "effect": "NoSchedule"}
OLD = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": rfc3339(NOW - 60)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(node(), set(), id="healthy"),
        pytest.param(node("False"), {"not-ready:NoSchedule", "not-ready:NoExecute"}, id="not ready"),
        pytest.param(node("Unknown"), {"unreachable:NoSchedule", "unreachable:NoExecute"}, id="silent"),
        pytest.param(node(None), {"not-ready:NoSchedule", "not-ready:NoExecute"}, id="never said anything"),
        pytest.param(node(unschedulable=True), {"unschedulable:NoSchedule"}, id="cordoned"),
        pytest.param(
            node(MemoryPressure="True", DiskPressure="False"),
            {"memory-pressure:NoSchedule"},
            id="short of memory",
        ),
        pytest.param(node("True", USERS, OLD), {"team:NoSchedule"}, id="others' taints stay, ours go"),
    ],
)
def test_taints(given: dict, expected: set) -> None:
    assert {
        f"{t['key'].removeprefix('node.kubernetes.io/')}:{t['effect']}" for t in wanted_taints(given, NOW)
    } == expected


OFF = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(node("Unknown", OFF), True, id="silent, and said to be off"),
        pytest.param(node("False", OFF), True, id="not ready, and said to be off"),
        pytest.param(node(None, OFF), True, id="never heard of, and said to be off"),
        pytest.param(node("True", OFF), False, id="it answers again"),
        pytest.param(node("Unknown", OLD), False, id="silent alone"),
    ],
)
def test_a_node_is_out_of_service_where_that_is_said_and_it_does_not_contradict(
    given: dict, expected: bool
) -> None:
    assert is_out_of_service(given) is expected
    assert (OFF in wanted_taints(given, NOW)) is (OFF in given["spec"]["taints"]), "it is the administrator's"


def test_a_taint_that_stays_keeps_its_time() -> None:
    assert OLD in wanted_taints(node("Unknown", OLD), NOW)


def tolerate(seconds: int | None = None, key: str = "k", effect: str = "NoExecute") -> dict:
    return {"key": key, "operator": "Exists", "effect": effect} | (
        {} if seconds is None else {"tolerationSeconds": seconds}
    )


TAINT = {"key": "k", "effect": "NoExecute", "timeAdded": rfc3339(NOW - 10)}


@pytest.mark.parametrize(
    ("tolerations", "taints", "expected"),
    [
        pytest.param([], [], None, id="no taint"),
        pytest.param([], [USERS], None, id="NoSchedule expels nobody"),
        pytest.param([], [TAINT], 0, id="not tolerated"),
        pytest.param([tolerate()], [TAINT], None, id="tolerated for ever"),
        pytest.param([tolerate(300)], [TAINT], 290, id="for a while, from when the taint came"),
        pytest.param([tolerate(300), tolerate(60)], [TAINT], 50, id="the shortest counts"),
        pytest.param([tolerate(0)], [TAINT], -10, id="not for a second"),
        pytest.param([tolerate(300)], [TAINT, {**TAINT, "key": "other"}], 0, id="one taint is not tolerated"),
    ],
)
def test_when_a_pod_has_to_leave(tolerations: list, taints: list, expected: float | None) -> None:
    assert until_eviction(pod("a", "n", tolerations=tolerations), taints, lambda at: NOW - at) == expected


def test_silence_is_written_once() -> None:
    first = silent_conditions(node("True", MemoryPressure="False"), NOW)
    assert {c["type"]: (c["status"], c["reason"]) for c in first} == {
        "Ready": ("Unknown", "NodeStatusUnknown"),
        "MemoryPressure": ("Unknown", "NodeStatusUnknown"),
        "DiskPressure": ("Unknown", "NodeStatusNeverUpdated"),
        "PIDPressure": ("Unknown", "NodeStatusNeverUpdated"),
    }
    assert silent_conditions({"status": {"conditions": first}}, NOW + 9) is None


def test_a_lease_and_a_status_are_both_signs_of_life() -> None:
    lease = {"spec": {"renewTime": "1"}}
    assert heartbeat(node(), lease) != heartbeat(node(), {"spec": {"renewTime": "2"}})
    beating = node()
    beating["status"]["conditions"][0]["lastHeartbeatTime"] = "3"
    assert heartbeat(beating, lease) != heartbeat(node(), lease)


def test_a_namespaces_conditions_name_what_remains() -> None:
    left = [Left(PODS, 2, {"a/b": 1}), Left(CONFIG_MAPS, 0, {}, "forbidden")]
    told = {kind: (status, message) for kind, status, _, message in content_conditions(left)}
    assert told["NamespaceContentRemaining"] == (
        "True",
        "Some resources are remaining: pods has 2 resource instances",
    )
    assert told["NamespaceFinalizersRemaining"][1].endswith("a/b in 1 resource instances")
    assert "configmaps: forbidden" in told["NamespaceDeletionContentFailure"][1]
    assert {status for _, status, _, _ in content_conditions([])} == {"False"}
