"""What of a Kubernetes object is kept: everything but values that may be secret, and what only machines read. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

Object = dict[str, Any]
_SHOWN = ("SEAWAY_RUN", "SEAWAY_TASK", "SEAWAY_ATTEMPT", "SEAWAY_FENCE")
_HIDDEN = "(not kept)"
_LONG = ("command", "args")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Repeats the whole manifest, with all values in it."""
_PASSING = ("lastHeartbeatTime", "lastProbeTime", "lastUpdateTime")
"""Times that change although nothing does."""


def whole_pod(pod: Mapping[str, Any]) -> Object:
    """Return a pod as its first revision is kept: without values of variables and without managed fields."""
    return {
        "metadata": _metadata(pod),
        "spec": _redacted(pod.get("spec") or {}),
        "status": pod.get("status") or {},
    }


def whole_object(obj: Mapping[str, Any]) -> Object:
    """Return any other object as it is kept: pod templates in it as pods are."""
    kept = {key: _redacted(value) for key, value in obj.items() if key in ("spec", "status")}
    return {"metadata": _metadata(obj), **kept}


def changing_part(pod: Mapping[str, Any]) -> Object:
    """Return what of a pod changes: all that its later revisions need to say."""
    metadata = pod["metadata"]
    kept = ("name", "uid", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "finalizers")
    return {
        "metadata": {key: metadata[key] for key in kept if key in metadata},
        "spec": {"nodeName": (pod.get("spec") or {}).get("nodeName")},
        "status": pod.get("status") or {},
    }


def signature(kind: str, obj: Mapping[str, Any]) -> str:
    """Return what is the same of two revisions, and only then, where one says nothing that the other did not."""
    signs: Any = {"Pod": _pod_signs, "Node": _node_signs}.get(kind, _signs)(obj)
    return hashlib.sha1(orjson.dumps(signs), usedforsecurity=False).hexdigest()


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


def kept_event(event: Mapping[str, Any]) -> Object:
    """Return what of an event is kept."""
    kept = {k: v for k, v in event.items() if k not in ("metadata", "kind", "apiVersion")}
    metadata = event["metadata"]
    return {
        "metadata": {k: metadata[k] for k in ("name", "uid", "creationTimestamp") if k in metadata},
        **kept,
    }


def _metadata(obj: Mapping[str, Any]) -> Object:
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    if _APPLIED in (metadata.get("annotations") or {}):
        metadata["annotations"] = {**metadata["annotations"], _APPLIED: _HIDDEN}
    return metadata


def _redacted(value: Any) -> Any:
    """Return a value whose containers say no values of variables and no command."""
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: [_container(container) for container in part]
        if key in _CONTAINERS and isinstance(part, list)
        else _redacted(part)
        for key, part in value.items()
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
    status = _steady(pod.get("status"))
    return (
        status,
        spec.get("nodeName"),
        [metadata.get(key) for key in ("deletionTimestamp", "finalizers", "labels")],
        [(c.get("name"), c.get("image"), c.get("resources")) for c in spec.get("containers") or ()],
    )


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


def _signs(obj: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = obj["metadata"]
    marks = [metadata.get(key) for key in ("deletionTimestamp", "finalizers", "labels", "ownerReferences")]
    return obj.get("spec"), _steady(obj.get("status")), marks


def _steady(value: Any) -> Any:
    """Return a value without the times that pass by themselves."""
    if isinstance(value, list):
        return [_steady(item) for item in value]
    if isinstance(value, dict):
        return {key: _steady(item) for key, item in value.items() if key not in _PASSING}
    return value
