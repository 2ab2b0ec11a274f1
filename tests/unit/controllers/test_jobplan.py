"""What a job needs next, from the job and its pods."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.jobfailures import JobLimits
from seaway.controlplane.controllers.jobindexes import format_indexes, parse_indexes
from seaway.controlplane.controllers.jobplan import plan_job
from seaway.controlplane.controllers.jobpods import FINALIZER, INDEX, new_pods
from seaway.controlplane.controllers.ttl import expires_at

NOW = 1_000_000.0
LIMITS = JobLimits(backoff=10, backoff_cap=600)


def job(status: dict | None = None, **spec: Any) -> dict:
    template = {
        "metadata": {"labels": {"own": "label"}},
        "spec": {"containers": [{"name": "main", "image": "i"}]},
    }
    spec = {"parallelism": 1, "completions": 1, "backoffLimit": 6, "template": template, **spec}
    status = {"startTime": rfc3339(NOW - 100), **(status or {})}
    metadata = {"name": "job", "namespace": "ns", "uid": "job-uid"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec, "status": status}


def pod(
    name: str,
    phase: str = "Running",
    *,
    tracked: bool = True,
    going: bool = False,
    ended: float = NOW - 50,
    index: int | None = None,
) -> dict:
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "creationTimestamp": rfc3339(NOW - 90),
    }
    metadata["finalizers"] = [FINALIZER] if tracked else []
    metadata["annotations"] = {} if index is None else {INDEX: str(index)}
    if going:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    status: dict[str, Any] = {"phase": phase}
    if phase in ("Succeeded", "Failed"):
        status["containerStatuses"] = [{"state": {"terminated": {"finishedAt": rfc3339(ended)}}}]
    return {"metadata": metadata, "spec": {}, "status": status}


def names(pods: list[dict]) -> list[str]:
    return sorted(one["metadata"]["name"] for one in pods)


def conditions(status: dict) -> dict[str, str]:
    return {c["type"]: c["reason"] for c in status.get("conditions") or () if c["status"] == "True"}


@pytest.mark.parametrize(
    ("spec", "pods", "created"),
    [
        pytest.param({"parallelism": 3, "completions": 5}, [], 3, id="as many as parallelism"),
        pytest.param({"parallelism": 5, "completions": 3}, [], 3, id="no more than completions"),
        pytest.param({"parallelism": 3, "completions": 5}, [pod("a"), pod("b", "Pending")], 1, id="fill up"),
        pytest.param({"parallelism": 3, "completions": 3}, [pod("a", "Succeeded"), pod("b")], 1, id="the succeeded need no replacement"),
        pytest.param({"parallelism": 0, "completions": 3}, [], 0, id="parallelism zero"),
        pytest.param({"suspend": True}, [], 0, id="suspended"),
        pytest.param({"parallelism": 2, "completions": None}, [pod("a", "Succeeded"), pod("b")], 0, id="a work queue winds down after its first success"),
        pytest.param({"completions": 2, "parallelism": 2}, [pod("a"), pod("b", going=True)], 1, id="one being deleted is replaced at once"),
        pytest.param({"completions": 2, "parallelism": 2, "podReplacementPolicy": "Failed"}, [pod("a"), pod("b", going=True)], 0, id="or only when it ended"),
        pytest.param({}, [pod("a", "Failed", ended=NOW - 5)], 0, id="within the back-off"),
        pytest.param({}, [pod("a", "Failed", ended=NOW - 10)], 1, id="after the back-off"),
        pytest.param({}, [pod(n, "Failed", ended=NOW - 30) for n in "abc"], 0, id="back-off doubles"),
    ],
)  # fmt: skip
def test_how_many_pods_are_created(spec: dict, pods: list[dict], created: int) -> None:
    plan = plan_job(job(**spec), pods, NOW, LIMITS)
    assert len(plan.create) == created
    assert len(set(names(plan.create))) == created


@pytest.mark.parametrize(
    ("spec", "status", "pods", "expected"),
    [
        pytest.param({}, {}, [pod("a", "Succeeded")], {"SuccessCriteriaMet": "CompletionsReached"}, id="enough succeeded"),
        pytest.param({"backoffLimit": 0}, {}, [pod("a", "Failed")], {"FailureTarget": "BackoffLimitExceeded"}, id="failed too often"),
        pytest.param({"backoffLimit": 2}, {"failed": 2}, [pod("a", "Failed")], {"FailureTarget": "BackoffLimitExceeded"}, id="counted before and now"),
        pytest.param({"activeDeadlineSeconds": 100}, {}, [pod("a")], {"FailureTarget": "DeadlineExceeded"}, id="deadline"),
        pytest.param({"activeDeadlineSeconds": 101}, {}, [pod("a")], {}, id="just before the deadline"),
        pytest.param({"activeDeadlineSeconds": 1, "suspend": True}, {}, [], {"Suspended": "JobSuspended"}, id="no deadline while suspended"),
        pytest.param({"completions": 0}, {}, [], {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}, id="nothing to do"),
    ],
)  # fmt: skip
def test_how_it_ends(spec: dict, status: dict, pods: list[dict], expected: dict) -> None:
    assert conditions(plan_job(job(status, **spec), pods, NOW, LIMITS).status) == expected


def test_counting_is_safe_against_a_crash_at_any_moment() -> None:
    """A pod is first listed, then let go, then counted: no order of events counts it twice or never."""
    listed = plan_job(job(), [pod("a", "Succeeded")], NOW, LIMITS)
    assert listed.status["uncountedTerminatedPods"] == {"succeeded": ["uid-a"]}
    assert names(listed.release) == ["a"]
    again = plan_job(job(listed.status), [pod("a", "Succeeded")], NOW, LIMITS)
    assert (again.status["uncountedTerminatedPods"], names(again.release)) == (
        {"succeeded": ["uid-a"]},
        ["a"],
    )
    counted = plan_job(job(again.status), [pod("a", "Succeeded", tracked=False)], NOW, LIMITS)
    assert (counted.status["succeeded"], counted.status["uncountedTerminatedPods"]) == (1, {})
    assert "Complete" in conditions(counted.status)
    gone = plan_job(job(again.status), [], NOW, LIMITS)
    assert gone.status["succeeded"] == 1


def test_the_end_waits_until_nothing_runs() -> None:
    failing = plan_job(
        job(backoffLimit=0, parallelism=2), [pod("a", "Failed", tracked=False), pod("b")], NOW, LIMITS
    )
    assert "FailureTarget" not in conditions(failing.status)
    failing = plan_job(job({"failed": 1}, backoffLimit=0, parallelism=2), [pod("b")], NOW, LIMITS)
    assert (names(failing.delete), failing.create) == (["b"], [])
    ending = plan_job(job(failing.status, backoffLimit=0), [pod("b", tracked=False, going=True)], NOW, LIMITS)
    assert "Failed" not in conditions(ending.status)
    ended = plan_job(job(ending.status, backoffLimit=0), [], NOW, LIMITS)
    assert conditions(ended.status)["Failed"] == "BackoffLimitExceeded"


def test_too_many_lose_those_that_came_least_far() -> None:
    placed = pod("placed")
    placed["spec"]["nodeName"] = "n"
    plan = plan_job(job(parallelism=1, completions=5), [placed, pod("waiting")], NOW, LIMITS)
    assert (names(plan.stop), plan.delete) == (["waiting"], [])
    assert plan.status["active"] == 1


def test_names_follow_from_the_job_so_that_creating_twice_conflicts() -> None:
    first = names(plan_job(job(parallelism=3, completions=3), [], NOW, LIMITS).create)
    assert first == names(plan_job(job(parallelism=3, completions=3), [], NOW, LIMITS).create)
    rest = names(plan_job(job(parallelism=3, completions=3), [pod(first[0])], NOW, LIMITS).create)
    assert set(rest) == set(first[1:])
    after = names(plan_job(job({"failed": 3}, parallelism=3, completions=3), [], NOW, LIMITS).create)
    assert not set(after) & set(first)


def test_a_pod_carries_what_the_job_says_and_the_template_stays_as_it_is() -> None:
    owner = job(completionMode="Indexed", completions=2)
    (made,) = new_pods(owner, 1, 0, (), [1])
    metadata = made["metadata"]
    assert metadata["labels"]["own"] == "label"
    assert metadata["labels"][INDEX] == "1"
    assert (metadata["finalizers"], metadata["annotations"]) == ([FINALIZER], {INDEX: "1"})
    assert metadata["ownerReferences"][0]["uid"] == "job-uid"
    assert made["spec"]["hostname"] == "job-1"
    assert "env" not in owner["spec"]["template"]["spec"]["containers"][0]


def test_indexes_that_failed_are_given_out_again() -> None:
    pods = [pod("a", "Succeeded", index=0), pod("b", "Failed", index=1), pod("c", index=2)]
    plan = plan_job(job(completionMode="Indexed", completions=4, parallelism=3), pods, NOW, LIMITS)
    assert [one["metadata"]["annotations"][INDEX] for one in plan.create] == ["1", "3"]
    assert plan.status["completedIndexes"] == "0"


@given(st.sets(st.integers(0, 40)))
def test_indexes_survive_writing_and_reading(indexes: set[int]) -> None:
    assert parse_indexes(format_indexes(indexes)) == indexes


@pytest.mark.parametrize(
    ("spec", "finished", "expected"),
    [
        pytest.param({"ttlSecondsAfterFinished": 30}, True, NOW + 30, id="after its time"),
        pytest.param({"ttlSecondsAfterFinished": 0}, True, NOW, id="at once"),
        pytest.param({}, True, None, id="never"),
        pytest.param({"ttlSecondsAfterFinished": 30}, False, None, id="not finished"),
    ],
)
def test_when_a_finished_job_goes(spec: dict, finished: bool, expected: float | None) -> None:
    done = [{"type": "Complete", "status": "True", "lastTransitionTime": rfc3339(NOW)}] if finished else []
    assert expires_at(job({"conditions": done}, **spec)) == expected


@pytest.mark.parametrize("step", [-7200.0, 7200.0], ids=["set back", "set forward"])
@pytest.mark.parametrize(("active", "ends"), [(59.0, False), (60.0, True)])
def test_a_deadline_comes_when_it_is_due_though_the_clock_was_set(step, active, ends) -> None:
    status = {"startTime": rfc3339(NOW - active)}
    deadline = job(status, activeDeadlineSeconds=60)
    plan = plan_job(deadline, [pod("a")], NOW + step, LIMITS, since=lambda at: NOW - at)
    assert names(plan.delete) == (["a"] if ends else [])
    assert plan.again == (None if ends else 1.0)
