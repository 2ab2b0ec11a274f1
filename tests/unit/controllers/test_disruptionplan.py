"""What a disruption budget allows."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.workloads.disruptionplan import (
    Expected,
    expected,
    failed,
    needs_scale,
    plan_budget,
)
from tests.unit.controllers.workload_objects import NOW, names, pod, reasons

Object = dict[str, Any]


def budget(*, status: Object | None = None, **spec: Any) -> Object:
    metadata = {"name": "most", "namespace": "ns", "generation": 2}
    return {"metadata": metadata, "spec": {"selector": {}, **spec}, "status": status or {}}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({"maxUnavailable": 1}, Expected(10, 9)),
        ({"maxUnavailable": "25%"}, Expected(10, 7)),
        ({"maxUnavailable": 20}, Expected(10, 0)),
        ({"minAvailable": "25%"}, Expected(10, 3)),
        ({"minAvailable": 4}, Expected(8, 4)),
        ({}, Expected(0, 0)),
    ],
)
def test_what_is_expected(spec: Object, wanted: Expected) -> None:
    assert expected(budget(**spec), 8, 10) == wanted
    assert needs_scale(budget(**spec)) is (wanted.pods == 10)


@pytest.mark.parametrize(
    ("pods", "wanted", "healthy", "allowed"),
    [
        pytest.param([pod(n) for n in "abc"], Expected(3, 2), 3, 1, id="one may go"),
        pytest.param(
            [pod("a"), pod("b"), pod("c", ready=None)], Expected(3, 2), 2, 0, id="one is away already"
        ),
        pytest.param([pod("a"), pod("b"), pod("c", going=True)], Expected(3, 2), 2, 0, id="one goes already"),
        pytest.param([pod("a")], Expected(3, 2), 1, 0, id="fewer than must be"),
        pytest.param([pod("a")], Expected(0, 0), 1, 0, id="nothing is expected"),
    ],
)
def test_what_is_allowed(pods: list[Object], wanted: Expected, healthy: int, allowed: int) -> None:
    status = plan_budget(budget(), pods, wanted, NOW).status
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (healthy, allowed)
    told = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    assert reasons(status)["DisruptionAllowed"] == told
    assert status["observedGeneration"] == 2


def test_an_evicted_pod_counts_as_gone_for_two_minutes() -> None:
    evicted = {
        "a": rfc3339(NOW - 30),
        "b": rfc3339(NOW - 150),
        "elsewhere": rfc3339(NOW),
        "c": rfc3339(NOW - 1),
    }
    pods = [pod("a"), pod("b"), pod("c", going=True), pod("d")]
    found = plan_budget(budget(status={"disruptedPods": evicted}), pods, Expected(4, 1), NOW)
    assert found.status["disruptedPods"] == {"a": evicted["a"]}
    assert found.status["currentHealthy"] == 2
    assert names(found.overdue) == ["b"]
    assert found.again == 90


def test_the_condition_keeps_its_time_as_long_as_it_says_the_same() -> None:
    first = plan_budget(budget(), [pod("a")], Expected(1, 0), NOW).status
    later = plan_budget(budget(status=first), [pod("a")], Expected(1, 0), NOW + 60).status
    assert later == first
    broken = failed(budget(status=first), "no scale", NOW + 60)
    assert (broken["disruptionsAllowed"], reasons(broken)["DisruptionAllowed"]) == (
        0,
        ("False", "SyncFailed"),
    )
    assert broken["conditions"][0]["lastTransitionTime"] == rfc3339(NOW + 60)
