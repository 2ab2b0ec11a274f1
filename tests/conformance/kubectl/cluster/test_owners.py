"""What goes with what: jobs and their pods, namespaces and their content, custom resources."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]


def job(script: str, **spec: Any) -> Object:
    """Return a job of which two pods run at once."""
    container = {"name": "main", "image": "python:3.12", "command": ["sh", "-c", script]}
    inner = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1, "containers": [container]}
    return {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train"},
        "spec": {"parallelism": 2, "completions": 2, "template": {"spec": inner}, **spec},
    }  # fmt: skip


def start(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=job("sleep 1000"))
    kubectl("wait", "--for=jsonpath={.status.ready}=2", "job/train", "--timeout=60s")


def test_background_deletion_takes_the_pods_later(kubectl: Kubectl) -> None:
    start(kubectl)
    kubectl("delete", "job", "train")
    kubectl("wait", "--for=delete", "pod", "-l", "job-name=train", "--timeout=60s")


def test_foreground_deletion_waits_for_the_pods(kubectl: Kubectl) -> None:
    start(kubectl)
    kubectl("delete", "job", "train", "--cascade=foreground", "--timeout=60s")
    assert kubectl("get", "pods", "-o", "name") == ""


def test_orphaned_pods_go_on(kubectl: Kubectl) -> None:
    start(kubectl)
    kubectl("delete", "job", "train", "--cascade=orphan", "--timeout=60s")
    pods = kubectl.json("get", "pods")["items"]
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    assert ["ownerReferences" in pod["metadata"] for pod in pods] == [False, False]


def test_a_job_that_fails_says_why(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=job("echo no; exit 4", completions=1, parallelism=1, backoffLimit=0))
    kubectl("wait", "--for=condition=Failed", "job/train", "--timeout=60s")
    assert kubectl("get", "jobs", "--no-headers").split()[:3] == ["train", "Failed", "0/1"]
    described = kubectl.until("Job has reached the specified backoff limit", "describe", "job", "train")
    assert "0 Active (0 Ready) / 0 Succeeded / 1 Failed" in described
    assert kubectl("logs", "job/train") == "no\n"


def test_a_suspended_job_has_no_pods_until_it_is_resumed(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=job("true", suspend=True))
    kubectl("wait", "--for=condition=Suspended", "job/train", "--timeout=60s")
    assert kubectl("get", "pods", "-o", "name") == ""
    kubectl("patch", "job", "train", "-p", '{"spec":{"suspend":false}}')
    kubectl("wait", "--for=condition=Complete", "job/train", "--timeout=60s")


def test_a_namespace_goes_with_everything_in_it(kubectl: Kubectl, pod: Pod) -> None:
    start(kubectl)
    kubectl("apply", "-f", "-", stdin=pod("web", "trap '' TERM; while true; do sleep 0.1; done"))
    kubectl("create", "configmap", "c", "--from-literal=a=1")
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")
    assert kubectl("get", "namespace", kubectl.namespace, "--no-headers").split()[1] == "Terminating"
    refused = kubectl.fails("create", "configmap", "late")
    assert "because it is being terminated" in refused
    kubectl("wait", "--for=delete", f"namespace/{kubectl.namespace}", "--timeout=60s")
    assert kubectl("get", "all,configmaps,secrets,serviceaccounts", "-o", "name") == ""


def test_a_finalizer_holds_a_namespace_and_its_conditions_say_so(kubectl: Kubectl) -> None:
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["test.seaway.dev/hold"]},
    }
    kubectl("create", "-f", "-", stdin=held)
    kubectl("delete", "namespace", kubectl.namespace, "--wait=false")
    wait_until(
        lambda: (
            "test.seaway.dev/hold in 1 resource instances"
            in kubectl("describe", "namespace", kubectl.namespace)
        )
    )
    kubectl(
        "patch", "configmap", "held", "--type=json", "-p", '[{"op":"remove","path":"/metadata/finalizers"}]'
    )
    kubectl("wait", "--for=delete", f"namespace/{kubectl.namespace}", "--timeout=60s")


def test_custom_resources_own_and_go_as_others(kubectl: Kubectl) -> None:
    """Defined, made, owner of another object, gone with its definition."""
    group = f"{kubectl.namespace}.example.com"
    properties = {"spec": {"type": "object", "properties": {"replicas": {"type": "integer", "default": 3}}}}
    version = {
        "name": "v1", "served": True, "storage": True, "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
    }  # fmt: skip
    names = {"plural": "boats", "singular": "boat", "kind": "Boat", "shortNames": ["bo"]}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"boats.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }  # fmt: skip
    kubectl("apply", "-f", "-", stdin=definition)
    kubectl("wait", "--for=condition=Established", f"crd/boats.{group}", "--timeout=60s")
    kubectl(
        "apply",
        "-f",
        "-",
        stdin={"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "b"}, "spec": {}},
    )
    boat = kubectl.json("get", f"boats.{group}", "b")
    assert boat["spec"] == {"replicas": 3}
    owner = {"apiVersion": f"{group}/v1", "kind": "Boat", "name": "b", "uid": boat["metadata"]["uid"]}
    cargo = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cargo", "ownerReferences": [owner]},
    }
    kubectl("apply", "-f", "-", stdin=cargo)
    kubectl("delete", f"boats.{group}", "b")
    kubectl("wait", "--for=delete", "configmap/cargo", "--timeout=60s")
    kubectl(
        "apply",
        "-f",
        "-",
        stdin={"apiVersion": f"{group}/v1", "kind": "Boat", "metadata": {"name": "c"}, "spec": {}},
    )
    kubectl("delete", "crd", f"boats.{group}", "--timeout=60s")
    assert "the server doesn't have a resource type" in kubectl.fails("get", f"boats.{group}")
