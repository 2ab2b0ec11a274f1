"""The structure of the built-in kinds, read once from package data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

import orjson

from seaway.controlplane.kinds.component_file import Component, ComponentFile
from seaway.objects.resource import Resource
from seaway.objects.schema import Schema

_COMPILED: dict[str, Schema] = {}
"""What several kinds refer to, once: a pod's spec is part of every workload."""
_IDENTITY = "x-kubernetes-group-version-kind"


class _GoComponents(Mapping[str, Component]):
    """Components with what Kubernetes' Go types add, each put together when it is looked at."""

    def __init__(self, plain: Mapping[str, Component], fields: Mapping[str, dict[str, str]]) -> None:
        self._plain, self._fields = plain, fields

    def __getitem__(self, name: str) -> Component:
        plain = self._plain[name]
        fields = self._fields.get(name)
        if fields is None:
            return plain
        *_, package, kind = name.split(".")
        return {**plain, "x-go-name": f"{package}.{kind}", "x-go-fields": fields}

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)


@cache
def components() -> ComponentFile:
    """Return the component schemas of all built-in kinds, by OpenAPI name. Shared: do not change."""
    return ComponentFile(_data("openapi.json"))


@cache
def decoded_components() -> Mapping[str, Component]:
    """Return the same with what Kubernetes' Go types add: `x-go-name` and, by field, `x-go-fields`."""
    return _GoComponents(components(), ComponentFile(_data("go_fields.json")))


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
        for name, schema in components().with_word(_IDENTITY)
        for kind in schema.get(_IDENTITY, ())
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
