"""A small Pod-like kind whose lists and maps merge in every way that Kubernetes knows."""

from __future__ import annotations

import pytest

from seaway.objects.schema import Schema

_REF = "#/components/schemas/"


def _array(items, **extensions):
    return {
        "type": "array",
        "items": items,
        **{f"x-kubernetes-{name.replace('_', '-')}": value for name, value in extensions.items()},
    }


_STRING, _INTEGER = {"type": "string"}, {"type": "integer", "format": "int32"}
_LABELS = {"type": "object", "additionalProperties": _STRING}
_BY_NAME = {
    "list_type": "map",
    "list_map_keys": ["name"],
    "patch_strategy": "merge",
    "patch_merge_key": "name",
}
COMPONENTS = {
    "Meta": {"type": "object", "properties": {
        "name": _STRING, "labels": _LABELS, "finalizers": _array(_STRING, list_type="set", patch_strategy="merge"),
        "managedFields": _array({"type": "object", "properties": {"fieldsV1": {"type": "object"}}}, list_type="atomic"),
    }},
    "Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "Port": {"type": "object", "required": ["containerPort"], "properties": {
        "containerPort": _INTEGER, "protocol": {"type": "string", "default": "TCP"}, "name": _STRING,
    }},
    "Container": {"type": "object", "required": ["name"], "properties": {
        "name": _STRING, "image": _STRING, "args": _array(_STRING, list_type="atomic"),
        "env": _array({"type": "object", "properties": {"name": _STRING, "value": _STRING}}, **_BY_NAME),
        "ports": _array({"$ref": _REF + "Port"}, list_type="map", list_map_keys=["containerPort", "protocol"],
                        patch_strategy="merge", patch_merge_key="containerPort"),
        "limits": {"type": "object", "additionalProperties": {"$ref": _REF + "Quantity"}},
    }},
    "Volume": {"type": "object", "properties": {
        "name": _STRING, "emptyDir": {"type": "object", "properties": {"medium": _STRING}},
        "hostPath": {"type": "object", "properties": {"path": _STRING}},
    }},
    "Spec": {"type": "object", "required": ["containers"], "properties": {
        "containers": _array({"$ref": _REF + "Container"}, **_BY_NAME),
        "volumes": _array({"$ref": _REF + "Volume"}, **_BY_NAME | {"patch_strategy": "merge,retainKeys"}),
        "nodeSelector": {**_LABELS, "x-kubernetes-map-type": "atomic"},
        "tolerations": _array({"type": "object", "properties": {"key": _STRING}}, list_type="atomic"),
        "port": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
        "template": {"allOf": [{"$ref": _REF + "Pod"}], "default": {}},
        "free": {"type": "object"},
    }},
    "Pod": {"type": "object", "properties": {
        "apiVersion": _STRING, "kind": _STRING, "metadata": {"$ref": _REF + "Meta"}, "spec": {"$ref": _REF + "Spec"},
        "status": {"type": "object", "properties": {"phase": _STRING}},
    }},
}  # fmt: skip


@pytest.fixture(scope="session")
def schema():
    """The kind's schema. It is recursive: a spec holds a template of the whole."""
    return Schema.from_openapi(COMPONENTS["Pod"], COMPONENTS)


@pytest.fixture(scope="session")
def metadata_schema():
    """The schema of the kind's metadata."""
    return Schema.from_openapi(COMPONENTS["Meta"], COMPONENTS)
