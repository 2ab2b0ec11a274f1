"""Validation of `metadata`, the same for every kind.

Source: the object metadata rules of apimachinery's validation package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, too_long
from seaway.objects import meta, names
from seaway.objects.errors import Cause

NameFaults = Callable[[str], Sequence[str]]
TOTAL_ANNOTATION_SIZE = 256 * 1024
"""Bytes that the keys and values of all annotations may take together."""


def path_segment_faults(text: str) -> list[str]:
    """Return what is wrong with a name that need only be safe in a URL path (RBAC kinds)."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{character}'" for character in "/%" if character in text]


def validate_metadata(
    obj: Object, *, namespaced: bool = True, name_faults: NameFaults = names.dns_subdomain_faults
) -> list[Cause]:
    """Return the faults of an object's metadata.

    Args:
        obj: the whole object, its name and namespace already set.
        namespaced: whether its kind lives in namespaces.
        name_faults: the rule that names of its kind follow.
    """
    metadata = obj.get("metadata") or {}
    faults = _name_faults(metadata, name_faults)
    if namespaced and not metadata.get("namespace"):
        faults.append(required("metadata.namespace"))
    elif namespaced:
        namespace = metadata["namespace"]
        faults += [invalid("metadata.namespace", namespace, f) for f in names.dns_label_faults(namespace)]
    elif metadata.get("namespace"):
        faults.append(forbidden("metadata.namespace", "not allowed on this type"))
    faults += label_faults(metadata.get("labels"), "metadata.labels")
    faults += annotation_faults(metadata.get("annotations"), "metadata.annotations")
    faults += _owner_faults(metadata.get("ownerReferences") or (), "metadata.ownerReferences")
    return faults + _finalizer_faults(metadata.get("finalizers") or ())


def validate_metadata_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of metadata."""
    faults: list[Cause] = []
    for field in ("name", "namespace", "uid", "creationTimestamp"):
        before, after = old["metadata"].get(field), new["metadata"].get(field)
        if after is not None:
            faults += immutable(f"metadata.{field}", after, before)
    if meta.deletion_timestamp(old):
        added = [f for f in meta.finalizers(new) if f not in meta.finalizers(old)]
        if added:
            listed = ", ".join(f'"{finalizer}"' for finalizer in added)
            detail = (
                "no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            faults.append(forbidden("metadata.finalizers", detail))
    return faults


def label_faults(labels: Mapping[str, Any] | None, field: str) -> list[Cause]:
    """Return the faults of label keys and values."""
    faults: list[Cause] = []
    for key, value in (labels or {}).items():
        faults += [invalid(field, key, f) for f in names.qualified_name_faults(key)]
        faults += [invalid(field, value, f) for f in names.label_value_faults(value)]
    return faults


def annotation_faults(annotations: Mapping[str, Any] | None, field: str) -> list[Cause]:
    """Return the faults of annotation keys and of their total size."""
    items = (annotations or {}).items()
    faults = [invalid(field, key, f) for key, _ in items for f in names.qualified_name_faults(key.lower())]
    if sum(len(key.encode()) + len((value or "").encode()) for key, value in items) > TOTAL_ANNOTATION_SIZE:
        faults.append(too_long(field, TOTAL_ANNOTATION_SIZE))
    return faults


def _name_faults(metadata: Mapping[str, Any], name_faults: NameFaults) -> list[Cause]:
    faults: list[Cause] = []
    if prefix := metadata.get("generateName"):
        faults += [
            invalid("metadata.generateName", prefix, f) for f in name_faults(prefix.rstrip("-.") or prefix)
        ]
    if not metadata.get("name"):
        return [*faults, required("metadata.name", "name or generateName is required")]
    return faults + [invalid("metadata.name", metadata["name"], f) for f in name_faults(metadata["name"])]


def _owner_faults(owners: Iterable[Mapping[str, Any]], field: str) -> list[Cause]:
    faults: list[Cause] = []
    controllers: list[str] = []
    for index, owner in enumerate(owners):
        at = f"{field}[{index}]"
        faults += [
            invalid(f"{at}.{part}", owner.get(part, ""), f"{part} must not be empty")
            for part in ("apiVersion", "kind", "name", "uid")
            if not owner.get(part)
        ]
        if owner.get("apiVersion") == "v1" and owner.get("kind") == "Event":
            faults.append(invalid(at, dict(owner), "/v1, Kind=Event is disallowed from being an owner"))
        if owner.get("controller"):
            controllers.append(f"{owner.get('kind')}/{owner.get('name')}")
    if len(controllers) > 1:
        detail = 'Only one reference can have Controller set to true. Found "true" in references for '
        faults.append(invalid(field, None, detail + " and ".join(controllers)))
    return faults


def _finalizer_faults(finalizers: Sequence[str]) -> list[Cause]:
    field, faults = "metadata.finalizers", []
    for finalizer in finalizers:
        faults += [invalid(field, finalizer, f) for f in names.qualified_name_faults(finalizer)]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        faults.append(
            invalid(field, list(finalizers), "finalizer orphan and foregroundDeletion cannot be both set")
        )
    return faults
