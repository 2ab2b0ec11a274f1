"""What a cron job needs next, from it, its jobs and the time."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.controllers.cronplan import SCHEDULED, CronPlan, plan_cron_job

MADE = "2026-03-02T09:55:00Z"


def cron(status: dict | None = None, *, schedule: str = "*/5 * * * *", **spec: Any) -> dict:
    template = {"metadata": {"labels": {"own": "label"}}, "spec": {"template": {"spec": {}}}}
    defaults = {"concurrencyPolicy": "Allow", "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1}
    metadata = {"name": "tick", "namespace": "ns", "uid": "cron-uid", "creationTimestamp": MADE}
    spec = {"schedule": schedule, "jobTemplate": template, **defaults, **spec}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": spec,
        "status": status or {},
    }


def job(name: str, ending: str = "", start: str = "2026-03-02T10:00:00Z", end: str | None = None) -> dict:
    status: dict[str, Any] = {"startTime": start}
    if ending:
        status["conditions"] = [{"type": ending, "status": "True"}]
    if end:
        status["completionTime"] = end
    return {"metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}"}, "status": status}


def running(*names: str) -> dict:
    return {"active": [{"name": name, "namespace": "ns", "uid": f"uid-{name}"} for name in names]}


def plan(cron_job: dict, *jobs: dict, at: str = "2026-03-02T10:00:01Z", **more: Any) -> CronPlan:
    return plan_cron_job(cron_job, jobs, parse_rfc3339(at), **more)


def reasons(made: CronPlan) -> list[str]:
    return [report.reason for report in made.reports]


@pytest.mark.parametrize(
    ("cron_job", "at", "scheduled", "told"),
    [
        pytest.param(cron(), "2026-03-02T09:59:59Z", "", [], id="not yet"),
        pytest.param(cron(), "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z", [], id="due"),
        pytest.param(cron({"lastScheduleTime": "2026-03-02T10:00:00Z"}), "2026-03-02T10:00:09Z", "", [], id="done"),
        pytest.param(cron(), "2026-03-02T10:07:00Z", "2026-03-02T10:05:00Z", [], id="the last of those missed"),
        pytest.param(cron(), "2026-03-03T10:07:00Z", "2026-03-03T10:05:00Z", ["TooManyMissedTimes"], id="too many missed"),
        pytest.param(cron(startingDeadlineSeconds=60), "2026-03-02T10:00:30Z", "2026-03-02T10:00:00Z", [], id="within the deadline"),
        pytest.param(cron(startingDeadlineSeconds=60), "2026-03-02T10:02:00Z", "", ["MissSchedule"], id="too late"),
        pytest.param(cron(suspend=True), "2026-03-02T10:00:01Z", "", [], id="suspended"),
        pytest.param(cron(schedule="59 23 31 2 *"), "2026-03-02T10:00:01Z", "", ["InvalidSchedule"], id="never"),
        pytest.param(cron(schedule="nonsense"), "2026-03-02T10:00:01Z", "", ["UnparseableSchedule"], id="stored by an older server"),
        pytest.param(cron(timeZone="Nowhere/Land"), "2026-03-02T10:00:01Z", "", ["UnknownTimeZone"], id="a zone that went"),
        pytest.param(cron(schedule="0 15 * * *", timeZone="Asia/Kolkata"), "2026-03-02T10:00:00Z", "", [], id="not there yet"),
        pytest.param(cron(schedule="30 15 * * *", timeZone="Asia/Kolkata"), "2026-03-02T10:00:00Z", "2026-03-02T10:00:00Z", [], id="by its zone"),
        pytest.param(cron(schedule="0 9,10 2 3 *"), "2026-03-02T13:00:00Z", "2026-03-02T10:00:00Z", [], id="a short burst, hours ago"),
    ],
)  # fmt: skip
def test_when_a_job_is_made(cron_job: dict, at: str, scheduled: str, told: list[str]) -> None:
    made = plan(cron_job, at=at)
    assert (made.scheduled, reasons(made)) == (scheduled, told)
    assert (made.create is not None) == bool(scheduled)


def test_what_is_made() -> None:
    made = plan(cron(timeZone="Asia/Kolkata")).create
    assert made is not None
    assert made["metadata"]["name"] == f"tick-{int(parse_rfc3339('2026-03-02T10:00:00Z')) // 60}"
    assert made["metadata"]["annotations"] == {SCHEDULED: "2026-03-02T15:30:00+05:30"}
    assert made["metadata"]["labels"] == {"own": "label"}
    assert made["metadata"]["ownerReferences"][0]["uid"] == "cron-uid"
    plain = plan(cron(), local=ZoneInfo("Asia/Kolkata")).create
    assert plain is not None
    assert plain["metadata"]["annotations"] == {SCHEDULED: "2026-03-02T10:00:00Z"}


@pytest.mark.parametrize(
    ("policy", "creates", "replaces", "told"),
    [("Allow", True, 0, []), ("Forbid", False, 0, ["JobAlreadyActive"]), ("Replace", True, 1, [])],
)
def test_while_the_last_one_runs(policy: str, creates: bool, replaces: int, told: list[str]) -> None:
    made = plan(cron(running("old"), concurrencyPolicy=policy), job("old"))
    assert (made.create is not None, len(made.replace), reasons(made)) == (creates, replaces, told)


def test_jobs_are_followed() -> None:
    status = running("done", "lost", "live") | {"lastScheduleTime": "2026-03-02T10:00:00Z"}
    jobs = (job("done", "Complete", end="2026-03-02T10:00:00Z"), job("live"), job("manual"))
    made = plan(cron(status), *jobs, missing={"uid-lost"})
    assert [entry["name"] for entry in made.status["active"]] == ["live"]
    assert made.status["lastSuccessfulTime"] == "2026-03-02T10:00:00Z"
    assert reasons(made) == ["SawCompletedJob", "UnexpectedJob", "MissingJob"]
    assert made.reports[0].message == "Saw completed job: done, condition: Complete"


def test_only_the_newest_are_kept() -> None:
    good = [job(f"good-{n}", "Complete", start=f"2026-03-02T09:0{n}:00Z") for n in range(5)]
    bad = [job(f"bad-{n}", "Failed", start=f"2026-03-02T09:0{n}:00Z") for n in range(3)]
    made = plan(cron(), *reversed(good), *bad)
    assert [one["metadata"]["name"] for one in made.delete] == ["good-0", "good-1", "bad-0", "bad-1"]
    assert len(plan(cron(successfulJobsHistoryLimit=0), *good).delete) == 5


def test_when_to_look_again() -> None:
    done = {"lastScheduleTime": "2026-03-02T10:00:00Z"}
    assert plan(cron(done), at="2026-03-02T10:04:30Z").again == pytest.approx(30.1)
    assert plan(cron(done), at="2026-03-02T10:01:00Z").again == 60.0
    late = cron(startingDeadlineSeconds=1)
    assert plan(late, at="2026-03-02T10:01:00Z").again == pytest.approx(240.1), "what was missed is told once"


def test_a_changed_schedule_counts_from_its_change() -> None:
    cron_job = cron({"lastScheduleTime": "2026-03-02T08:00:00Z"})
    assert plan(cron_job, at="2026-03-02T10:00:30Z").create
    changed = parse_rfc3339("2026-03-02T10:00:29Z")
    assert plan(cron_job, at="2026-03-02T10:00:30Z", changed=changed).create is None
