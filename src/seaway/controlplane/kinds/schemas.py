"""The structure of the built-in kinds, read once from package data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

import orjson

from seaway.objects.resource import Resource
from seaway.objects.schema import Schema

Component = dict[str, Any]
_COMPILED: dict[str, Schema] = {}
"""What several kinds refer to, once: a pod's spec is part of every workload."""


@cache
def components() -> Mapping[str, Component]:
    """Return the component schemas of all built-in kinds, by OpenAPI name. Shared: do not change."""
    loaded: dict[str, Component] = orjson.loads(_data("openapi.json"))
    return loaded


@cache
def decoded_components() -> Mapping[str, Component]:
    """Return the same with what Kubernetes' Go types add: `x-go-name` and, by field, `x-go-fields`."""
    declared: dict[str, dict[str, str]] = orjson.loads(_data("go_fields.json"))
    return {name: schema | _go(name, declared.get(name)) for name, schema in components().items()}


def _go(name: str, fields: dict[str, str] | None) -> Component:
    *_, package, kind = name.split(".")
    return {"x-go-name": f"{package}.{kind}", "x-go-fields": fields} if fields is not None else {}


@cache
def descriptions() -> Mapping[str, str]:
    """Return our descriptions, by "Kind" or "Component.field"."""
    loaded: dict[str, str] = orjson.loads(_data("descriptions.json"))
    return loaded


@cache
def component_names() -> Mapping[tuple[str, str, str], str]:
    """Return the OpenAPI name of each (group, version, kind)."""
    return {
        (kind["group"], kind["version"], kind["kind"]): name
        for name, schema in components().items()
        for kind in schema.get("x-kubernetes-group-version-kind", ())
    }


def component_name(resource: Resource) -> str:
    """Return the OpenAPI name of a built-in resource's kind."""
    return component_names()[resource.group, resource.version, resource.kind]


def schema_of(resource: Resource) -> Schema:
    """Return the structure of a built-in resource's objects."""
    return Schema.from_openapi(
        decoded_components()[component_name(resource)], decoded_components(), _COMPILED
    )


def _data(name: str) -> bytes:
    return (resources.files(__package__) / name).read_bytes()
