"""Pods through kubectl: logs, grace, init containers, probes, restarts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]
Phase = Callable[[str, str], None]


def test_logs_are_cut_and_stamped_as_asked(kubectl: Kubectl, pod: Pod, phase_is: Phase) -> None:
    kubectl(
        "apply",
        "-f",
        "-",
        stdin=pod("web", "for i in 1 2 3 4; do echo line $i; done; echo wrong >&2; sleep 1.1; echo late"),
    )
    phase_is("web", "Succeeded")
    assert kubectl("logs", "web").splitlines()[-1] == "late"
    assert sorted(kubectl("logs", "web").splitlines()[:5]) == [
        "line 1",
        "line 2",
        "line 3",
        "line 4",
        "wrong",
    ]
    assert kubectl("logs", "web", "--tail=1") == "late\n"
    assert kubectl("logs", "web", "--tail=0") == ""
    assert kubectl("logs", "web", "--limit-bytes=6") == "line 1"
    stamped = kubectl("logs", "web", "--timestamps", "--tail=1")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z late\n", stamped), stamped
    assert kubectl("logs", "web", f"--since-time={stamped.split()[0]}") == "late\n"
    assert len(kubectl("logs", "web", "--since=1h").splitlines()) == 6
    assert kubectl("logs", "-l", "app=web", "--prefix", "--tail=1") == "[pod/web/main] late\n"
    assert "container gone is not valid for pod web" in kubectl.fails("logs", "web", "-c", "gone")
    assert "previous terminated container" in kubectl.fails("logs", "web", "--previous")


def test_logs_of_the_container_before_a_restart(kubectl: Kubectl, pod: Pod, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.mkdir()
    mount = {"volumeMounts": [{"name": "mark", "mountPath": "/mark"}]}
    volume = {"name": "mark", "hostPath": {"path": str(mark)}}
    script = "test -e /mark/second && echo second && exec sleep 1000; touch /mark/second; echo first; exit 3"
    kubectl(
        "apply",
        "-f",
        "-",
        stdin=pod("web", script, container=mount, restartPolicy="OnFailure", volumes=[volume]),
    )
    kubectl(
        "wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/web", "--timeout=60s"
    )
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    assert kubectl("logs", "web") == "second\n"
    assert kubectl("logs", "web", "--previous") == "first\n"
    described = kubectl("describe", "pod", "web")
    assert re.search(
        r"Last State:     Terminated\n      Reason:       Error\n      Exit Code:    3\n", described
    )
    assert re.search(r"Restart Count:  1\n", described)


def test_a_delete_asks_first_and_kills_when_the_grace_is_over(kubectl: Kubectl, pod: Pod) -> None:
    """SIGTERM comes at once and is answered in the log; who ignores it is killed when the grace is over."""
    deaf = "trap 'echo told' TERM; echo up; while true; do sleep 0.1; done"
    kubectl("apply", "-f", "-", stdin=pod("deaf", deaf, terminationGracePeriodSeconds=60))
    kubectl("wait", "--for=condition=Ready", "pod/deaf", "--timeout=60s")
    following = kubectl.start("logs", "-f", "deaf")
    assert following.stdout is not None
    assert following.stdout.readline() == "up\n"
    watching = kubectl.start("get", "pod", "deaf", "-w", "--output-watch-events", "-o", "json")
    assert watching.stdout is not None
    assert json.loads(watching.stdout.readline())["object"]["status"]["phase"] == "Running"
    assert kubectl("delete", "pod", "deaf", "--grace-period=2") == 'pod "deaf" deleted\n'
    assert following.communicate(timeout=90)[0] == "told\n"
    assert "NotFound" in kubectl.fails("get", "pod", "deaf")
    watching.kill()
    events = [json.loads(line) for line in watching.communicate()[0].splitlines()]
    assert events[-1]["type"] == "DELETED"
    ended = events[-1]["object"]["status"]["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 137


def test_a_pod_that_listens_to_sigterm_goes_before_its_grace_is_over(kubectl: Kubectl, pod: Pod) -> None:
    polite = "trap 'echo bye; exit 0' TERM; echo up; while true; do sleep 0.05; done"
    kubectl("apply", "-f", "-", stdin=pod("polite", polite, terminationGracePeriodSeconds=3600))
    kubectl("wait", "--for=condition=Ready", "pod/polite", "--timeout=60s")
    following = kubectl.start("logs", "-f", "polite")
    assert following.stdout is not None
    assert following.stdout.readline() == "up\n"
    kubectl("delete", "pod", "polite")  # the test gives up long before the hour is over
    assert following.communicate(timeout=90)[0] == "bye\n"


def test_force_takes_the_object_and_the_process_away(kubectl: Kubectl, pod: Pod, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    beat.mkdir()
    mount = {"volumeMounts": [{"name": "beat", "mountPath": "/beat"}]}
    volume = {"name": "beat", "hostPath": {"path": str(beat)}}
    script = "trap '' TERM; while true; do mkdir -p /beat/alive; sleep 0.05; done"
    kubectl("apply", "-f", "-", stdin=pod("deaf", script, container=mount, volumes=[volume]))
    kubectl("wait", "--for=condition=Ready", "pod/deaf", "--timeout=60s")
    wait_until((beat / "alive").exists)
    assert "force deleted" in kubectl("delete", "pod", "deaf", "--force", "--grace-period=0")
    assert "NotFound" in kubectl.fails("get", "pod", "deaf")

    def stopped() -> bool:
        (beat / "alive").rmdir() if (beat / "alive").exists() else None
        kubectl("get", "nodes")  # longer than a beat
        kubectl("get", "nodes")
        return not (beat / "alive").exists()

    wait_until(stopped)


def test_init_containers_run_in_order_before_the_others(kubectl: Kubectl, pod: Pod, phase_is: Phase) -> None:
    mount = [{"name": "scratch", "mountPath": "/scratch"}]
    first, second = (
        {"name": n, "image": "python:3.12", "command": ["sh", "-c", c], "volumeMounts": mount}
        for n, c in (("first", "echo one > /scratch/f; echo ran first"), ("second", "echo two >> /scratch/f"))
    )
    made = pod(
        "web", "cat /scratch/f", container={"volumeMounts": mount},
        initContainers=[first, second], volumes=[{"name": "scratch", "emptyDir": {}}],
    )  # fmt: skip
    kubectl("apply", "-f", "-", stdin=made)
    phase_is("web", "Succeeded")
    assert kubectl("logs", "web", "-c", "main") == "one\ntwo\n"
    assert kubectl("logs", "web", "-c", "first") == "ran first\n"
    everything = kubectl("logs", "web", "--all-containers").splitlines()
    assert sorted(everything) == ["one", "ran first", "two"]
    assert "Initialized                 True" in kubectl("describe", "pod", "web")


def test_readiness_gates_ready(kubectl: Kubectl, pod: Pod, tmp_path: Path) -> None:
    flags = tmp_path / "flags"
    flags.mkdir()
    probe = {"exec": {"command": ["test", "-e", "/flags/ready"]}, "periodSeconds": 1}
    container = {"readinessProbe": probe, "volumeMounts": [{"name": "flags", "mountPath": "/flags"}]}
    volume = {"name": "flags", "hostPath": {"path": str(flags)}}
    kubectl("apply", "-f", "-", stdin=pod("web", "sleep 1000", container=container, volumes=[volume]))
    kubectl("wait", "--for=create", "event", "--field-selector=reason=Unhealthy", "--timeout=60s")
    wait_until(
        lambda: kubectl("get", "pod", "web", "--no-headers").split()[:3] == ["web", "0/1", "Running"],
        "a pod that runs and is not ready",
    )
    assert "Readiness probe failed" in kubectl("events", "--for", "pod/web", "--types=Warning")
    assert "Ready                       False" in kubectl("describe", "pod", "web")
    (flags / "ready").touch()
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    assert kubectl("get", "pod", "web", "--no-headers").split()[:3] == ["web", "1/1", "Running"]
    (flags / "ready").unlink()
    kubectl("wait", "--for=condition=Ready=false", "pod/web", "--timeout=60s")


def test_liveness_restarts(kubectl: Kubectl, pod: Pod) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    made = pod("web", "echo started; sleep 1000", container={"livenessProbe": probe}, restartPolicy="Always")
    kubectl("apply", "-f", "-", stdin=made)
    kubectl(
        "wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/web", "--timeout=60s"
    )
    kubectl.until("Liveness probe failed", "events", "--for", "pod/web")
    kubectl.until("Container main failed liveness probe, will be restarted", "events", "--for", "pod/web")
