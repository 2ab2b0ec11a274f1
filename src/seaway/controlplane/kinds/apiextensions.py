"""apiextensions.k8s.io: custom resource definitions. What they define becomes kinds in `custom.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.kinds.cells import CREATED_AT, NAME, read
from seaway.controlplane.kinds.declaration import Kind, Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.jsonpath import compile_path
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.structural import structural_faults
from seaway.objects import meta, names
from seaway.objects.builtin import CUSTOM_RESOURCE_DEFINITIONS
from seaway.objects.errors import Cause

SCOPES = ("Cluster", "Namespaced")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_ONE_STORED = "must have exactly one version marked as storage version"
_BUILT_IN_GROUPS = ("k8s.io", "kubernetes.io")
_APPROVAL = "api-approved.kubernetes.io"


def default(definition: Object) -> None:
    """Fill in the names and the conversion that are left out."""
    spec = definition.get("spec")
    if not isinstance(spec, dict):
        return
    declared = spec.get("names")
    if isinstance(declared, dict) and isinstance(declared.get("kind"), str):
        declared["singular"] = declared.get("singular") or declared["kind"].lower()
        declared["listKind"] = declared.get("listKind") or f"{declared['kind']}List"
    spec["conversion"] = spec.get("conversion") or {"strategy": "None"}


def prepare_create(definition: Object) -> None:
    """Begin established: this server serves a definition as soon as it is stored."""
    definition["status"] = established_status(
        definition, str(read(definition, "metadata", "creationTimestamp"))
    )


def prepare_update(new: Object, old: Object) -> None:
    """Follow changed names, and remember every version that objects may be stored in."""
    status = dict(old.get("status") or {})
    status["acceptedNames"] = dict(read(new, "spec", "names", default={}))
    stored = [*(status.get("storedVersions") or ()), *_stored(new)]
    status["storedVersions"] = list(dict.fromkeys(stored))
    new["status"] = status


def established_status(definition: Object, now: str) -> Object:
    """Return the status of a definition that is served.

    Args:
        definition: defaulted.
        now: RFC 3339.
    """
    conditions = (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    )
    return {
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message}
            for kind, reason, message in conditions
        ],
        "acceptedNames": dict(read(definition, "spec", "names", default={})),
        "storedVersions": _stored(definition),
    }


def validate(definition: Object) -> list[Cause]:
    """Return the faults of a CustomResourceDefinition."""
    spec = definition.get("spec") or {}
    declared, group = spec.get("names") or {}, spec.get("group") or ""
    faults = validate_metadata(definition, namespaced=False)
    expected = f"{declared.get('plural')}.{group}"
    if meta.name(definition) != expected:
        detail = 'must be spec.names.plural+"."+spec.group'
        faults.append(invalid("metadata.name", meta.name(definition), detail))
    faults += _group_faults(group, read(definition, "metadata", "annotations", default={}))
    if spec.get("scope") not in SCOPES:
        faults.append(unsupported("spec.scope", spec.get("scope") or "", SCOPES))
    if spec.get("preserveUnknownFields"):
        detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        faults.append(invalid("spec.preserveUnknownFields", True, detail))
    if read(spec, "conversion", "strategy") not in ("", "None"):
        detail = "webhook conversion is not served by the embedded cluster; use the strategy None"
        faults.append(forbidden("spec.conversion.strategy", detail))
    return faults + _names_faults(declared) + _versions_faults(spec)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: group, scope, plural and kind are fixed, stored versions stay declared."""
    faults = validate_metadata_update(new, old)
    for path in (("group",), ("scope",), ("names", "plural"), ("names", "kind")):
        faults += immutable(f"spec.{'.'.join(path)}", read(new, "spec", *path), read(old, "spec", *path))
    declared = {version.get("name") for version in read(new, "spec", "versions", default=())}
    for index, version in enumerate(read(old, "status", "storedVersions", default=())):
        if version not in declared:
            faults.append(invalid(f"status.storedVersions[{index}]", version, "missing from spec.versions; must not be removed while objects may be stored in it"))  # fmt: skip
    return faults


