"""What a controller may not write into a job's status."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.kinds.job_status import validate_status

START, END = "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"
BASE = {"startTime": START, "active": 1, "ready": 1, "uncountedTerminatedPods": {}}


def true(*kinds: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True"} for kind in kinds]}


COMPLETE = {**BASE, **true("SuccessCriteriaMet", "Complete"), "completionTime": END, "active": 0, "ready": 0}
FAILED = {**BASE, **true("FailureTarget", "Failed"), "active": 0, "ready": 0}


@pytest.mark.parametrize(
    ("status", "old", "spec", "expected"),
    [
        pytest.param({**BASE, "active": 2, "ready": 2}, BASE, {}, [], id="goes on"),
        pytest.param(COMPLETE, BASE, {}, [], id="completes"),
        pytest.param(FAILED, BASE, {}, [], id="fails"),
        pytest.param({**BASE, "active": -1}, BASE, {}, ["status.active", "status.ready"], id="negative"),
        pytest.param({**BASE, "uncountedTerminatedPods": {"succeeded": ["a"], "failed": ["a", ""]}}, BASE, {}, ["status.uncountedTerminatedPods.failed[0]", "status.uncountedTerminatedPods.failed[1]"], id="counted twice"),
        pytest.param({**COMPLETE, "completionTime": None}, BASE, {}, ["status.completionTime"], id="complete, but when"),
        pytest.param({**COMPLETE, **true("Complete")}, BASE, {}, ["status.conditions"], id="complete without the criteria"),
        pytest.param({**FAILED, **true("Failed")}, BASE, {}, ["status.conditions"], id="failed without the target"),
        pytest.param({**COMPLETE, "active": 1, "ready": 0}, BASE, {}, ["status.active"], id="over with an active pod"),
        pytest.param({**COMPLETE, "terminating": 1}, BASE, {}, ["status.terminating"], id="over with an ending pod"),
        pytest.param({**COMPLETE, "uncountedTerminatedPods": {"failed": ["a"]}}, BASE, {}, ["status.uncountedTerminatedPods"], id="over with an uncounted pod"),
        pytest.param({**COMPLETE, "startTime": None}, COMPLETE, {"suspend": True}, ["status.startTime"], id="over and never started"),
        pytest.param(BASE, COMPLETE, {}, ["status.conditions", "status.conditions"], id="completeness taken back"),
        pytest.param({**BASE, "failed": 1}, {**BASE, "failed": 2}, {}, ["status.failed"], id="a failure taken back"),
        pytest.param({**BASE, "succeeded": 1}, {**BASE, "succeeded": 2}, {}, ["status.succeeded"], id="a success taken back"),
        pytest.param({**BASE, "succeeded": 1}, {**BASE, "succeeded": 2}, {"completionMode": "Indexed", "completions": 3, "parallelism": 3}, [], id="unless it was scaled down"),
        pytest.param({**BASE, "startTime": END}, BASE, {}, ["status.startTime"], id="started again"),
        pytest.param({**BASE, "startTime": END}, BASE, {"suspend": True}, [], id="while suspended"),
        pytest.param({**COMPLETE, "startTime": END, "completionTime": START}, {}, {}, ["status.completionTime"], id="over before it began"),
        pytest.param({**BASE, "completedIndexes": "1"}, BASE, {}, ["status.completedIndexes"], id="an index without indexes"),
        pytest.param({**BASE, "completedIndexes": "5-1"}, BASE, {"completionMode": "Indexed", "completions": 9}, ["status.completedIndexes"], id="indexes in a wrong order"),
        pytest.param({**BASE, "failedIndexes": ""}, BASE, {"completionMode": "Indexed", "completions": 9}, ["status.failedIndexes"], id="failed indexes without a limit for each"),
        pytest.param({**BASE, "completedIndexes": "0-3,6", "failedIndexes": "4,6-7"}, BASE, {"completionMode": "Indexed", "completions": 9, "backoffLimitPerIndex": 0}, ["status.failedIndexes"], id="failed and succeeded"),
        pytest.param({**BASE, **true("SuccessCriteriaMet", "FailureTarget")}, BASE, {}, ["status.conditions"], id="both ways"),
        pytest.param({**BASE, "ready": 5}, BASE, {}, ["status.ready"], id="more ready than active"),
        pytest.param({**BASE, "ready": 5, "failed": 1}, {**BASE, "ready": 5}, {}, [], id="what was wrong before may stay"),
    ],
)  # fmt: skip
def test_faults_of_a_status(status: dict, old: dict, spec: dict, expected: list[str]) -> None:
    metadata = {"name": "job", "namespace": "ns", "uid": "u", "resourceVersion": "1"}
    new, before = ({"metadata": metadata, "spec": spec, "status": one} for one in (status, old))
    assert [fault.field for fault in validate_status(new, before)] == expected
