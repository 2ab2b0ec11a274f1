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

_STANDARD_FINALIZERS = frozenset(
    {"kubernetes", "orphan", "foregroundDeletion", "customresourcecleanup.apiextensions.k8s.io"}
)

NameFaults = Callable[[str], Sequence[str]]
TOTAL_ANNOTATION_SIZE = 256 * 1024
"""Bytes that the keys and values of all annotations may take together."""


def path_segment_faults(text: str) -> list[str]:
    """Return what is wrong with a name that need only be safe in a URL path (RBAC kinds)."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return _path_prefix_faults(text)


def _path_prefix_faults(text: str) -> list[str]:
    return [f"may not contain '{character}'" for character in "/%" if character in text]


def validate_metadata(
    obj: Object, *, namespaced: bool = True, name_faults: NameFaults = names.dns_subdomain_faults,
    any_finalizer: bool = False,
) -> list[Cause]:  # fmt: skip
    """Return the faults of an object's metadata.

    Args:
        obj: the whole object, its name and namespace already set.
        namespaced: whether its kind lives in namespaces.
        name_faults: the rule that names of its kind follow.
        any_finalizer: a finalizer needs no domain.
    """
    metadata = obj.get("metadata") or {}
    faults = _name_faults(metadata, name_faults) + _common_faults(metadata, namespaced=namespaced)
    for index, finalizer in enumerate(() if any_finalizer else metadata.get("finalizers") or ()):
        faults += unqualified_finalizer_faults(finalizer, f"metadata.finalizers[{index}]")
    return faults


def unqualified_finalizer_faults(finalizer: str, field: str) -> list[Cause]:
    """Return the fault of a finalizer without a domain that Kubernetes does not know itself."""
    if "/" in finalizer or finalizer in _STANDARD_FINALIZERS:
        return []
    return [invalid(field, finalizer, "name is neither a standard finalizer name nor is it fully qualified")]


def common_update_faults(new: Object, old: Object) -> list[Cause]:
    """Return the faults of metadata that Kubernetes looks for in every update, besides the kind's own."""
    metadata = new.get("metadata") or {}
    common = _common_faults(metadata, namespaced=bool(metadata.get("namespace")))
    prefix = metadata.get("generateName") or ""
    common += [invalid("metadata.generateName", prefix, fault) for fault in _path_prefix_faults(prefix)]
    return common + validate_metadata_update(new, old, any_finalizer=True)


def _common_faults(metadata: Mapping[str, Any], *, namespaced: bool) -> list[Cause]:
    faults: list[Cause] = []
    if namespaced and not metadata.get("namespace"):
        faults.append(required("metadata.namespace"))
    elif namespaced:
        namespace = metadata["namespace"]
        faults += [invalid("metadata.namespace", namespace, f) for f in names.dns_label_faults(namespace)]
    elif metadata.get("namespace"):
        faults.append(forbidden("metadata.namespace", "not allowed on this type"))
    if (metadata.get("generation") or 0) < 0:
        faults.append(
            invalid("metadata.generation", metadata["generation"], "must be greater than or equal to 0")
        )
    return faults + _content_faults(metadata) + _finalizer_faults(metadata.get("finalizers") or ())


def _content_faults(metadata: Mapping[str, Any]) -> list[Cause]:
    faults = label_faults(metadata.get("labels"), "metadata.labels")
    faults += annotation_faults(metadata.get("annotations"), "metadata.annotations")
    return faults + _owner_faults(metadata.get("ownerReferences") or (), "metadata.ownerReferences")


def validate_metadata_update(new: Object, old: Object, *, any_finalizer: bool = False) -> list[Cause]:
    """Return the faults of a change of metadata.

    Args:
        new: as it is to be.
        old: as it is.
        any_finalizer: a finalizer needs no domain.
    """
    faults = _content_faults(new["metadata"])
    for index, finalizer in enumerate(() if any_finalizer else meta.finalizers(new)):
        faults += unqualified_finalizer_faults(finalizer, f"metadata.finalizers[{index}]")
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
        check = _path_prefix_faults if name_faults is path_segment_faults else name_faults
        faults += [invalid("metadata.generateName", prefix, f) for f in check(_masked(prefix))]
    if not metadata.get("name"):
        return [*faults, required("metadata.name", "name or generateName is required")]
    return faults + [invalid("metadata.name", metadata["name"], f) for f in name_faults(metadata["name"])]


def _masked(prefix: str) -> str:
    """Return a prefix as it is judged: a dash at its end, behind which letters come, is fine."""
    return prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix


def _owner_faults(owners: Iterable[Mapping[str, Any]], field: str) -> list[Cause]:
    owners = list(owners)
    faults: list[Cause] = []
    first = ""
    for owner in owners:
        faults += _owner_field_faults(owner, field)
        if owner.get("controller"):
            name = f"{owner.get('kind')}/{owner.get('name')}"
            if first:
                detail = 'Only one reference can have Controller set to true. Found "true" in references for '
                faults.append(invalid(field, owners, f"{detail}{first} and {name}"))
            first = first or name
    return faults


def _owner_field_faults(owner: Mapping[str, Any], field: str) -> list[Cause]:
    version = owner.get("apiVersion") or ""
    group, _, last = version.rpartition("/")
    readable = version.count("/") <= 1
    faults: list[Cause] = []
    if not last or not readable:
        faults.append(invalid(f"{field}.apiVersion", version, "version must not be empty"))
    faults += [
        invalid(f"{field}.{part}", owner.get(part) or "", "must not be empty")
        for part in ("kind", "name", "uid")
        if not owner.get(part)
    ]
    if (group, last, owner.get("kind")) == ("", "v1", "Event"):
        faults.append(invalid(field, dict(owner), "/v1, Kind=Event is disallowed from being an owner"))
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
