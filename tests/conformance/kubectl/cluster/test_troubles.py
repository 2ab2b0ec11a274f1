"""Pods that cannot run: kubectl shows the state and the reason that it shows on a real cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
Pod = Callable[..., Object]

_GONE = {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "a"}}}]}
_ROOM = "import time; held = bytearray(300 << 20); time.sleep(1000)"
_LARGE = {"command": ["python", "-c", _ROOM], "resources": {"limits": {"memory": "64Mi"}}}
_UNMOUNTED = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
_VOLUME = {"volumes": [{"name": "v", "configMap": {"name": "gone"}}]}
_FIRST = {"initContainers": [{"name": "first", "image": "python:3.12", "command": ["false"]}]}
_SSD = {"nodeSelector": {"disk": "ssd"}}
_WIDE = {"resources": {"requests": {"cpu": "4000"}}}
_GPU = {"resources": {"limits": {"example.com/gpu": "1"}}}


@pytest.mark.parametrize(
    ("container", "spec", "status", "words"),
    [
        ({"image": "no/such:1"}, {}, "ImagePullBackOff", 'Failed to pull image "no/such:1"'),
        ({"image": "no/such:1"}, {}, "ImagePullBackOff", 'Back-off pulling image "no/such:1"'),
        (_GONE, {}, "CreateContainerConfigError", 'Error: secret "gone" not found'),
        ({"command": ["false"]}, {"restartPolicy": "Always"}, "CrashLoopBackOff", "Back-off restarting failed container main"),
        ({"command": ["false"]}, {}, "Error", "Exit Code:    1"),
        (_LARGE, {}, "OOMKilled", "Exit Code:    137"),
        ({"command": ["no-such-command"]}, {}, "StartError", '"no-such-command": executable file not found in $PATH'),
        (_UNMOUNTED, _VOLUME, "ContainerCreating", 'MountVolume.SetUp failed for volume "v" : configmap "gone" not found'),
        ({}, _FIRST, "Init:Error", "Started container first"),
        ({}, _SSD, "Pending", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
        (_WIDE, {}, "Pending", "0/1 nodes are available: 1 Insufficient cpu."),
        (_GPU, {}, "Pending", "0/1 nodes are available: 1 Insufficient example.com/gpu."),
    ],
    ids=[
        "image: pull", "image: back-off", "secret", "crash loop", "error", "memory", "command", "volume", "init",
        "selector", "cpu", "extended resource",
    ],
)  # fmt: skip
def test_trouble_is_shown(
    kubectl: Kubectl, pod: Pod, container: Object, spec: Object, status: str, words: str
) -> None:
    kubectl("apply", "-f", "-", stdin=pod("web", "sleep 1000", container=container, **spec))
    wait_until(lambda: kubectl("get", "pod", "web", "--no-headers").split()[2] == status)
    wait_until(lambda: words in kubectl("describe", "pod", "web"))


def test_a_pod_that_waited_starts_when_what_it_lacked_is_there(kubectl: Kubectl, pod: Pod) -> None:
    kubectl("apply", "-f", "-", stdin=pod("web", 'echo "$A"', container=_GONE))
    wait_until(lambda: "CreateContainerConfigError" in kubectl("get", "pod", "web"))
    kubectl("create", "secret", "generic", "gone", "--from-literal=a=here")
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/web", "--timeout=60s")
    assert kubectl("logs", "web") == "here\n"
