"""What people do every day, with every kubectl, against the whole cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]


def test_a_pod_from_run_to_delete(each_kubectl: Kubectl) -> None:
    """-f follows a running container to its end; -w shows each state, in order."""
    kubectl = each_kubectl
    watching = kubectl.start("get", "pods", "-w", "--no-headers")
    script = "for i in 1 2 3; do echo line $i; sleep 0.3; done"
    assert kubectl(
        "run", "web", "--image=python:3.12", "--restart=Never", "--command", "--", "sh", "-c", script
    )
    assert watching.stdout is not None
    seen: list[str] = []
    _read_until("Running", seen, watching.stdout)  # a `kubectl wait` may begin only after it was over
    assert kubectl("logs", "-f", "web") == "line 1\nline 2\nline 3\n"
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/web", "--timeout=60s")
    assert kubectl("get", "pod", "web", "--no-headers").split()[:4] == ["web", "0/1", "Completed", "0"]
    assert kubectl("delete", "pod", "web") == 'pod "web" deleted\n'
    _read_until("Completed", seen, watching.stdout)
    watching.kill()
    watching.communicate()
    order = ["Pending", "ContainerCreating", "Running", "Completed"]
    assert seen == [status for status in order if status in seen]
    assert {"Running", "Completed"} <= set(seen)  # the watch may begin only when the pod is placed


def _read_until(status: str, seen: list[str], lines: IO[str]) -> None:
    """Note each new status that `get pods -w` prints, up to one."""
    while status not in seen:
        found = lines.readline().split()[2]
        seen += [found] if found not in seen else []


def test_the_arguments_of_run_are_the_command_of_a_python_image(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("run", "one", "--image=python:3.12", "--restart=Never", "--", "python", "-c", "print(40 + 2)")
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/one", "--timeout=60s")
    assert kubectl("logs", "one") == "42\n"


def test_a_job_from_create_to_delete(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "job", "train", "--image=python:3.12", "--", "echo", "trained")
    kubectl("wait", "--for=condition=complete", "job/train", "--timeout=60s")
    assert kubectl("logs", "job/train") == "trained\n"
    header, row = kubectl("get", "jobs").splitlines()
    assert header.split() == ["NAME", "STATUS", "COMPLETIONS", "DURATION", "AGE"]
    assert row.split()[:3] == ["train", "Complete", "1/1"]
    described = kubectl.until("SuccessfulCreate", "describe", "job", "train")
    assert "0 Active (0 Ready) / 1 Succeeded / 0 Failed" in described
    kubectl("delete", "job", "train")
    kubectl("wait", "--for=delete", "pods", "-l", "job-name=train", "--timeout=60s")


def test_describe_and_events_tell_what_happened_in_its_order(each_kubectl: Kubectl, pod: Pod) -> None:
    kubectl = each_kubectl
    kubectl("apply", "-f", "-", stdin=pod("web", "sleep 1000"))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    order = ["Scheduled", "Pulled", "Created", "Started"]
    for reason in order:
        kubectl("wait", "--for=create", "events", f"--field-selector=reason={reason}", "--timeout=60s")
    described = kubectl("describe", "pod", "web")
    events = described[described.index("Events:") :]
    assert [line.split()[1] for line in events.splitlines()[3:]] == order
    assert "State:          Running" in described
    assert (
        f"Node:             node-1/{kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.hostIP}')}"
        in described
    )
    listed = kubectl("events", "--for", "pod/web", "--no-headers").splitlines()
    assert [line.split()[2] for line in listed] == order
    node = kubectl("describe", "node", "node-1")
    assert "kubelet is posting ready status" in node
    assert f"{kubectl.namespace} " in node[node.index("Non-terminated Pods:") :]


def test_who_am_i_and_what_may_i(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    assert "system:masters" in kubectl("auth", "whoami")
    assert kubectl("auth", "can-i", "delete", "nodes") == "yes\n"
    token = kubectl("create", "token", "default", "--duration=15m").strip()
    assert token.count(".") == 2
    account = f"system:serviceaccount:{kubectl.namespace}:default"
    assert kubectl.try_("auth", "can-i", "list", "pods", f"--as={account}").out == "no\n"
    kubectl(
        "create",
        "rolebinding",
        "reader",
        "--clusterrole=view",
        f"--serviceaccount={kubectl.namespace}:default",
    )
    assert kubectl("auth", "can-i", "list", "pods", f"--as={account}") == "yes\n"


def test_explain_raw_and_diff(each_kubectl: Kubectl, pod: Pod) -> None:
    kubectl = each_kubectl
    assert "tolerationSeconds" in kubectl("explain", "pod.spec.tolerations")
    assert kubectl("get", "--raw", "/readyz") == "ok"
    nodes = json.loads(kubectl("get", "--raw", "/api/v1/nodes"))
    assert [node["metadata"]["name"] for node in nodes["items"]] == ["node-1"]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    kubectl("apply", "-f", "-", stdin=config)
    assert kubectl("diff", "-f", "-", stdin=config) == ""
    changed = kubectl.try_("diff", "-f", "-", stdin=config | {"data": {"a": "2"}})
    assert (changed.code, '+  a: "2"' in changed.out) == (1, True), changed
    assert kubectl.json("get", "configmap", "c")["data"] == {"a": "1"}


def test_debug(each_kubectl: Kubectl, pod: Pod) -> None:
    """A container is added to a pod that runs, and its output can be read."""
    kubectl = each_kubectl
    kubectl("apply", "-f", "-", stdin=pod("web", "sleep 1000"))
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    look = ("--image=python:3.12", "--container=look", "--profile=general", "--attach=false")
    kubectl("debug", "web", *look, "--", "sh", "-c", "echo looked")
    ended = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.reason}=Completed"
    kubectl("wait", f"--for={ended}", "pod/web", "--timeout=60s")
    assert kubectl("logs", "web", "-c", "look") == "looked\n"
