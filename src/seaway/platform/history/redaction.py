"""What of a Kubernetes object is kept: everything but values that may be secret, and what only machines read. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
_SHOWN = ("SEAWAY_RUN", "SEAWAY_TASK", "SEAWAY_ATTEMPT", "SEAWAY_FENCE")
_HIDDEN = "(not kept)"
_LONG = ("command", "args")


def whole_pod(pod: Mapping[str, Any]) -> Object:
    """Return a pod as its first revision is kept: without values of variables and without managed fields."""
    metadata = {k: v for k, v in pod["metadata"].items() if k != "managedFields"}
    spec = dict(pod.get("spec") or {})
    for group in ("initContainers", "containers"):
        if group in spec:
            spec[group] = [_container(container) for container in spec[group]]
    return {"metadata": metadata, "spec": spec, "status": pod.get("status") or {}}


def changing_part(pod: Mapping[str, Any]) -> Object:
    """Return what of a pod changes: all that its later revisions need to say."""
    metadata = pod["metadata"]
    kept = ("name", "uid", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers")
    return {
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"nodeName": (pod.get("spec") or {}).get("nodeName")},
        "status": pod.get("status") or {},
    }


def pod_differs(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether a pod's revision says anything that the one before did not."""
    return _pod_signs(new) != _pod_signs(old)


def kept_node(node: Mapping[str, Any]) -> Object:
    """Return what of a node is kept."""
    metadata = {
        k: v
        for k, v in node["metadata"].items()
        if k in ("name", "uid", "resourceVersion", "labels", "deletionTimestamp")
    }
    status = node.get("status") or {}
    shown = ("conditions", "allocatable", "capacity", "nodeInfo")
    return {
        "metadata": metadata,
        "spec": node.get("spec") or {},
        "status": {k: status[k] for k in shown if k in status},
    }


def node_differs(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Return whether a node's revision is more than a heartbeat."""
    return _node_signs(new) != _node_signs(old)


def kept_event(event: Mapping[str, Any]) -> Object:
    """Return what of an event is kept."""
    kept = {k: v for k, v in event.items() if k not in ("metadata", "kind", "apiVersion")}
    metadata = event["metadata"]
    return {
        "metadata": {k: metadata[k] for k in ("name", "uid", "creationTimestamp") if k in metadata},
        **kept,
    }


def _container(container: Mapping[str, Any]) -> Object:
    kept = {key: value for key, value in container.items() if key not in _LONG}
    if "env" in kept:
        kept["env"] = [_variable(variable) for variable in kept["env"]]
    return kept


def _variable(variable: Mapping[str, Any]) -> Object:
    if "value" not in variable or variable["name"] in _SHOWN:
        return dict(variable)
    return {"name": variable["name"], "value": _HIDDEN}


def _pod_signs(pod: Mapping[str, Any]) -> tuple[Any, ...]:
    spec, metadata = pod.get("spec") or {}, pod["metadata"]
    return pod.get("status"), spec.get("nodeName"), metadata.get("deletionTimestamp")


def _node_signs(node: Mapping[str, Any]) -> tuple[Any, ...]:
    status, spec = node.get("status") or {}, node.get("spec") or {}
    conditions = [
        (c.get("type"), c.get("status"), c.get("reason"), c.get("message"))
        for c in status.get("conditions") or ()
    ]
    return (
        conditions,
        spec.get("taints"),
        spec.get("unschedulable"),
        status.get("allocatable"),
        status.get("capacity"),
    )