def _group_faults(group: str, annotations: Mapping[str, str]) -> list[Cause]:
    if not group:
        return [required("spec.group")]
    faults = [invalid("spec.group", group, f) for f in names.dns_subdomain_faults(group)]
    if "." not in group:
        faults.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    protected = any(group == own or group.endswith(f".{own}") for own in _BUILT_IN_GROUPS)
    if protected and not annotations.get(_APPROVAL):
        detail = 'protected groups must have approval annotation "api-approved.kubernetes.io"'
        faults.append(required(f"metadata.annotations[{_APPROVAL}]", detail))
    return faults


def _names_faults(declared: Object) -> list[Cause]:
    faults: list[Cause] = []
    for field in ("plural", "singular", "kind", "listKind"):
        value = declared.get(field) or ""
        if not value:
            faults.append(required(f"spec.names.{field}"))
            continue
        checked = value.lower() if field in ("kind", "listKind") else value
        faults += [invalid(f"spec.names.{field}", value, f) for f in names.dns_1035_label_faults(checked)]
    for field in ("shortNames", "categories"):
        for index, value in enumerate(declared.get(field) or ()):
            faults += [
                invalid(f"spec.names.{field}[{index}]", value, f) for f in names.dns_1035_label_faults(value)
            ]
    if declared.get("kind") and declared.get("kind") == declared.get("listKind"):
        detail = "kind and listKind may not be the same"
        faults.append(invalid("spec.names.listKind", declared["listKind"], detail))
    return faults


def _versions_faults(spec: Object) -> list[Cause]:
    versions = spec.get("versions") or []
    if not versions:
        return [invalid("spec.versions", [], _ONE_STORED)]
    faults: list[Cause] = []
    seen: set[str] = set()
    for index, version in enumerate(versions):
        at, name = f"spec.versions[{index}]", version.get("name") or ""
        faults += [invalid(f"{at}.name", name, f) for f in names.dns_1035_label_faults(name)]
        faults += [duplicate(f"{at}.name", name)] if name in seen else []
        seen.add(name)
        faults += _version_faults(version, at)
    if sum(bool(version.get("storage")) for version in versions) != 1:
        faults.append(invalid("spec.versions", [version.get("name") for version in versions], _ONE_STORED))
    return faults


def _version_faults(version: Object, field: str) -> list[Cause]:
    structure = read(version, "schema", "openAPIV3Schema", default=None)
    at = f"{field}.schema.openAPIV3Schema"
    faults = [required(at, "schemas are required")] if structure is None else structural_faults(structure, at)
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        where = f"{field}.additionalPrinterColumns[{index}]"
        faults += [] if column.get("name") else [required(f"{where}.name")]
        if column.get("type") not in COLUMN_TYPES:
            faults.append(unsupported(f"{where}.type", column.get("type") or "", COLUMN_TYPES))
        faults += _path_faults(column.get("jsonPath"), f"{where}.jsonPath")
    for index, selectable in enumerate(version.get("selectableFields") or ()):
        faults += _path_faults(selectable.get("jsonPath"), f"{field}.selectableFields[{index}].jsonPath")
    scale = read(version, "subresources", "scale", default=None)
    if scale is not None:
        for name, under in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
            path = scale.get(name) or ""
            if not path:
                faults.append(required(f"{field}.subresources.scale.{name}"))
            elif not path.startswith(under):
                detail = f"should be a json path under {under.rstrip('.')}"
                faults.append(invalid(f"{field}.subresources.scale.{name}", path, detail))
    return faults


def _path_faults(path: Any, field: str) -> list[Cause]:
    if not path:
        return [required(field)]
    try:
        compile_path(path)
    except ValueError as error:
        return [invalid(field, path, str(error))]
    return []


def _stored(definition: Object) -> list[str]:
    versions = read(definition, "spec", "versions", default=())
    return [version.get("name") or "" for version in versions if version.get("storage")]


CUSTOM_RESOURCE_DEFINITION = Kind(
    CUSTOM_RESOURCE_DEFINITIONS,
    schema_of(CUSTOM_RESOURCE_DEFINITIONS),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    columns=(NAME, CREATED_AT),
    has_status=True,
)
