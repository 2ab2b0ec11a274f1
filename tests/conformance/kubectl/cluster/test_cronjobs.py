"""Cron jobs, with every kubectl, against the whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Any


def test_a_cron_job_from_create_to_delete(each_kubectl: Kubectl) -> None:
    """A distance of seconds is not what crontab can say; Kubernetes takes it, and a test need not wait for a minute."""
    kubectl = each_kubectl
    command = ("--image=python:3.12", "--", "echo", "ticked")
    assert (
        kubectl("create", "cronjob", "tick", "--schedule=@every 1s", *command)
        == "cronjob.batch/tick created\n"
    )
    kubectl("wait", "--for=jsonpath={.status.lastSuccessfulTime}", "cronjob/tick", "--timeout=60s")
    header, row = kubectl("get", "cronjob", "tick").splitlines()
    assert header.split()[:3] == ["NAME", "SCHEDULE", "TIMEZONE"]
    assert row.split()[:4] == ["tick", "@every", "1s", "<none>"]
    kubectl("patch", "cronjob", "tick", "-p", '{"spec": {"suspend": true}}')
    jobs = kubectl.json("get", "jobs")["items"]
    ended = [job for job in jobs if job["status"].get("succeeded")]
    made = max(ended, key=lambda job: str(job["metadata"]["creationTimestamp"]))  # older ones may go
    assert made["metadata"]["ownerReferences"][0]["name"] == "tick"
    assert "batch.kubernetes.io/cronjob-scheduled-timestamp" in made["metadata"]["annotations"]
    assert kubectl("logs", f"job/{made['metadata']['name']}") == "ticked\n"
    kubectl.until("SuccessfulCreate", "describe", "cronjob", "tick")


def test_a_job_from_a_cron_job_by_hand(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl(
        "create", "cronjob", "nightly", "--image=python:3.12", "--schedule=0 3 * * *", "--", "echo", "by hand"
    )
    assert kubectl("create", "job", "now", "--from=cronjob/nightly") == "job.batch/now created\n"
    kubectl("wait", "--for=condition=complete", "job/now", "--timeout=60s")
    assert kubectl("logs", "job/now") == "by hand\n"
    assert kubectl("delete", "cronjob", "nightly") == 'cronjob.batch "nightly" deleted\n'
    kubectl("wait", "--for=delete", "job/now", "--timeout=60s")


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * *", "expected exactly 5 fields, found 4"),
        ("0 25 * * *", "end of range (25) above maximum (23): 25"),
        ("@fortnightly", "unrecognized descriptor: @fortnightly"),
    ],
)
def test_a_schedule_that_cannot_be_read_is_refused(kubectl: Kubectl, schedule: str, expected: str) -> None:
    answer = kubectl.try_("create", "cronjob", "odd", "--image=python:3.12", f"--schedule={schedule}")
    assert answer.code != 0
    assert "spec.schedule" in answer.err
    assert expected in answer.err
