"""Claims through kubectl: bound with the first pod, kept over pods, grown, given up; and who makes room for whom."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]


def claim(name: str, size: str = "10Mi", **more: Any) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}} | more
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def mounted(claim_name: str, **more: Any) -> Object:
    source = {"claimName": claim_name} | more
    return {"volumes": [{"name": "data", "persistentVolumeClaim": source}]}


def at(path: str, **more: Any) -> Object:
    return {"volumeMounts": [{"name": "data", "mountPath": path} | more]}


def test_data_outlive_their_pods(kubectl: Kubectl, pod: Pod) -> None:
    assert "standard (default)" in kubectl("get", "storageclass")
    kubectl("apply", "-f", "-", stdin=claim("data"))
    assert kubectl("get", "pvc", "data", "--no-headers").split()[1] == "Pending"
    wait_until(lambda: "waiting for first consumer" in kubectl("describe", "pvc", "data"), "the event")
    writer = pod("writer", "echo kept > /data/inner/file", container=at("/data"), **mounted("data"))
    writer["spec"]["containers"][0]["volumeMounts"].append(
        {"name": "data", "mountPath": "/data/inner", "subPath": "sub"}
    )
    kubectl("apply", "-f", "-", stdin=writer)
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s")
    assert kubectl("get", "pvc", "data", "--no-headers").split()[1] == "Bound"
    script = "cat /data/sub/file; echo more >> /data/sub/file || echo refused"
    reader = pod("reader", script, container=at("/data"), **mounted("data", readOnly=True))
    kubectl("apply", "-f", "-", stdin=reader)
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=60s")
    lines = kubectl("logs", "reader").splitlines()
    assert {"kept", "refused"} <= set(lines)
    patch = json.dumps({"spec": {"resources": {"requests": {"storage": "20Mi"}}}})
    kubectl("patch", "pvc", "data", "-p", patch)
    kubectl("wait", "--for=jsonpath={.status.capacity.storage}=20Mi", "pvc/data", "--timeout=60s")
    kubectl(
        "wait", "--for=jsonpath={.metadata.annotations.seaway\\.dev/used-files}", "pvc/data", "--timeout=60s"
    )
    wait_until(lambda: "of 20Mi" in kubectl("describe", "pvc", "data"), "what it holds, of its new size")
    volume = kubectl("get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}")
    kubectl("delete", "pvc", "data", "--wait=false")
    assert "Terminating" in kubectl("get", "pvc", "data", "--no-headers")
    kubectl("delete", "pod", "writer", "reader")
    kubectl("wait", "--for=delete", "pvc/data", f"pv/{volume}", "--timeout=60s")


def test_a_volume_that_is_retained_can_be_used_again(kubectl: Kubectl, pod: Pod) -> None:
    kubectl("apply", "-f", "-", stdin=claim("data", storageClassName="standard-immediate"))
    kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=60s")
    volume = kubectl("get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}")
    kubectl("patch", "pv", volume, "-p", '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}')
    kubectl("delete", "pvc", "data")
    kubectl("wait", "--for=jsonpath={.status.phase}=Released", f"pv/{volume}", "--timeout=60s")
    kubectl("patch", "pv", volume, "--type=json", "-p", '[{"op":"remove","path":"/spec/claimRef"}]')
    kubectl("wait", "--for=jsonpath={.status.phase}=Available", f"pv/{volume}", "--timeout=60s")
    again = claim("again", storageClassName="standard-immediate", volumeName=volume)
    kubectl("apply", "-f", "-", stdin=again)
    kubectl("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/again", "--timeout=60s")
    kubectl("delete", "pvc", "again")
    kubectl("delete", "pv", volume)


def test_an_ephemeral_volume_is_the_pods_own(kubectl: Kubectl, pod: Pod) -> None:
    template = {"spec": claim("x")["spec"]}
    volumes = [{"name": "data", "ephemeral": {"volumeClaimTemplate": template}}]
    kubectl(
        "apply",
        "-f",
        "-",
        stdin=pod("scratch", "touch /data/x; ls /data", container=at("/data"), volumes=volumes),
    )
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/scratch", "--timeout=60s")
    assert kubectl("logs", "scratch") == "x\n"
    assert kubectl("get", "pvc", "scratch-data", "--no-headers").split()[1] == "Bound"
    kubectl("delete", "pod", "scratch")
    kubectl("wait", "--for=delete", "pvc/scratch-data", "--timeout=60s")


@pytest.fixture
def important(kubectl: Kubectl) -> Iterator[str]:
    name = "important-tests"
    made = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": 1000,
    }
    kubectl("apply", "-f", "-", stdin=made)
    yield name
    kubectl("delete", "priorityclass", name)


def test_a_pod_of_low_priority_makes_room(kubectl: Kubectl, pod: Pod, important: str) -> None:
    cpus = int(kubectl("get", "node", "node-1", "-o", "jsonpath={.status.allocatable.cpu}"))
    most = {"resources": {"requests": {"cpu": f"{cpus * 1000 - 500}m"}}}
    kubectl("apply", "-f", "-", stdin=pod("low", "trap 'exit 0' TERM; sleep 1000 & wait", container=most))
    kubectl("wait", "--for=condition=Ready", "pod/low", "--timeout=60s")
    kubectl("apply", "-f", "-", stdin=pod("equal", "true", container=most))
    wait_until(lambda: "No preemption victims found for incoming pod." in kubectl("describe", "pod", "equal"))
    kubectl("delete", "pod", "equal")
    high = pod("high", "true", container=most, priorityClassName=important)
    kubectl("apply", "-f", "-", stdin=high)
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/high", "--timeout=60s")
    events = kubectl.until(
        "event/", "get", "events", "--field-selector=reason=Preempted,involvedObject.name=low", "-o", "name"
    )
    assert len(events.splitlines()) == 1
