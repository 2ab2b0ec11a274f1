"""How many pods a metric asks for. The rows follow the cases that Kubernetes documents for its algorithm."""

from __future__ import annotations

import re
from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.replicas import (
    CannotSay,
    Sample,
    Target,
    Tolerance,
    by_average,
    by_share,
    by_utilization,
    by_value,
    group_pods,
)

NOW = 1_000_000.0


def pod(name: str, phase: str = "Running", *, request: str | None = "1", ready: bool = True, age: float = 900, turned: float = 800, going: bool = False) -> dict:  # fmt: skip
    resources = {"requests": {"cpu": request}} if request else {}
    condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": rfc3339(NOW - turned)}
    metadata = {"name": name} | ({"deletionTimestamp": rfc3339(NOW)} if going else {})
    status = {"phase": phase, "startTime": rfc3339(NOW - age), "conditions": [condition]}
    return {"metadata": metadata, "spec": {"containers": [{"name": "main", "resources": resources}]}, "status": status}  # fmt: skip


def target(*pods: dict, replicas: int | None = None, **more: Any) -> Target:
    count = len(pods) if replicas is None else replicas
    return Target(count, count, pods, more.get("tolerance", Tolerance()), NOW)


def samples(**values: int) -> dict[str, Sample]:
    return {name: Sample(value, NOW - 5, 30) for name, value in values.items()}


A, B, C = pod("a"), pod("b"), pod("c")


@pytest.mark.parametrize(
    ("pods", "measured", "percent", "expected"),
    [
        pytest.param((A, B, C), {"a": 300, "b": 500, "c": 700}, 30, (5, 500, 50), id="up"),
        pytest.param((A, B, C), {"a": 300, "b": 300, "c": 300}, 60, (2, 300, 30), id="down"),
        pytest.param((A, B), {"a": 480, "b": 520}, 50, (2, 500, 50), id="on target"),
        pytest.param((A, B), {"a": 540, "b": 540}, 50, (2, 540, 54), id="within the tolerance"),
        pytest.param((A, B), {"a": 560, "b": 560}, 50, (3, 560, 56), id="just beyond it"),
        pytest.param((A, B), {"a": 1000}, 50, (2, 1000, 100), id="up: what is missing counts as idle"),
        pytest.param((A, B, C), {"a": 100, "b": 100}, 50, (3, 100, 10), id="down: what is missing counts as working"),
        pytest.param((A, pod("b", "Pending")), {"a": 2000}, 50, (4, 2000, 200), id="up: what is not ready counts as idle"),
        pytest.param((A, pod("b", "Pending")), {"a": 100}, 50, (1, 100, 10), id="down: it does not count"),
        pytest.param((A, pod("b", "Failed"), pod("c", going=True)), {"a": 1000, "b": 9, "c": 9}, 50, (2, 1000, 100), id="what has ended is ignored"),
        pytest.param((A, pod("b", age=60, turned=10)), {"a": 1000, "b": 9000}, 50, (2, 1000, 100), id="a start is no load"),
    ],
)  # fmt: skip
def test_by_utilization(pods: tuple, measured: dict, percent: int, expected: tuple) -> None:
    assert by_utilization(target(*pods), samples(**measured), percent, "cpu") == expected


@pytest.mark.parametrize(
    ("pods", "measured", "expected"),
    [
        pytest.param((), {}, "no pods returned by selector while calculating replica count", id="no pods"),
        pytest.param((pod("a", "Pending"),), {"a": 1}, "did not receive metrics for targeted pods (pods might be unready)", id="not ready"),
        pytest.param((pod("a", request=None),), {"a": 1}, "missing request for cpu in container main of Pod a", id="no request"),
    ],
)  # fmt: skip
def test_what_cannot_be_said(pods: tuple, measured: dict, expected: str) -> None:
    with pytest.raises(CannotSay, match=re.escape(expected)) as raised:
        by_utilization(target(*pods), samples(**measured), 50, "cpu")
    assert str(raised.value) == expected


def test_a_container_of_its_own() -> None:
    with pytest.raises(CannotSay, match="container other not found in Pod a"):
        by_utilization(target(A), samples(a=1), 50, "cpu", "other")
    assert by_utilization(target(A), samples(a=500), 25, "cpu", "main").replicas == 2


@pytest.mark.parametrize(
    ("measured", "value", "expected"),
    [
        pytest.param({"a": 20, "b": 40}, 10, (6, 30), id="up"),
        pytest.param({"a": 20, "b": 40}, 60, (1, 30), id="down"),
        pytest.param({"a": 20}, 60, (2, 20), id="down: what is missing has just the target"),
        pytest.param({"a": 20}, 15, (2, 20), id="up: what is missing has nothing"),
    ],
)
def test_by_average(measured: dict, value: int, expected: tuple) -> None:
    assert by_average(target(A, B), samples(**measured), value)[:2] == expected


@pytest.mark.parametrize(
    ("replicas", "used", "value", "expected"),
    [
        pytest.param(3, 6000, 2000, 9, id="up"),
        pytest.param(3, 1000, 2000, 2, id="down"),
        pytest.param(3, 2100, 2000, 3, id="within the tolerance"),
        pytest.param(0, 6000, 2000, 3, id="from nothing"),
    ],
)
def test_by_value(replicas: int, used: int, value: int, expected: int) -> None:
    assert by_value(target(A, B, C, replicas=replicas), used, value) == (expected, used, None)


@pytest.mark.parametrize(
    ("replicas", "used", "expected"),
    [(2, 30_000, (3, 15_000)), (3, 30_000, (3, 10_000)), (5, 0, (0, 0)), (3, 31_000, (3, 10_334))],
)
def test_by_share(replicas: int, used: int, expected: tuple) -> None:
    assert by_share(target(replicas=replicas), used, 10_000)[:2] == expected


def test_a_tolerance_of_its_own() -> None:
    strict = Tolerance(down=0.1, up=0.0)
    assert by_utilization(target(A, B, tolerance=strict), samples(a=510, b=510), 50, "cpu").replicas == 3


def test_one_that_was_never_ready_is_not_looked_at() -> None:
    never = pod("never", ready=False, age=900, turned=900)
    once = pod("once", ready=False, age=900, turned=100)
    groups = group_pods((A, never, once), samples(a=1, never=1, once=1), "cpu", NOW)
    assert (groups.ready, groups.unready) == (2, {"never"})
    assert group_pods((never,), samples(never=1), "memory", NOW).ready == 1, "only CPU is spent on starting"
