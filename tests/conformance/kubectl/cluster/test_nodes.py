"""Nodes through kubectl: cordon, drain, taints, and namespaces that a node needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]


@pytest.fixture(autouse=True)
def free_node(kubectl: Kubectl) -> Iterator[None]:
    """Leave the node as it was found."""
    yield
    kubectl("uncordon", "node-1")
    kubectl("patch", "node", "node-1", "--type=merge", "-p", '{"spec":{"taints":null}}')


def run(kubectl: Kubectl, made: Object) -> None:
    kubectl("apply", "-f", "-", stdin=made)
    kubectl("wait", "--for=condition=Ready", f"pod/{made['metadata']['name']}", "--timeout=60s")


def test_a_cordoned_node_takes_no_further_pods(kubectl: Kubectl, pod: Pod) -> None:
    run(kubectl, pod("before", "sleep 1000"))
    kubectl("cordon", "node-1")
    assert kubectl("get", "node", "node-1", "--no-headers").split()[1] == "Ready,SchedulingDisabled"
    kubectl("apply", "-f", "-", stdin=pod("after", "sleep 1000"))
    wait_until(lambda: "1 node(s) were unschedulable" in kubectl("describe", "pod", "after"))
    assert kubectl("get", "pod", "before", "--no-headers").split()[2] == "Running"
    kubectl("uncordon", "node-1")
    kubectl("wait", "--for=condition=Ready", "pod/after", "--timeout=60s")


def test_drain_evicts_every_pod(kubectl: Kubectl, pod: Pod) -> None:
    run(kubectl, pod("web", "sleep 1000"))
    refused = kubectl.fails("drain", "node-1", "--ignore-daemonsets", "--pod-selector=app=web")
    assert "declare no controller (use --force to override)" in refused
    drained = kubectl("drain", "node-1", "--ignore-daemonsets", "--force", "--timeout=60s")
    assert "pod/web evicted" in drained
    assert "node/node-1 drained" in drained
    assert kubectl("get", "pods", "-o", "name") == ""


def test_taints_keep_pods_off_and_drive_them_away(kubectl: Kubectl, pod: Pod) -> None:
    run(kubectl, pod("web", "sleep 1000"))
    kubectl("taint", "nodes", "node-1", "team=a:NoSchedule")
    kubectl("apply", "-f", "-", stdin=pod("other", "sleep 1000"))
    wait_until(lambda: "1 node(s) had untolerated taint(s)" in kubectl("describe", "pod", "other"))
    toleration = {"key": "team", "operator": "Equal", "value": "a", "effect": "NoSchedule"}
    run(kubectl, pod("mine", "sleep 1000", tolerations=[toleration]))
    assert "team=a:NoSchedule" in kubectl("describe", "node", "node-1")
    kubectl("taint", "nodes", "node-1", "broken=:NoExecute")
    kubectl("wait", "--for=delete", "pod/web", "pod/mine", "--timeout=60s")
    kubectl("taint", "nodes", "node-1", "team-", "broken-")
    kubectl("wait", "--for=condition=Ready", "pod/other", "--timeout=60s")


def test_a_node_that_is_deleted_registers_again(kubectl: Kubectl) -> None:
    uid = kubectl("get", "node", "node-1", "-o", "jsonpath={.metadata.uid}")
    kubectl("delete", "node", "node-1")
    kubectl("wait", "--for=create", "node/node-1", "--timeout=60s")
    kubectl("wait", "--for=condition=Ready", "node/node-1", "--timeout=60s")
    assert kubectl("get", "node", "node-1", "-o", "jsonpath={.metadata.uid}") != uid


def test_a_system_namespace_that_is_deleted_comes_back(kubectl: Kubectl) -> None:
    kubectl("delete", "namespace", "kube-node-lease", "--timeout=60s")
    kubectl("wait", "--for=create", "namespace/kube-node-lease", "--timeout=60s")
    kubectl("wait", "--for=create", "lease/node-1", "-n", "kube-node-lease", "--timeout=60s")
    assert kubectl("get", "node", "node-1", "--no-headers").split()[1] == "Ready"


@pytest.mark.parametrize("namespace", ["default", "kube-system", "kube-public"])
def test_what_every_cluster_needs_cannot_be_deleted(kubectl: Kubectl, namespace: str) -> None:
    assert "this namespace may not be deleted" in kubectl.fails("delete", "namespace", namespace)
