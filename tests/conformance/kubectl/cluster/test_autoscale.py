"""kubectl autoscale, with every kubectl: those before 1.32 speak autoscaling/v1."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]
WORKS = "while true; do sleep 0.01; done"
"""Uses many times what is asked for, and leaves the machine to others."""


def deployment(script: str) -> Object:
    labels = {"app": "web"}
    container = {"name": "main", "image": "python:3.12", "command": ["sh", "-c", script], "resources": {"requests": {"cpu": "10m"}}}  # fmt: skip
    pod = {"containers": [container], "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.timeout(300)
def test_what_works_becomes_more(each_kubectl_at_once: list[Kubectl]) -> None:
    for kubectl in each_kubectl_at_once:
        kubectl("create", "-f", "-", stdin=deployment(WORKS))
    for kubectl in each_kubectl_at_once:
        kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=60s")
        kubectl("top", "pods", "-l", "app=web")  # from now on there is a window after its start
        said = kubectl("autoscale", "deployment", "web", "--min=1", "--max=2", "--cpu-percent=50")
        assert said == "horizontalpodautoscaler.autoscaling/web autoscaled\n"
    for kubectl in each_kubectl_at_once:
        becomes_more(kubectl)


def becomes_more(kubectl: Kubectl) -> None:
    kubectl("wait", "--for=jsonpath={.spec.replicas}=2", "deployment/web", "--timeout=90s")
    kubectl("wait", "--for=jsonpath={.status.desiredReplicas}=2", "hpa/web", "--timeout=60s")
    header, row = kubectl("get", "hpa", "web").splitlines()
    assert header.split()[:3] == ["NAME", "REFERENCE", "TARGETS"]
    assert row.split()[1] == "Deployment/web"
    told = "New size: 2; reason: cpu resource utilization (percentage of request) above target"
    kubectl.until(told, "describe", "hpa", "web")


def test_by_a_queue_whose_length_anybody_sets(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=deployment("sleep 1000"))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    external = {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    spec = {
        "scaleTargetRef": target,
        "maxReplicas": 3,
        "metrics": [{"type": "External", "external": external}],
    }
    autoscaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}  # fmt: skip
    kubectl("create", "-f", "-", stdin=autoscaler)
    kubectl("wait", "--for=condition=ScalingActive=false", "hpa/web", "--timeout=60s")
    (told,) = [
        condition["message"]
        for condition in json.loads(kubectl("get", "hpa", "web", "-o", "json"))["status"]["conditions"]
        if condition["reason"] == "FailedGetExternalMetric"
    ]
    assert "a ConfigMap with the label seaway.dev/external-metrics=true and the key queue" in told
    kubectl("create", "configmap", "load", "--from-literal=queue=25")
    kubectl("label", "configmap", "load", "seaway.dev/external-metrics=true")
    kubectl("wait", "--for=jsonpath={.spec.replicas}=3", "deployment/web", "--timeout=60s")


def test_an_autoscaler_of_nothing_says_so(kubectl: Kubectl) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3}
    autoscaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}, "spec": spec}  # fmt: skip
    kubectl("create", "-f", "-", stdin=autoscaler)
    kubectl("wait", "--for=condition=AbleToScale=false", "hpa/web", "--timeout=60s")
    kubectl.until('deployments.apps "nobody" not found', "describe", "hpa", "web")
