"""Workloads and pods as values, for the tables."""

from __future__ import annotations

from typing import Any

from seaway.base.clock import rfc3339

NOW = 1_800_000_000.0
Object = dict[str, Any]
LABELS = {"app": "web"}
TEMPLATE: Object = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "main", "image": "python"}]},
}


def template(image: str) -> Object:
    return {**TEMPLATE, "spec": {"containers": [{"name": "main", "image": image}]}}


def workload(kind: str, name: str = "web", *, status: Object | None = None, **spec: Any) -> Object:
    """Return a stored workload of the apps group."""
    spec = {"replicas": 3, "selector": {"matchLabels": LABELS}, "template": TEMPLATE, **spec}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "ns", "uid": f"uid-{name}", "generation": 1},
        "spec": spec,
        "status": status or {},
    }


def pod(
    name: str,
    phase: str = "Running",
    *,
    ready: float | None = 100.0,
    node: str = "n",
    going: bool = False,
    age: float = 200.0,
    restarts: int = 0,
    labels: dict[str, str] | None = None,
    **metadata: Any,
) -> Object:
    """Return a pod; `ready` is for how many seconds it is, None for not."""
    metadata = {
        "name": name,
        "namespace": "ns",
        "uid": f"uid-{name}",
        "creationTimestamp": rfc3339(NOW - age),
        "labels": LABELS | (labels or {}),
        **metadata,
    }
    if going:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    status: Object = {"phase": phase, "containerStatuses": [{"restartCount": restarts}]}
    if ready is not None and phase == "Running":
        status["conditions"] = [
            {"type": "Ready", "status": "True", "lastTransitionTime": rfc3339(NOW - ready)}
        ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": node} if node else {},
        "status": status,
    }


def names(objects: list[Object]) -> list[str]:
    return [one["metadata"]["name"] for one in objects]


def reasons(status: Object) -> dict[str, tuple[str, str]]:
    """Return conditions as type: (status, reason)."""
    return {c["type"]: (c["status"], c["reason"]) for c in status.get("conditions") or ()}
