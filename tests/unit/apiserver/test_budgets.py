"""What a disruption budget says of an eviction."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.apiserver.budgets import budget_of, disrupted, goes_anyway, goes_uncounted
from seaway.objects.errors import Forbidden, InternalError, TooManyRequests

NOW = "2027-01-15T08:00:00Z"
Object = dict[str, Any]


def budget(name: str = "most", selector: Object | None = None, policy: str = "", **status: Any) -> Object:
    spec = {"selector": {"matchLabels": {"app": "web"}} if selector is None else selector}
    spec |= {"unhealthyPodEvictionPolicy": policy} if policy else {}
    return {
        "metadata": {"name": name, "generation": 1},
        "spec": spec,
        "status": {"observedGeneration": 1} | status,
    }


def pod(ready: bool = True, **fields: Any) -> Object:
    conditions = [{"type": "Ready", "status": str(ready)}]
    metadata = {"name": "p", "labels": {"app": "web"}} | fields.pop("metadata", {})
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": conditions} | fields}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"phase": "Pending"}, True),
        ({"phase": "Succeeded"}, True),
        ({"phase": "Failed"}, True),
        ({"metadata": {"deletionTimestamp": NOW}}, True),
    ],
)
def test_what_goes_anyway(fields: Object, expected: bool) -> None:
    assert goes_anyway(pod(**fields)) is expected


@pytest.mark.parametrize(
    ("selectors", "found"),
    [
        ([], None),
        ([{"matchLabels": {"app": "web"}}], "b0"),
        ([{"matchLabels": {"app": "other"}}], None),
        ([{"matchLabels": {"app": "other"}}, {}], "b1"),
        ([{"matchExpressions": [{"key": "app", "operator": "Sometimes"}]}], None),
    ],
    ids=[
        "none",
        "one that meets",
        "one that does not",
        "an empty selector meets all",
        "a bad selector meets none",
    ],
)
def test_which_budget_covers_a_pod(selectors: list[Object], found: str | None) -> None:
    budgets = [budget(f"b{number}", selector) for number, selector in enumerate(selectors)]
    covering = budget_of(pod(), budgets)
    assert (covering and covering["metadata"]["name"]) == found


def test_two_budgets_are_one_too_many() -> None:
    with pytest.raises(InternalError, match="more than one PodDisruptionBudget"):
        budget_of(pod(), [budget("a"), budget("b")])


@pytest.mark.parametrize(
    ("ready", "policy", "status", "expected"),
    [
        (True, "AlwaysAllow", {}, False),
        (False, "AlwaysAllow", {}, True),
        (False, "", {"currentHealthy": 2, "desiredHealthy": 2}, True),
        (False, "IfHealthyBudget", {"currentHealthy": 1, "desiredHealthy": 2}, False),
        (False, "", {"currentHealthy": 0, "desiredHealthy": 0}, False),
    ],
)
def test_a_pod_that_is_not_ready(ready: bool, policy: str, status: Object, expected: bool) -> None:
    assert goes_uncounted(pod(ready), budget(policy=policy, **status)) is expected


def test_one_less_may_go_afterwards() -> None:
    before = budget(disruptionsAllowed=2, disruptedPods={"other": NOW})
    after = disrupted(before, "p", NOW)["status"]
    assert (after["disruptionsAllowed"], after["disruptedPods"]) == (1, {"other": NOW, "p": NOW})
    assert before["status"]["disruptedPods"] == {"other": NOW}, "the live object is shared"
    last = disrupted(budget(disruptionsAllowed=1), "p", NOW)["status"]
    (condition,) = last["conditions"]
    assert (last["disruptionsAllowed"], condition["type"], condition["status"]) == (
        0,
        "DisruptionAllowed",
        "False",
    )


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        ({"observedGeneration": 0}, TooManyRequests, "still being processed by the server"),
        ({"disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 2}, TooManyRequests, "needs 2 healthy pods and has 1 currently"),
        ({"currentHealthy": 3, "desiredHealthy": 2}, TooManyRequests, "does not allow evicting pods currently"),
        (
            {"conditions": [{"type": "DisruptionAllowed", "status": "False", "reason": "SyncFailed", "message": "no scale"}]},
            TooManyRequests, "because it failed sync: no scale",
        ),
        (
            {
                "currentHealthy": 3, "desiredHealthy": 2,
                "conditions": [{"type": "DisruptionAllowed", "status": "False", "reason": "Other", "message": "why"}],
            },
            TooManyRequests, "currently (Other): why",
        ),
        ({"disruptionsAllowed": -1}, Forbidden, "is negative"),
        ({"disruptionsAllowed": 1, "disruptedPods": {str(n): NOW for n in range(2001)}}, Forbidden, "too big"),
    ],
)  # fmt: skip
def test_why_none_may_go(status: Object, error: type[Exception], told: str) -> None:
    with pytest.raises(error) as caught:
        disrupted(budget(**status), "p", NOW)
    said = " ".join([str(caught.value), *(cause.message for cause in caught.value.causes)])
    assert told in said
