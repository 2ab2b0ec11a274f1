"""Slices of a service: how endpoints are grouped, where new ones go, what is written and what is left alone."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seaway.controlplane.controllers.endpointplan import (
    CONTROLLER,
    MOST_ENDPOINTS,
    Changes,
    find_port,
    groups_of,
    marks_of,
    plan,
)

Object = dict[str, Any]
SERVICE: Object = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "d", "uid": "s"},
    "spec": {"clusterIP": "127.96.0.11", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
}  # fmt: skip
MARKS = marks_of(SERVICE, CONTROLLER)


def pod(number: int, port: int = 8080, **more: Any) -> Object:
    main = {"name": "main", "ports": [{"name": "http", "containerPort": port}]}
    status = {
        "phase": "Running",
        "podIP": f"127.66.{number // 250}.{number % 250 + 2}",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    metadata = {"name": f"p{number:04}", "namespace": "d", "uid": f"u{number}"}
    return {"metadata": metadata, "spec": {"containers": [main]}, "status": status | more}


def settle(existing: list[Object], pods: list[Object]) -> tuple[Changes, list[Object]]:
    """Plan, and return also what is there afterwards."""
    changes = plan(SERVICE, groups_of(SERVICE, pods, {}), existing, MARKS)
    gone = {one["metadata"]["name"] for one in (*changes.delete, *changes.update)}
    made = [copy.deepcopy(one) for one in changes.create]
    for at, one in enumerate(made):
        one["metadata"]["name"] = f"web-{len(existing) + at}-{len(pods)}"
    kept = [one for one in existing if one["metadata"]["name"] not in gone]
    return changes, [*kept, *changes.update, *made]


def counts(slices: list[Object]) -> list[int]:
    return sorted(len(one["endpoints"]) for one in slices)


def test_a_slice_holds_a_hundred_and_what_is_right_stays_untouched() -> None:
    pods = [pod(number) for number in range(250)]
    changes, slices = settle([], pods)
    assert counts(changes.create) == [50, MOST_ENDPOINTS, MOST_ENDPOINTS]
    assert settle(slices, pods)[0] == Changes()
    changes, slices = settle(slices, [*pods, pod(250)])
    assert (len(changes.create), len(changes.update), len(changes.delete)) == (0, 1, 0)
    assert counts(slices) == [51, 100, 100]
    changes, slices = settle(slices, pods[1:])
    assert len(changes.update) == 2, "one lost the first pod, one the last"
    assert sum(counts(slices)) == 249


def test_without_pods_one_empty_slice_stays() -> None:
    changes, slices = settle([], [])
    assert counts(changes.create) == [0]
    assert settle(slices, [])[0] == Changes()
    _, slices = settle(slices, [pod(1)])
    assert counts(slices) == [1]
    _, slices = settle(slices, [])
    assert counts(slices) == [0]


def test_pods_with_other_ports_have_slices_of_their_own() -> None:
    _, slices = settle([], [pod(1), pod(2, 9090), pod(3, 9090)])
    assert {one["ports"][0]["port"]: len(one["endpoints"]) for one in slices} == {8080: 1, 9090: 2}


def test_slices_of_a_service_that_was_made_anew_are_replaced() -> None:
    _, slices = settle([], [pod(1)])
    slices[0]["metadata"]["ownerReferences"][0]["uid"] = "another"
    changes, _ = settle(slices, [pod(1)])
    assert (len(changes.create), len(changes.delete)) == (1, 1)


@pytest.mark.parametrize("status", [{"phase": "Failed"}, {"phase": "Succeeded"}, {"podIP": ""}])
def test_what_is_no_endpoint(status: Object) -> None:
    assert groups_of(SERVICE, [pod(1, **status)], {}) == []


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"port": 80}, 80), ({"port": 80, "targetPort": 7}, 7), ({"port": 80, "targetPort": "http"}, 8080),
        ({"port": 80, "targetPort": "http", "protocol": "UDP"}, None), ({"port": 80, "targetPort": "side"}, 9),
        ({"port": 80, "targetPort": "init"}, None),
    ],
)  # fmt: skip
def test_ports(port: Object, expected: int | None) -> None:
    found = pod(1)
    found["spec"]["initContainers"] = [
        {"name": "i", "ports": [{"name": "init", "containerPort": 8}]},
        {"name": "s", "restartPolicy": "Always", "ports": [{"name": "side", "containerPort": 9}]},
    ]
    assert find_port(found, port) == expected
