"""Nodes and pods in one line each."""

from __future__ import annotations

import itertools
from typing import Any

import pytest


def make_node(name: str, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **more: Any) -> dict:
    """Return a node; `labels`, `taints`, `unschedulable` and further resources (`gpu`) by keyword."""
    allocatable = {"cpu": cpu, "memory": memory, "pods": pods}
    if gpu := more.pop("gpu", None):
        allocatable["nvidia.com/gpu"] = gpu
    labels = {"kubernetes.io/hostname": name, **more.pop("labels", {})}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": more,
        "status": {"allocatable": allocatable},
    }


_numbers = itertools.count()


def make_pod(
    name: str = "",
    namespace: str = "ns",
    labels: dict | None = None,
    requests: dict | None = None,
    **spec: Any,
) -> dict:
    """Return a pod with one container that requests so much; everything else of its spec by keyword."""
    name = name or f"pod-{next(_numbers)}"
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "labels": labels or {}}
    container = {"name": "main", "resources": {"requests": requests or {}}}
    if ports := spec.pop("host_ports", None):
        container["ports"] = [{"hostPort": port, "containerPort": port} for port in ports]
    return {"metadata": metadata, "spec": {"containers": [container], **spec}, "status": {}}


@pytest.fixture(scope="session")
def node():
    return make_node


@pytest.fixture(scope="session")
def pod():
    return make_pod
