"""Autoscalers in both of their versions: what one says is read in the other, and what is wrong is refused alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.real

REFERENCE = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
NAMESPACE = "autoscaling"
VOLATILE = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "namespace")


def resource(name: str = "cpu", **target: Any) -> dict:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def external(selector: dict | None = None, **target: Any) -> dict:
    metric = {"name": "queue"} | ({"selector": selector} if selector else {})
    return {"type": "External", "external": {"metric": metric, "target": target}}


CPU = resource(type="Utilization", averageUtilization=50)
CONTAINER = {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "main", "target": {"type": "Utilization", "averageUtilization": 50}}}  # fmt: skip
OBJECT = {"type": "Object", "object": {"describedObject": REFERENCE, "metric": {"name": "hits"}, "target": {"type": "Value", "value": "1k"}}}  # fmt: skip
PODS = {"type": "Pods", "pods": {"metric": {"name": "hits"}, "target": {"type": "AverageValue", "averageValue": "10"}}}  # fmt: skip
POLICY = {"type": "Pods", "value": 1, "periodSeconds": 60}

SPECS = {
    "cpu": {"metrics": [CPU]},
    "nothing told": {},
    "by a queue": {"metrics": [external({"matchLabels": {"a": "b"}}, type="AverageValue", averageValue="5")]},
    "by all": {"metrics": [CPU, resource("memory", type="AverageValue", averageValue="1Gi"), CONTAINER, OBJECT, PODS]},
    "at a pace": {"metrics": [CPU], "behavior": {"scaleUp": {"policies": [POLICY]}, "scaleDown": {"stabilizationWindowSeconds": 0}}},
}  # fmt: skip
WRONG = {
    "no source": {"metrics": [{"type": "Resource"}]},
    "another source": {"metrics": [{**CPU, "type": "Pods"}]},
    "two sources": {"metrics": [CPU | {"pods": PODS["pods"]}]},
    "an unknown type": {"metrics": [{"type": "Weather"}]},
    "no type": {"metrics": [{"resource": CPU["resource"]}]},
    "no target": {"metrics": [resource(type="Utilization")]},
    "two targets": {"metrics": [resource(type="Utilization", averageUtilization=50, averageValue="1")]},
    "nothing at all": {"metrics": [resource(type="Utilization", averageUtilization=0)]},
    "less than nothing": {"metrics": [external(type="Value", value="-1")]},
    "both values": {"metrics": [external(type="Value", value="1", averageValue="1")]},
    "no container": {"metrics": [{"type": "ContainerResource", "containerResource": {"name": "cpu", "target": CPU["resource"]["target"]}}]},
    "no metric": {"metrics": [{"type": "External", "external": {"target": {"type": "Value", "value": "1"}}}]},
    "an odd metric": {"metrics": [{"type": "External", "external": {"metric": {"name": "a/b"}, "target": {"type": "Value", "value": "1"}}}]},
    "an odd kind of target": {"metrics": [external(type="Most", value="1")]},
    "odd policies": {"behavior": {"scaleUp": {"policies": [{"type": "Cats", "value": 0, "periodSeconds": 0}]}}},
    "too long": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": 3601, "selectPolicy": "Some", "policies": [POLICY | {"periodSeconds": 1801}]}}},
    "back in time": {"behavior": {"scaleDown": {"stabilizationWindowSeconds": -1, "tolerance": "-1"}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def wires(both: Any) -> tuple[Any, Any]:
    pair = (both.ours, both.theirs)
    for wire in pair:
        send(wire, "POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    return pair


def send(wire: Any, method: str, path: str, body: dict | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    return wire.send(method, path, {}, {"Content-Type": "application/json"}, data)


def path(version: str, name: str = "") -> str:
    return f"/apis/autoscaling/{version}/namespaces/{NAMESPACE}/horizontalpodautoscalers/{name}".rstrip("/")


def shown(answer: Any) -> dict:
    body = dict(answer.body)
    metadata = {k: v for k, v in body.get("metadata", {}).items() if k not in VOLATILE}
    notes = {key: said(json.loads(text)) for key, text in metadata.pop("annotations", {}).items()}
    return body | {"metadata": metadata | {"annotations": notes}}


def said(value: Any) -> Any:
    """Return what an annotation says, without what it leaves open."""
    if isinstance(value, list):
        return [said(item) for item in value]
    return {k: said(v) for k, v in value.items() if v is not None} if isinstance(value, dict) else value


@pytest.mark.parametrize("name", SPECS)
def test_each_version_reads_the_other(wires: tuple[Any, Any], name: str) -> None:
    found = []
    for wire in wires:
        own = name.replace(" ", "-")
        spec = {"maxReplicas": 3, "scaleTargetRef": REFERENCE, **SPECS[name]}
        made = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": own}, "spec": spec}  # fmt: skip
        assert send(wire, "POST", path("v2"), made).status == 201
        older = send(wire, "GET", path("v1", own))
        copied = {k: v for k, v in older.body.items() if k != "status"}
        copied["metadata"] = {
            "name": f"{own}-too",
            "annotations": older.body["metadata"].get("annotations") or {},
        }
        again = send(wire, "POST", path("v1"), copied)
        found.append(
            [shown(answer) for answer in (older, again, send(wire, "GET", path("v2", f"{own}-too")))]
        )
    ours, theirs = found
    assert ours == theirs


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_alike(wires: tuple[Any, Any], name: str) -> None:
    spec = {"maxReplicas": 3, "scaleTargetRef": REFERENCE, **WRONG[name]}
    made = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "wrong"}, "spec": spec}  # fmt: skip
    ours, theirs = (send(wire, "POST", path("v2"), made) for wire in wires)
    assert ours.status == theirs.status == 422
    faults = [
        sorted((c["field"], c["message"]) for c in answer.body["details"]["causes"])
        for answer in (ours, theirs)
    ]
    assert faults[0] == faults[1]
