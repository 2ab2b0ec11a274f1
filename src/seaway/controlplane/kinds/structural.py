"""The rules that make a custom resource's schema structural.

Source: "Specifying a structural schema" of the Kubernetes documentation.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.rule_faults import rule_faults
from seaway.controlplane.kinds.schemas import components
from seaway.objects.errors import Cause
from seaway.objects.schema import Schema

TYPES = ("array", "boolean", "integer", "number", "object", "string")
LIST_TYPES = ("atomic", "set", "map")
MAP_TYPES = ("atomic", "granular")
_JUNCTIONS = ("allOf", "anyOf", "oneOf")
_ONLY_STRUCTURAL = (
    "type", "additionalProperties", "default", "title", "description", "nullable", "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource",
)  # fmt: skip
"""What may not stand below allOf, anyOf, oneOf and not."""
_NEVER = ("$ref", "definitions", "dependencies", "patternProperties", "id", "$schema", "additionalItems")
_METADATA_PARTS = {"name", "generateName"}


def structural_faults(schema: Object, field: str) -> list[Cause]:
    """Return the faults of the schema of one version.

    Args:
        schema: `openAPIV3Schema`.
        field: its path.
    """
    if not schema.get("type"):
        return [required(f"{field}.type", "must not be empty at the root")]
    if schema["type"] != "object":
        return [invalid(f"{field}.type", schema["type"], "must be object at the root")]
    wrong = _type_faults(schema, field)
    if wrong:
        return wrong
    faults = _faults(schema, field)
    metadata = (schema.get("properties") or {}).get("metadata") or {}
    if set(metadata.get("properties") or ()) - _METADATA_PARTS:
        detail = (
            "must not specify anything other than name and generateName, but metadata is implicitly specified"
        )
        faults.append(forbidden(f"{field}.properties[metadata]", detail))
    return faults or _default_faults(schema, field) + rule_faults(schema, field)


@cache
def _schema_of_schemas() -> Schema:
    name = next(name for name in components() if name.endswith(".JSONSchemaProps"))
    return Schema.from_openapi(components()[name], components())


def _type_faults(schema: Object, field: str) -> list[Cause]:
    """Return wrong types below `items` and `additionalProperties`, which may also be something else than a schema."""
    faults: list[Cause] = []
    for name, other in (("items", list), ("additionalProperties", bool)):
        child, at = schema.get(name), f"{field}.{name}"
        if isinstance(child, dict):
            faults += _schema_of_schemas().validate(child, at) or _type_faults(child, at)
        elif child is not None and not isinstance(child, other):
            faults.append(invalid(at, child, "must be a schema"))
    below = [(f"properties[{name}]", child) for name, child in (schema.get("properties") or {}).items()]
    below += [(f"{j}[{index}]", child) for j in _JUNCTIONS for index, child in enumerate(schema.get(j) or ())]
    below += [("not", schema["not"])] if "not" in schema else []
    for name, child in below:
        at = f"{field}.{name}"
        faults += (
            _type_faults(child, at) if isinstance(child, dict) else [invalid(at, child, "must be a schema")]
        )
    return faults


def _faults(schema: Object, field: str) -> list[Cause]:
    faults = _own_faults(schema, field)
    for name, child in (schema.get("properties") or {}).items():
        at = f"{field}.properties[{name}]"
        faults += _typed(child, at, "must not be empty for specified object fields") + _faults(child, at)
    items, additional = schema.get("items"), schema.get("additionalProperties")
    if isinstance(items, dict):
        at = f"{field}.items"
        faults += _typed(items, at, "must not be empty for specified array items") + _faults(items, at)
    if isinstance(additional, dict):
        at = f"{field}.additionalProperties"
        faults += _typed(additional, at, "must not be empty for specified object fields") + _faults(
            additional, at
        )
    for name in (*_JUNCTIONS, "not"):
        branches = schema.get(name) if name != "not" else [schema["not"]] if "not" in schema else []
        for index, branch in enumerate(branches or ()):
            at = f"{field}.{name}[{index}]" if name != "not" else f"{field}.not"
            faults += _junction_faults(branch, at, loose=bool(schema.get("x-kubernetes-int-or-string")))
    return faults


def _own_faults(schema: Object, field: str) -> list[Cause]:
    faults = [forbidden(f"{field}.{name}", f"{name} is not supported") for name in _NEVER if schema.get(name)]
    kind = schema.get("type")
    if kind and kind not in TYPES:
        faults.append(unsupported(f"{field}.type", kind, TYPES))
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        faults.append(forbidden(f"{field}.uniqueItems", detail))
    if schema.get("properties") and schema.get("additionalProperties"):
        detail = "additionalProperties and properties are mutual exclusive"
        faults.append(forbidden(f"{field}.additionalProperties", detail))
    if schema.get("additionalProperties") is False:
        faults.append(
            forbidden(f"{field}.additionalProperties", "additionalProperties cannot be set to false")
        )
    if kind == "array" and not isinstance(schema.get("items"), dict):
        faults.append(required(f"{field}.items", "must be specified"))
    if isinstance(schema.get("items"), list):
        faults.append(forbidden(f"{field}.items", "items must be a schema object and not an array"))
    if pattern := schema.get("pattern"):
        try:
            re.compile(pattern)
        except re.error as error:
            faults.append(
                invalid(
                    f"{field}.pattern", pattern, f"must be a valid regular expression, but isn't: {error}"
                )
            )
    if schema.get("x-kubernetes-embedded-resource") and kind != "object":
        faults.append(
            invalid(f"{field}.type", kind or "", "must be object if x-kubernetes-embedded-resource is true")
        )
    return faults + _list_faults(schema, field)


def _list_faults(schema: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    listed, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    mapped = schema.get("x-kubernetes-map-type")
    if listed is not None and listed not in LIST_TYPES:
        faults.append(unsupported(f"{field}.x-kubernetes-list-type", listed, LIST_TYPES))
    if listed == "map" and not keys:
        detail = "must not be empty if x-kubernetes-list-type is map"
        faults.append(required(f"{field}.x-kubernetes-list-map-keys", detail))
    if keys and listed != "map":
        detail = "must be map if x-kubernetes-list-map-keys is non-empty"
        faults.append(invalid(f"{field}.x-kubernetes-list-type", listed or "", detail))
    if mapped is not None and mapped not in MAP_TYPES:
        faults.append(unsupported(f"{field}.x-kubernetes-map-type", mapped, MAP_TYPES))
    item: Any = schema.get("items")
    if listed == "map" and isinstance(item, dict):
        for key in keys:
            part = (item.get("properties") or {}).get(key)
            if part is None:
                detail = "entries must all be names of item properties"
                faults.append(invalid(f"{field}.x-kubernetes-list-map-keys", key, detail))
            elif key not in (item.get("required") or ()) and "default" not in part:
                detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
                faults.append(required(f"{field}.items.properties[{key}].default", detail))
    return faults


def _typed(schema: Object, field: str, detail: str) -> list[Cause]:
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    return [] if schema.get("type") or free else [required(f"{field}.type", detail)]


def _junction_faults(schema: Object, field: str, *, loose: bool) -> list[Cause]:
    faults = [
        forbidden(f"{field}.{name}", "must be empty to be structural")
        for name in _ONLY_STRUCTURAL
        if schema.get(name) and not (name == "type" and loose)
    ]
    for name, child in (schema.get("properties") or {}).items():
        faults += _junction_faults(child, f"{field}.properties[{name}]", loose=False)
    if isinstance(schema.get("items"), dict):
        faults += _junction_faults(schema["items"], f"{field}.items", loose=False)
    return faults


def _default_faults(schema: Object, field: str) -> list[Cause]:
    """Return the faults of defaults that break their own schema."""
    faults: list[Cause] = []
    if schema.get("default") is not None:
        plain = Schema.from_crd({"type": "object"}, Schema.from_openapi({}, {})).alternative(schema)
        faults += plain.validate(schema["default"], f"{field}.default")
    for name, child in (schema.get("properties") or {}).items():
        faults += _default_faults(child, f"{field}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            faults += _default_faults(schema[name], f"{field}.{name}")
    return faults
