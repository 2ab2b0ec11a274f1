"""Custom resource definitions as kinds: the same value as a built-in kind, made at run time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from seaway.controlplane.kinds.cells import AGE, NAME, since
from seaway.controlplane.kinds.declaration import Column, Kind, Object, Scale
from seaway.controlplane.kinds.jsonpath import find
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.rules import rule_causes, rules_of
from seaway.controlplane.kinds.schemas import decoded_components
from seaway.objects import names
from seaway.objects.errors import Cause
from seaway.objects.resource import Resource, version_order
from seaway.objects.schema import Schema

_AGE = replace(AGE, type="date")
"""As of a declared column: that of built-in kinds is a text."""
OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


def kinds_of(definition: Object) -> tuple[Kind, ...]:
    """Return one kind for each version of a CustomResourceDefinition, also of those that are not served.

    Args:
        definition: defaulted and valid.
    """
    spec = definition["spec"]
    stored = next(version["name"] for version in spec["versions"] if version.get("storage"))
    return tuple(_kind(spec, version, stored) for version in spec["versions"])


def resources_of(definition: Object) -> tuple[Resource, ...]:
    """Return the resources that a CustomResourceDefinition declares, one a version."""
    return tuple(_resource(definition["spec"], version) for version in definition["spec"]["versions"])


def _resource(spec: Object, version: Object) -> Resource:
    declared = spec["names"]
    return Resource(
        spec["group"],
        version["name"],
        declared["kind"],
        declared["plural"],
        namespaced=spec["scope"] == "Namespaced",
        singular=declared.get("singular") or declared["kind"].lower(),
        short_names=tuple(declared.get("shortNames") or ()),
        categories=tuple(declared.get("categories") or ()),
        subresources=frozenset(version.get("subresources") or {}) & {"status", "scale"},
    )


def _kind(spec: Object, version: Object, stored: str) -> Kind:
    resource = _resource(spec, version)
    structure = (version.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"}
    metadata = Schema.from_openapi(decoded_components()[OBJECT_META], decoded_components())
    schema = Schema.from_crd(structure, metadata)
    return Kind(
        resource,
        schema,
        structure=structure,
        default=schema.apply_defaults,
        validate=_validator(resource),
        validate_update=validate_metadata_update,
        rules=_rules(structure),
        prepare_create=_drop_status if "status" in resource.subresources else _keep,
        columns=_columns(version),
        field_labels=_selectable(version),
        has_status="status" in resource.subresources,
        served=bool(version.get("served")),
        deprecation=_deprecation(resource, version, spec["versions"]),
        storage_version=stored,
        scale=_scale(version),
        conditional_updates=True,
    )


def _deprecation(resource: Resource, version: Object, versions: Sequence[Object]) -> str:
    """Return what users of a version are told: its own warning, or which version to use instead, if one is preferred."""
    if not version.get("deprecated"):
        return ""
    if own := version.get("deprecationWarning"):
        return str(own)
    preferred = min(
        (v["name"] for v in versions if v.get("served") and not v.get("deprecated")), key=version_order, default=None
    )  # fmt: skip
    words = f"{resource.api_version} {resource.kind} is deprecated"
    if preferred is None or version_order(preferred) > version_order(resource.version):
        return words
    return f"{words}; use {resource.group}/{preferred} {resource.kind}"


def _validator(resource: Resource) -> Callable[[Object], list[Cause]]:
    def validate(obj: Object) -> list[Cause]:
        return validate_metadata(obj, namespaced=resource.namespaced, name_faults=names.dns_subdomain_faults)

    return validate


def _rules(structure: Object) -> Callable[..., tuple[Sequence[Cause], Sequence[str]]]:
    rules = rules_of(structure, root=True)

    def apply(new: Object, old: Object | None, known: list[Cause]) -> tuple[Sequence[Cause], Sequence[str]]:
        return ((), ()) if rules is None else rule_causes(rules, new, old, known)

    return apply


def _drop_status(obj: Object) -> None:
    obj.pop("status", None)


def _keep(_obj: Object) -> None: ...


def _scale(version: Object) -> Scale | None:
    declared = (version.get("subresources") or {}).get("scale")
    if not declared:
        return None
    return Scale(
        declared["specReplicasPath"], declared["statusReplicasPath"], declared.get("labelSelectorPath") or ""
    )


def _selectable(version: Object) -> Mapping[str, Callable[[Object], str]]:
    paths = [str(entry["jsonPath"]) for entry in version.get("selectableFields") or ()]
    return {path.removeprefix("."): _label(path) for path in paths}


def _label(path: str) -> Callable[[Object], str]:
    def label(obj: Object) -> str:
        found = find(path, obj)
        return _text(found[0]) if found else ""

    return label


def _columns(version: Object) -> tuple[Column, ...]:
    declared = version.get("additionalPrinterColumns") or ()
    return (NAME, *(_column(column) for column in declared)) if declared else (NAME, _AGE)


def _column(declared: Object) -> Column:
    path, kind = declared["jsonPath"], declared["type"]

    def cell(obj: Object, now: float) -> Any:
        found = find(path, obj)
        return _cell(found[0], kind, now) if found else None

    return Column(
        declared["name"],
        cell,
        type=kind,
        format=declared.get("format") or "",
        description=declared.get("description")
        or f"Custom resource definition column (in JSONPath format): {path}",
        priority=declared.get("priority") or 0,
    )


def _cell(value: Any, kind: str, now: float) -> Any:
    """Return a value as a cell of the declared type, None where it is of another."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "integer":
            return int(value) if number else None
        case "number":
            return value if number else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return since(value if isinstance(value, str) else None, now)
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
