"""A job's status that breaks the rules is refused by both API servers, in the same words."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.real

NAMESPACE = "job-status"
START, END = "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"
POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "python"}]}
INDEXED = {"completionMode": "Indexed", "completions": 9, "parallelism": 3, "backoffLimitPerIndex": 1}


def true(*kinds: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "lastProbeTime": START, "lastTransitionTime": START} for kind in kinds]}  # fmt: skip


BASE = {"startTime": START, "active": 1, "ready": 1, "terminating": 0, "uncountedTerminatedPods": {}}
DONE = {**BASE, **true("SuccessCriteriaMet", "Complete"), "completionTime": END, "active": 0, "ready": 0, "succeeded": 1}  # fmt: skip
SCENES: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {
    "goes on": ({}, [BASE, {**BASE, "failed": 2}]),
    "completes": ({}, [BASE, DONE]),
    "negative": ({}, [{**BASE, "active": -1, "ready": -2}]),
    "counted twice": ({}, [{**BASE, "uncountedTerminatedPods": {"succeeded": ["a", "a"], "failed": ["a", ""]}}]),
    "complete, but when": ({}, [{**DONE, "completionTime": None}]),
    "complete too early": ({}, [{**DONE, "startTime": END, "completionTime": START}]),
    "without the criteria": ({}, [{**DONE, **true("Complete")}]),
    "failed without the target": ({}, [{**BASE, **true("Failed"), "active": 0, "ready": 0}]),
    "both ways": ({}, [{**BASE, **true("SuccessCriteriaMet", "FailureTarget")}]),
    "all ways": ({}, [{**DONE, **true("SuccessCriteriaMet", "FailureTarget", "Complete", "Failed")}]),
    "over with pods": ({}, [{**DONE, "active": 1, "terminating": 2, "uncountedTerminatedPods": {"failed": ["a"]}}]),
    "over and never started": ({}, [{**DONE, "startTime": None}]),
    "done before its end": ({}, [{**BASE, "completionTime": END}]),
    "taken back": ({}, [BASE, DONE, {**BASE, "succeeded": 1}]),
    "ended again": ({}, [BASE, DONE, {**DONE, "completionTime": "2026-01-01T12:00:00Z"}]),
    "fewer failures": ({}, [{**BASE, "failed": 2}, {**BASE, "failed": 1}]),
    "fewer successes": ({}, [{**BASE, "succeeded": 2}, {**BASE, "succeeded": 1}]),
    "started again": ({}, [BASE, {**BASE, "startTime": END}]),
    "started again while suspended": ({"suspend": True}, [BASE, {**BASE, "startTime": END}]),
    "more ready than active": ({}, [{**BASE, "ready": 5}]),
    "indexes": (INDEXED, [{**BASE, "completedIndexes": "0-3,6", "failedIndexes": "4,7"}]),
    "indexes of a job without": ({}, [{**BASE, "completedIndexes": "1", "failedIndexes": ""}]),
    "indexes in a wrong order": (INDEXED, [{**BASE, "completedIndexes": "5-1", "failedIndexes": "3,2"}]),
    "indexes too large": (INDEXED, [{**BASE, "completedIndexes": "3-9", "failedIndexes": "12"}]),
    "no indexes": (INDEXED, [{**BASE, "completedIndexes": "a", "failedIndexes": "1-2-3"}]),
    "failed and succeeded": (INDEXED, [{**BASE, "completedIndexes": "0-3,6", "failedIndexes": "4,6-7"}]),
}  # fmt: skip


def send(wire: Any, method: str, path: str, body: dict[str, Any]) -> Any:
    return wire.send(method, path, {}, {"Content-Type": "application/json"}, json.dumps(body).encode())


@pytest.fixture(scope="module")
def wires(both: Any) -> tuple[Any, Any]:
    for wire in (both.ours, both.theirs):
        send(wire, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    return both.ours, both.theirs


def answers(wire: Any, name: str, spec: dict[str, Any], statuses: list[dict[str, Any]]) -> list[Any]:
    """Write one status after the other; return what was said to each."""
    path = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
    made = {"metadata": {"name": name}, "spec": {"template": {"spec": POD}, **spec}}
    job = send(wire, "POST", path, made).body
    said = []
    for status in statuses:
        answer = send(wire, "PUT", f"{path}/{name}/status", {**job, "status": status})
        if answer.status == 200:
            job = answer.body
            said.append((200, job["status"]))
        else:
            causes = [(c["reason"], c.get("field"), c["message"]) for c in answer.body["details"]["causes"]]
            said.append((answer.status, sorted(causes)))
    return said


@pytest.mark.parametrize("name", SCENES)
def test_a_status_is_judged_alike(wires: tuple[Any, Any], name: str) -> None:
    ours, theirs = (answers(wire, name.replace(" ", "-").replace(",", ""), *SCENES[name]) for wire in wires)
    assert ours == theirs
