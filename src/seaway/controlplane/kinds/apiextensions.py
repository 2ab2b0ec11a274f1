"""apiextensions.k8s.io: custom resource definitions. What they define becomes kinds in `custom.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seaway.controlplane.kinds.cells import CREATED_AT, NAME, read
from seaway.controlplane.kinds.declaration import Kind, Object
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.jsonpath import compile_path
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.structural import structural_faults
from seaway.objects import meta, names
from seaway.objects.builtin import CUSTOM_RESOURCE_DEFINITIONS
from seaway.objects.errors import Cause

SCOPES = ("Cluster", "Namespaced")
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_ONE_STORED = "must have exactly one version marked as storage version"
_NONE_STORED = "must have at least one stored version"
_LONGEST_WARNING = 256
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
        if declared["kind"]:
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
    faults = validate_metadata(definition, namespaced=False, any_finalizer=True)
    expected = f"{declared.get('plural') or ''}.{group}"
    if meta.name(definition) and meta.name(definition) != expected:
        detail = 'must be spec.names.plural+"."+spec.group'
        faults.append(invalid("metadata.name", meta.name(definition), detail))
    faults += _group_faults(group, read(definition, "metadata", "annotations", default={}))
    if not spec.get("scope"):
        faults.append(required("spec.scope"))
    elif spec["scope"] not in SCOPES:
        faults.append(unsupported("spec.scope", spec["scope"], SCOPES))
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
    faults = _joined("spec.group", group, names.dns_subdomain_faults(group))
    if not faults and "." not in group:
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
        mixed = field in ("kind", "listKind")
        wrong = names.dns_1035_label_faults(value.lower() if mixed else value)
        hint = "may have mixed case, but should otherwise match: " if mixed else ""
        faults += _joined(f"spec.names.{field}", value, wrong, hint)
    for field in ("shortNames", "categories"):
        for index, value in enumerate(declared.get(field) or ()):
            faults += _joined(f"spec.names.{field}[{index}]", value, names.dns_1035_label_faults(value))
    if declared.get("kind") and declared.get("kind") == declared.get("listKind"):
        detail = "kind and listKind may not be the same"
        faults.append(invalid("spec.names.listKind", declared["listKind"], detail))
    return faults


def _joined(field: str, value: str, wrong: Sequence[str], hint: str = "") -> list[Cause]:
    return [invalid(field, value, hint + ",".join(wrong))] if wrong else []


def _versions_faults(spec: Object) -> list[Cause]:
    versions = spec.get("versions") or []
    if not versions:
        return [
            invalid("spec.versions", [], _ONE_STORED),
            invalid("status.storedVersions", None, _NONE_STORED),
        ]
    faults: list[Cause] = []
    seen: set[str] = set()
    alike = {part: all(v.get(part) == versions[0].get(part) for v in versions) for part in _SHARED}
    for index, version in enumerate(versions):
        at, name = f"spec.versions[{index}]", version.get("name") or ""
        wrong = names.dns_1035_label_faults(name)
        faults += _joined(f"{at}.name", name, wrong)
        faults += _joined("spec.version", name, wrong) if name and not index else []  # the name of the first
        faults += _deprecation_faults(version, f"{at}.deprecationWarning")
        seen.add(name)
        for part, check in _SHARED.items():
            if not alike[part]:
                faults += check(version, f"{at}.{part}")
            elif not index:
                faults += check(version, f"spec.{'validation' if part == 'schema' else part}")
        if index and alike["schema"] and read(version, "schema", "openAPIV3Schema", default=None) is None:
            faults.append(required(f"{at}.schema.openAPIV3Schema"))
    if len(seen) < len(versions):
        listed = [version.get("name") for version in versions]
        faults.append(invalid("spec.versions", listed, "must contain unique version names"))
    if not any(version.get("storage") for version in versions):
        faults.append(invalid("status.storedVersions", None, _NONE_STORED))
    if sum(bool(version.get("storage")) for version in versions) != 1:
        faults.append(invalid("spec.versions", [version.get("name") for version in versions], _ONE_STORED))
    return faults


def _deprecation_faults(version: Object, field: str) -> list[Cause]:
    text = version.get("deprecationWarning")
    if text is None:
        return []
    if not version.get("deprecated"):
        return [invalid(field, text, "can only be set for deprecated versions")]
    wrong = [] if len(text.encode()) <= _LONGEST_WARNING else ["must be <= 256 characters long"]
    wrong += [] if text else ["must not be an empty string"]
    hidden = next((index for index, character in enumerate(text) if not character.isprintable()), None)
    if hidden is not None:
        index = len(text[:hidden].encode())
        wrong.append(
            f"must only contain printable UTF-8 characters; non-printable character found at index {index}"
        )
    return [invalid(field, text, why) for why in wrong]


def _structure_faults(version: Object, field: str) -> list[Cause]:
    structure, at = read(version, "schema", "openAPIV3Schema", default=None), f"{field}.openAPIV3Schema"
    if structure is None:
        return [required(at.replace("spec.validation", "spec.versions[0].schema"))]
    return structural_faults(structure, at)


def _column_faults(version: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        where = f"{field}[{index}]"
        faults += [] if column.get("name") else [required(f"{where}.name")]
        kind, form = column.get("type") or "", column.get("format") or ""
        if not kind:
            faults.append(required(f"{where}.type", f"must be one of {','.join(COLUMN_TYPES)}"))
        elif kind not in COLUMN_TYPES:
            faults.append(invalid(f"{where}.type", kind, f"must be one of {','.join(COLUMN_TYPES)}"))
        if form and form not in COLUMN_FORMATS:
            faults.append(invalid(f"{where}.format", form, f"must be one of {','.join(COLUMN_FORMATS)}"))
        faults += _path_faults(column.get("jsonPath") or "", f"{where}.JSONPath")
    return faults


def _selectable_faults(version: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, selectable in enumerate(version.get("selectableFields") or ()):
        faults += _path_faults(selectable.get("jsonPath"), f"{field}[{index}].jsonPath")
    return faults


def _subresource_faults(version: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    scale = read(version, "subresources", "scale", default=None)
    if scale is not None:
        for name, under in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
            path = scale.get(name) or ""
            if not path:
                faults.append(required(f"{field}.scale.{name}"))
            elif not path.startswith("."):
                detail = "must be a simple json path starting with ."
                faults.append(invalid(f"{field}.scale.{name}", path, detail))
            elif not path.startswith(under):
                detail = f"should be a json path under {under.rstrip('.')}"
                faults.append(invalid(f"{field}.scale.{name}", path, detail))
        path = scale.get("labelSelectorPath") or ""
        if path and not path.startswith("."):
            detail = "must be a simple json path starting with ."
            faults.append(invalid(f"{field}.scale.labelSelectorPath", path, detail))
        elif path and not path.startswith((".spec.", ".status.")):
            detail = "should be a json path under either .spec or .status"
            faults.append(invalid(f"{field}.scale.labelSelectorPath", path, detail))
    return faults


_SHARED = {
    "schema": _structure_faults,
    "additionalPrinterColumns": _column_faults,
    "selectableFields": _selectable_faults,
    "subresources": _subresource_faults,
}
"""What is checked of each version, and told of the definition as a whole where all versions have the same."""


def _path_faults(path: str, field: str) -> list[Cause]:
    if not path:
        return [required(field)]
    if not path.startswith("."):
        return [invalid(field, path, "must be a simple json path starting with .")]
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
    conditional_updates=True,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    columns=(NAME, CREATED_AT),
    has_status=True,
)
