"""What failed pods mean for a job, and when enough indexes have succeeded."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.jobfailures import (
    FAILURES,
    IGNORED_FAILURES,
    JobLimits,
    ended_at,
    failures_after,
    index_failures,
    index_has_failed,
    judge,
    restarted_too_often,
)
from seaway.controlplane.controllers.jobindexes import format_indexes, met_rule
from seaway.controlplane.controllers.jobpods import INDEX, surplus

AT = 1_000_000.0


def pod(
    *codes: int | None, conditions: list | None = None, notes: dict | None = None, **metadata: Any
) -> dict:
    statuses = [
        {"name": f"c{n}", "state": {"running": {}} if code is None else {"terminated": {"exitCode": code}}}
        for n, code in enumerate(codes)
    ]
    status = {"phase": "Failed", "containerStatuses": statuses, "conditions": conditions or []}
    named = {"name": "p", "namespace": "ns", "annotations": notes or {}, **metadata}
    return {"metadata": named, "spec": {}, "status": status}


def codes(action: str, *values: int, operator: str = "In", container: str | None = None) -> dict:
    return {
        "action": action,
        "onExitCodes": {"operator": operator, "values": [*values], "containerName": container},
    }


def conditions(action: str, kind: str = "DisruptionTarget", status: str = "True") -> dict:
    return {"action": action, "onPodConditions": [{"type": kind, "status": status}]}


DISRUPTED = [{"type": "DisruptionTarget", "status": "True"}]


@pytest.mark.parametrize(
    ("rules", "failed", "action", "message"),
    [
        pytest.param([], pod(1), "Count", "", id="no rule"),
        pytest.param([codes("FailJob", 42)], pod(1), "Count", "", id="another code"),
        pytest.param([codes("FailJob", 42)], pod(0, 42), "FailJob", "Container c1 for pod ns/p failed with exit code 42 matching FailJob rule at index 0", id="fails the job"),
        pytest.param([codes("FailJob", 42, container="c0")], pod(0, 42), "Count", "", id="of another container"),
        pytest.param([codes("Ignore", 1, operator="NotIn")], pod(2), "Ignore", "", id="any but one"),
        pytest.param([codes("Ignore", 1, operator="NotIn")], pod(0), "Count", "", id="0 is no failure"),
        pytest.param([codes("Ignore", 1)], pod(None), "Count", "", id="still running"),
        pytest.param([conditions("Ignore"), codes("FailJob", 1)], pod(1, conditions=DISRUPTED), "Ignore", "", id="the first rule counts"),
        pytest.param([conditions("FailJob")], pod(conditions=DISRUPTED), "FailJob", "Pod ns/p has condition DisruptionTarget matching FailJob rule at index 0", id="by a condition"),
        pytest.param([conditions("FailJob", status="False")], pod(conditions=DISRUPTED), "Count", "", id="in another status"),
        pytest.param([codes("FailIndex", 3)], pod(3), "FailIndex", "", id="gives the index up"),
    ],
)  # fmt: skip
def test_what_a_policy_says(rules: list, failed: dict, action: str, message: str) -> None:
    assert judge({"spec": {"podFailurePolicy": {"rules": rules}}}, failed) == (action, message)


@pytest.mark.parametrize(
    ("rules", "before", "after", "given_up"),
    [
        pytest.param([], {}, (1, 0), False, id="first failure"),
        pytest.param([], {FAILURES: "1"}, (2, 0), True, id="too often"),
        pytest.param(
            [codes("Ignore", 1)], {FAILURES: "1", IGNORED_FAILURES: "4"}, (1, 5), False, id="ignored"
        ),
        pytest.param([codes("FailIndex", 1)], {}, (1, 0), True, id="at once"),
        pytest.param([], {FAILURES: "many"}, (1, 0), False, id="an odd annotation"),
    ],
)
def test_failures_of_an_index(rules: list, before: dict, after: tuple, given_up: bool) -> None:
    job = {"spec": {"podFailurePolicy": {"rules": rules}, "backoffLimitPerIndex": 1}}
    failed = pod(1, notes=before)
    assert failures_after(job, failed) == after
    assert index_has_failed(job, failed) is given_up
    assert sum(index_failures(failed)) <= sum(after)


@pytest.mark.parametrize(
    ("policy", "limit", "restarts", "expected"),
    [("OnFailure", 2, 1, False), ("OnFailure", 2, 2, True), ("OnFailure", 0, 0, False), ("OnFailure", 0, 1, True), ("Never", 0, 5, False)],
)  # fmt: skip
def test_restarts_count_where_containers_are_restarted(
    policy: str, limit: int, restarts: int, expected: bool
) -> None:
    job = {"spec": {"backoffLimit": limit, "template": {"spec": {"restartPolicy": policy}}}}
    live = {"status": {"phase": "Running", "containerStatuses": [{"restartCount": restarts}]}}
    ended = {"status": {"phase": "Failed", "containerStatuses": [{"restartCount": 9}]}}
    assert restarted_too_often(job, [live, ended]) is expected


@pytest.mark.parametrize(
    ("failures", "ago", "expected"),
    [(0, 0, 0), (1, 0, 10), (1, 4, 6), (1, 11, 0), (2, 0, 20), (4, 0, 80), (40, 0, 600)],
)
def test_back_off(failures: int, ago: float, expected: float) -> None:
    assert JobLimits().wait(failures, ago) == expected


def test_when_a_pod_ended() -> None:
    made = {"creationTimestamp": rfc3339(AT)}
    assert ended_at(pod(**made)) == AT
    deleted = {"deletionTimestamp": rfc3339(AT + 30), "deletionGracePeriodSeconds": 10}
    assert ended_at(pod(**made, **deleted)) == AT + 20
    unready = [{"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(AT + 5)}]
    assert ended_at(pod(conditions=unready, **made)) == AT + 5
    done = pod(1, 1, conditions=unready, **made)
    for second, status in enumerate(done["status"]["containerStatuses"]):
        status["state"]["terminated"]["finishedAt"] = rfc3339(AT + second)
    assert ended_at(done) == AT + 1


@pytest.mark.parametrize(
    ("rules", "succeeded", "expected"),
    [
        pytest.param([{"succeededIndexes": "0-2"}], {0, 1}, None, id="not all"),
        pytest.param([{"succeededIndexes": "0-2"}], {0, 1, 2, 3}, 0, id="all"),
        pytest.param([{"succeededIndexes": "0-2", "succeededCount": 2}], {1, 2}, 0, id="enough of them"),
        pytest.param(
            [{"succeededIndexes": "0-2", "succeededCount": 2}], {2, 3, 4}, None, id="enough of others"
        ),
        pytest.param([{"succeededCount": 3}, {"succeededCount": 2}], {7, 8}, 1, id="any, by the second rule"),
        pytest.param([{"succeededCount": 0}], set(), None, id="none at all"),
        pytest.param([{"succeededIndexes": "50"}], {1}, None, id="beyond the completions"),
    ],
)
def test_when_enough_succeeded(rules: list, succeeded: set, expected: int | None) -> None:
    assert met_rule(rules, 10, succeeded) == expected


def test_two_in_a_row_are_no_interval() -> None:
    assert format_indexes({0, 1, 3, 5, 6, 7}) == "0,1,3,5-7"


def test_pods_with_wrong_indexes_go_first_and_then_the_newest() -> None:
    def live(name: str, index: int | None, age: float) -> dict:
        notes = {} if index is None else {INDEX: str(index)}
        made = rfc3339(AT - age)
        return {"metadata": {"name": name, "creationTimestamp": made, "annotations": notes}, "spec": {}, "status": {"phase": "Running"}}  # fmt: skip

    pods = [live("old", 0, 50), live("twin", 0, 40), live("none", None, 30), live("beyond", 9, 20), live("new", 1, 10)]  # fmt: skip
    assert {p["metadata"]["name"] for p in surplus(pods, 0, 3)} == {"twin", "none", "beyond"}
    assert {p["metadata"]["name"] for p in surplus(pods, 4, 3)} == {"twin", "none", "beyond", "new"}
    assert [p["metadata"]["name"] for p in surplus(pods, 2, None)] == ["new", "beyond"]
