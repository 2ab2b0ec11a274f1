"""Workloads through kubectl: rollouts and their history, scaling, deletion, and a drain that a budget slows down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
FORMER = "python:3.12"


@pytest.fixture(autouse=True)
def free_node(kubectl: Kubectl) -> Iterator[None]:
    """Leave the node as it was found."""
    yield
    kubectl("delete", "deployments,statefulsets,daemonsets,pdb", "--all", "--wait=false")
    kubectl("uncordon", "node-1")


def workload(kind: str, **spec: Any) -> Object:
    """Return a workload whose pods sleep."""
    container = {
        "name": "main", "image": FORMER, "command": ["sleep", "1000"], "resources": {"requests": {"cpu": "10m"}},
    }  # fmt: skip
    inner = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": inner}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
    }  # fmt: skip


def roll_out(kubectl: Kubectl, what: str) -> str:
    done = kubectl.try_("rollout", "status", what, "--timeout=60s")
    if done.code != 0:
        state = [kubectl("get", kinds, "-o", "yaml") for kinds in ("pods", "statefulsets", "events")]
        pytest.fail("\n".join([done.out, done.err, *state]))
    return str(done.out)


def start(kubectl: Kubectl, kind: str, **spec: Any) -> None:
    kubectl("apply", "-f", "-", stdin=workload(kind, **spec))
    roll_out(kubectl, f"{kind.lower()}/web")


def variable(kubectl: Kubectl, what: str) -> str:
    return kubectl("get", what, "-o", "jsonpath={.spec.template.spec.containers[0].env[0].value}")


def revisions(kubectl: Kubectl, what: str) -> list[str]:
    return [line.split()[0] for line in kubectl("rollout", "history", what).splitlines()[2:] if line.strip()]


def test_a_deployment_is_rolled_out_and_back(each_kubectl: Kubectl) -> None:
    kubectl = each_kubectl
    kubectl("create", "deployment", "web", f"--image={FORMER}", "--replicas=2", "--", "sleep", "1000")
    assert 'deployment "web" successfully rolled out' in roll_out(kubectl, "deployment/web")
    kubectl("set", "env", "deployment/web", "MOOD=good")
    kubectl("annotate", "deployment/web", "kubernetes.io/change-cause=a better mood")
    roll_out(kubectl, "deployment/web")
    assert revisions(kubectl, "deployment/web") == ["1", "2"]
    assert "a better mood" in kubectl("rollout", "history", "deployment/web")
    assert "MOOD:\tgood" in kubectl("rollout", "history", "deployment/web", "--revision=2")
    kubectl("rollout", "undo", "deployment/web")
    roll_out(kubectl, "deployment/web")
    assert revisions(kubectl, "deployment/web") == ["2", "3"]
    assert variable(kubectl, "deployment/web") == ""
    kubectl("rollout", "undo", "deployment/web", "--to-revision=2")
    roll_out(kubectl, "deployment/web")
    assert variable(kubectl, "deployment/web") == "good"
    assert kubectl("get", "deployment", "web", "--no-headers").split()[:4] == ["web", "2/2", "2", "2"]
    kubectl("delete", "deployment", "web", "--cascade=foreground", "--timeout=60s")
    assert kubectl("get", "pods,replicasets", "-o", "name") == ""


def test_pause_restart_scale_and_describe(kubectl: Kubectl) -> None:
    start(kubectl, "Deployment", replicas=2)
    kubectl("rollout", "pause", "deployment/web")
    kubectl("set", "env", "deployment/web", "A=b")
    kubectl("scale", "deployment/web", "--replicas=3")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=60s")
    assert len(kubectl.json("get", "replicasets")["items"]) == 1
    kubectl("rollout", "resume", "deployment/web")
    roll_out(kubectl, "deployment/web")
    kubectl("rollout", "restart", "deployment/web")
    roll_out(kubectl, "deployment/web")
    assert len(kubectl.json("get", "replicasets")["items"]) == 3
    wait_until(lambda: "Scaled down replica set web-" in kubectl("describe", "deployment", "web"))
    described = kubectl("describe", "deployment", "web")
    assert "3 desired | 3 updated | 3 total | 3 available | 0 unavailable" in described
    assert "Progressing    True    NewReplicaSetAvailable" in described
    assert "exposed" in kubectl("expose", "deployment", "web", "--port=80")


def test_an_update_that_gets_nowhere_is_told(kubectl: Kubectl) -> None:
    start(kubectl, "Deployment", replicas=1)
    image = {"containers": [{"name": "main", "image": "nothing.example/none:1"}]}
    changed = {"spec": {"progressDeadlineSeconds": 2, "template": {"spec": image}}}
    kubectl("patch", "deployment", "web", "-p", json.dumps(changed))
    said = kubectl.fails("rollout", "status", "deployment/web", "--timeout=60s")
    assert 'deployment "web" exceeded its progress deadline' in said
    assert kubectl("get", "deployment", "web", "--no-headers").split()[1] == "1/1"


def test_a_deployment_that_is_orphaned_leaves_its_pods(kubectl: Kubectl) -> None:
    start(kubectl, "Deployment", replicas=1)
    kubectl("delete", "deployment", "web", "--cascade=orphan", "--timeout=60s")
    (left,) = kubectl.json("get", "replicasets")["items"]
    assert "ownerReferences" not in left["metadata"]
    assert len(kubectl.json("get", "pods")["items"]) == 1
    kubectl("delete", "replicaset", left["metadata"]["name"])


def test_a_stateful_set(kubectl: Kubectl) -> None:
    start(kubectl, "StatefulSet", replicas=2, serviceName="names")
    kubectl("exec", "web-1", "--", "true")
    assert kubectl("get", "pods", "-o", "name").split() == ["pod/web-0", "pod/web-1"]
    kubectl("set", "env", "statefulset/web", "A=b")
    roll_out(kubectl, "statefulset/web")
    assert revisions(kubectl, "statefulset/web") == ["1", "2"]
    kubectl("rollout", "undo", "statefulset/web")
    roll_out(kubectl, "statefulset/web")
    assert variable(kubectl, "statefulset/web") == ""
    kubectl("scale", "statefulset/web", "--replicas=1")
    kubectl("wait", "--for=delete", "pod/web-1", "--timeout=60s")
    assert kubectl("get", "statefulset", "web", "--no-headers").split()[:2] == ["web", "1/1"]


def test_a_daemon_set(kubectl: Kubectl) -> None:
    start(kubectl, "DaemonSet")
    kubectl("set", "env", "daemonset/web", "A=b")
    roll_out(kubectl, "daemonset/web")
    assert revisions(kubectl, "daemonset/web") == ["1", "2"]
    kubectl("rollout", "undo", "daemonset/web")
    roll_out(kubectl, "daemonset/web")
    assert variable(kubectl, "daemonset/web") == ""
    assert kubectl("get", "daemonset", "web", "--no-headers").split()[1:6] == ["1"] * 5


def test_a_drain_heeds_a_budget(kubectl: Kubectl) -> None:
    start(kubectl, "Deployment", replicas=2)
    kubectl("create", "poddisruptionbudget", "most", "--selector=app=web", "--min-available=2")
    kubectl("wait", "--for=jsonpath={.status.currentHealthy}=2", "pdb/most", "--timeout=60s")
    drain = ("drain", "node-1", "--ignore-daemonsets", "--pod-selector=app=web")
    refused = kubectl.start(*drain)
    assert refused.stderr is not None
    said = iter(refused.stderr.readline, "")
    assert any("Cannot evict pod as it would violate the pod's disruption budget." in line for line in said)
    refused.kill()
    assert kubectl("get", "pdb", "most", "--no-headers").split()[:4] == ["most", "2", "N/A", "0"]
    kubectl("patch", "pdb", "most", "--type=merge", "-p", '{"spec":{"minAvailable":0}}')
    kubectl("wait", "--for=jsonpath={.status.disruptionsAllowed}=2", "pdb/most", "--timeout=60s")
    assert "node/node-1 drained" in kubectl(*drain, "--timeout=60s")
    wait_until(lambda: kubectl("get", "pods", "--no-headers").count("Pending") == 2)
    kubectl("uncordon", "node-1")
    roll_out(kubectl, "deployment/web")
