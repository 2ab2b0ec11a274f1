"""What a replica set needs next, and what is whose."""

from __future__ import annotations

import pytest

from seaway.controlplane.controllers.workloads.availability import amount, next_available
from seaway.controlplane.controllers.workloads.children import claim, pod_of_template, template_hash
from seaway.controlplane.controllers.workloads.replicaplan import (
    DELETION_COST,
    look_again,
    plan_replicas,
    replica_status,
)
from tests.unit.controllers.workload_objects import LABELS, NOW, names, pod, reasons, workload


@pytest.mark.parametrize(
    ("pods", "create", "delete"),
    [
        pytest.param([], 3, [], id="none there"),
        pytest.param([pod("a"), pod("b", "Pending", ready=None)], 1, [], id="pending ones count"),
        pytest.param([pod("a"), pod("b", going=True), pod("c", "Failed")], 2, [], id="neither those that go nor those that ended count"),
        pytest.param([pod(n) for n in "abc"], 0, [], id="enough"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", "Pending", ready=None, node="")], 0, ["d"], id="one that has no node goes first"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", "Pending", ready=None)], 0, ["d"], id="then one that does not run"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", ready=None)], 0, ["d"], id="then one that is not ready"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", annotations={DELETION_COST: "-5"})], 0, ["d"], id="then one that costs less"),
        pytest.param([pod(n, annotations={DELETION_COST: "9"}) for n in "abc"] + [pod("d", annotations={DELETION_COST: "?"})], 0, ["d"], id="a cost that is no number is none"),
        pytest.param([pod("a", node="m"), pod("b", node="l"), pod("c"), pod("d")], 0, ["c"], id="then one whose node has more of them"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", ready=5)], 0, ["d"], id="then one that is ready for less time"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", restarts=3)], 0, ["d"], id="then one that restarted more"),
        pytest.param([pod(n) for n in "abc"] + [pod("d", age=60, ready=100), pod("e", age=30, ready=100)], 0, ["d", "e"], id="then the younger ones, about"),
    ],
)  # fmt: skip
def test_pods_are_made_or_deleted(pods: list, create: int, delete: list[str]) -> None:
    plan = plan_replicas(workload("ReplicaSet"), pods, pods, NOW, 500)
    assert (plan.create, sorted(names(plan.delete))) == (create, delete)


def test_not_too_many_at_once_and_none_while_the_owner_goes() -> None:
    assert plan_replicas(workload("ReplicaSet", replicas=900), [], [], NOW, 500).create == 500
    many = [pod(f"p{n}") for n in range(9)]
    assert len(plan_replicas(workload("ReplicaSet", replicas=0), many, many, NOW, 5).delete) == 5
    going = workload("ReplicaSet")
    going["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    assert plan_replicas(going, [], [], NOW, 500) == (0, [])


def test_the_status_counts() -> None:
    pods = [
        pod("a"),
        pod("b", ready=1),
        pod("c", ready=None, labels={"app": "other"}),
        pod("d", going=True),
        pod("e", "Failed"),
    ]
    owner = workload("ReplicaSet", minReadySeconds=10)
    assert replica_status(owner, pods, None, NOW) == {
        "replicas": 3, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 1, "terminatingReplicas": 1,
        "observedGeneration": 1,
    }  # fmt: skip
    assert "terminatingReplicas" not in replica_status(owner, pods, None, NOW, terminating=False)
    assert look_again(owner, pods, NOW) == 9
    assert look_again(workload("ReplicaSet"), pods, NOW) is None


def test_a_failure_is_told_until_it_is_over() -> None:
    owner = workload("ReplicaSet")
    owner["status"] = replica_status(owner, [], "no room", NOW)
    assert reasons(owner["status"]) == {"ReplicaFailure": ("True", "FailedCreate")}
    assert replica_status(owner, [], "still none", NOW + 5)["conditions"] == owner["status"]["conditions"]
    assert "conditions" not in replica_status(owner, [], None, NOW)
    many = [pod(n) for n in "abcd"]
    assert reasons(replica_status(workload("ReplicaSet"), many, "no", NOW)) == {
        "ReplicaFailure": ("True", "FailedDelete")
    }


def owned(name: str, owner: str, **fields) -> dict:
    return pod(
        name,
        ownerReferences=[{"uid": owner, "controller": True, "kind": "ReplicaSet", "name": "web"}],
        **fields,
    )


def test_pods_are_adopted_and_let_go() -> None:
    pods = [
        owned("mine", "uid-web"), owned("strays", "uid-web", labels={"app": "x"}), owned("others", "uid-x"), pod("lone"),
        pod("lone-and-going", going=True), pod("unlike", labels={"app": "x"}),
    ]  # fmt: skip
    found = claim(workload("ReplicaSet"), pods)
    assert [names(group) for group in found] == [["mine"], ["lone"], ["strays"]]
    going = workload("ReplicaSet")
    going["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    assert [names(group) for group in claim(going, pods)] == [["mine"], [], []]
    nothing = workload("ReplicaSet", selector={"matchExpressions": [{"key": "a", "operator": "Odd"}]})
    assert [names(group) for group in claim(nothing, [pod("lone")])] == [[], [], []]
    plain = workload("ReplicationController", selector=LABELS)
    assert names(claim(plain, [pod("lone")]).adopt) == ["lone"]


def test_a_template_becomes_a_pod_of_its_own() -> None:
    owner = workload("ReplicaSet")
    made = pod_of_template(owner, owner["spec"]["template"])
    assert made["metadata"]["generateName"] == "web-"
    assert made["metadata"]["labels"] == LABELS
    assert made["metadata"]["ownerReferences"][0]["controller"] is True
    made["metadata"]["labels"]["more"] = "x"
    made["spec"]["containers"].append({})
    assert owner["spec"]["template"]["metadata"]["labels"] == LABELS
    assert len(owner["spec"]["template"]["spec"]["containers"]) == 1


def test_a_hash_follows_from_the_value_and_the_collisions() -> None:
    assert template_hash({"a": 1, "b": 2}, None) == template_hash({"b": 2, "a": 1}, None)
    assert (
        len(
            {
                template_hash({"a": 1}, None),
                template_hash({"a": 1}, 1),
                template_hash({"a": 1}, 2),
                template_hash({"a": 2}, None),
            }
        )
        == 4
    )


@pytest.mark.parametrize(
    ("value", "up", "number"),
    [
        (2, True, 2),
        ("25%", True, 3),
        ("25%", False, 2),
        ("100%", False, 10),
        ("0%", True, 0),
        (None, True, 0),
    ],
)
def test_amounts(value: int | str | None, up: bool, number: int) -> None:
    assert amount(value, 10, up=up) == number


def test_the_next_to_be_available() -> None:
    assert (
        next_available(
            [pod("a", ready=3), pod("b", ready=9), pod("c", ready=20), pod("d", ready=None)], 10, NOW
        )
        == 1
    )
    assert next_available([pod("c", ready=20)], 10, NOW) is None
