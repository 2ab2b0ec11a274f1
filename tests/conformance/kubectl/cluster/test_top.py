"""kubectl top: what containers really use."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.kubectl

Kubectl = Any
Object = dict[str, Any]


def millis(cell: str) -> int:
    return int(cell.removesuffix("m"))


def test_top_shows_who_works(each_kubectl: Kubectl, pod: Callable[..., Object]) -> None:
    kubectl = each_kubectl
    kubectl("create", "-f", "-", stdin=pod("busy", "while true; do sleep 0.01; done"))
    kubectl("create", "-f", "-", stdin=pod("idle", "sleep 1000"))
    kubectl("wait", "--for=condition=Ready", "pod/busy", "pod/idle", "--timeout=60s")
    header, *_ = kubectl("top", "pods", "--sort-by=cpu").splitlines()
    assert header.split() == ["NAME", "CPU(cores)", "MEMORY(bytes)"]

    def shown() -> list[tuple[str, int]]:
        rows = kubectl("top", "pods", "--sort-by=cpu", "--no-headers").splitlines()
        return [(row.split()[0], millis(row.split()[1])) for row in rows]

    # what its own start took of the CPU is soon outshone
    (busy, _), (idle, _) = wait_until(shown, "who works", check=lambda rows: rows[0][1] > 10 > rows[1][1])
    assert (busy, idle) == ("busy", "idle")
    (row,) = kubectl("top", "pod", "-l", "app=busy", "--containers", "--no-headers").splitlines()
    assert row.split()[:2] == ["busy", "main"]
    assert kubectl("top", "pod", "idle", "--no-headers").split()[0] == "idle"
    assert kubectl("top", "nodes", "--no-headers").split()[0] == "node-1"


def test_the_window_is_true(kubectl: Kubectl, pod: Callable[..., Object]) -> None:
    kubectl("create", "-f", "-", stdin=pod("busy", "while true; do sleep 0.01; done"))
    kubectl("wait", "--for=condition=Ready", "pod/busy", "--timeout=60s")
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{kubectl.namespace}/pods/busy"
    measured = json.loads(kubectl("get", "--raw", path))
    assert (measured["kind"], measured["metadata"]["labels"]) == ("PodMetrics", {"app": "busy"})
    assert 0.5 <= float(measured["window"].removesuffix("s")) <= 61
    assert measured["containers"][0]["usage"]["cpu"].endswith("n")
    assert "nodes" in kubectl("api-resources", "--api-group=metrics.k8s.io", "-o", "name")


def test_what_nobody_measures_is_not_found(kubectl: Kubectl) -> None:
    answer = kubectl.try_("top", "pod", "nobody")
    assert answer.code != 0
    assert "NotFound" in answer.err


def test_an_external_metric_is_a_config_map_with_a_label(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "load", "--from-literal=queue=1500m")
    path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{kubectl.namespace}/queue"
    assert json.loads(kubectl("get", "--raw", path))["items"] == []
    kubectl("label", "configmap", "load", "seaway.dev/external-metrics=true", "team=a")
    (item,) = json.loads(kubectl("get", "--raw", f"{path}?labelSelector=team%3Da"))["items"]
    assert (item["metricName"], item["metricLabels"], item["value"]) == ("queue", {"team": "a"}, "1500m")
    assert json.loads(kubectl("get", "--raw", f"{path}?labelSelector=team%3Db"))["items"] == []
    kubectl("patch", "configmap", "load", "-p", '{"data": {"queue": "many"}}')
    answer = kubectl.try_("get", "--raw", path)
    assert answer.code != 0
    assert 'configmaps "load": data[queue]' in answer.err
