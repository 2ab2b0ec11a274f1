"""Core kinds that are small: namespaces, service accounts, persistent volume claims."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, UNSET, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import (
    unqualified_finalizer_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.resources import amount_of, quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects import meta, names
from seaway.objects.builtin import NAMESPACES, PERSISTENT_VOLUME_CLAIMS, SERVICE_ACCOUNTS
from seaway.objects.errors import Cause
from seaway.objects.meta import copy

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_SHORT_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def default_namespace(namespace: Object) -> None:
    """Label the namespace with its own name; it is active unless it says otherwise."""
    if "status" in namespace:
        namespace["status"] = {**(namespace["status"] or {})}
        namespace["status"].setdefault("phase", "Active")
    if name := meta.name(namespace):
        labels = namespace["metadata"].get("labels") or {}
        namespace["metadata"]["labels"] = labels | {NAMESPACE_NAME_LABEL: name}


def prepare_namespace(namespace: Object) -> None:
    """Begin active, with the finalizer that the namespace controller removes when all content is gone."""
    spec = namespace["spec"] = namespace.get("spec") or {}
    if "kubernetes" not in (spec.get("finalizers") or ()):
        spec["finalizers"] = [*(spec.get("finalizers") or ()), "kubernetes"]
    namespace["status"] = {"phase": "Active"}


def keep_finalizers(new: Object, old: Object) -> None:
    """Leave `spec.finalizers` as it was: only the finalize subresource changes it."""
    spec = new["spec"] = new.get("spec") or {}
    spec["finalizers"] = (old.get("spec") or {}).get("finalizers") or []


def validate_namespace(namespace: Object) -> list[Cause]:
    """Return the faults of a Namespace."""
    faults = validate_metadata(namespace, namespaced=False, name_faults=names.dns_label_faults)
    for finalizer in read(namespace, "spec", "finalizers", default=()):
        faults += [invalid("spec.finalizers", finalizer, f) for f in names.qualified_name_faults(finalizer)]
        faults += unqualified_finalizer_faults(finalizer, "spec.finalizers")
    return faults


def validate_namespace_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: the phase says whether the namespace is going."""
    faults = validate_metadata_update(new, old)
    phase = read(new, "status", "phase", default="")
    for going, wanted, state in ((False, "Active", "empty"), (True, "Terminating", "not empty")):
        if bool(meta.deletion_timestamp(new)) == going and phase != wanted:
            detail = f"may only be '{wanted}' if `deletionTimestamp` is {state}"
            faults.append(invalid("status.Phase", phase, detail))
    return faults


def keep_secret_names(account: Object, _old: Object | None = None) -> None:
    """Keep of the references to secrets their names."""
    for reference in account.get("secrets") or ():
        for field in [field for field in reference if field != "name"]:
            del reference[field]


def default_claim(claim: Object) -> None:
    """Fill in the volume mode."""
    spec = claim.get("spec")
    if isinstance(spec, dict):
        spec.setdefault("volumeMode", "Filesystem")


def prepare_claim(claim: Object) -> None:
    """Begin pending, protected while a pod uses it."""
    claim["status"] = {"phase": "Pending"}
    level_data_sources(claim.get("spec") or {}, {})


def prepare_claim_update(new: Object, old: Object) -> None:
    """Fill in where the data come from, as on create."""
    level_data_sources(new.get("spec") or {}, old.get("spec") or {})


def level_data_sources(spec: Object, old: Object) -> None:
    """Let dataSource and dataSourceRef say the same, in place; a dataSource may only be a claim or a snapshot.

    Source: KEP-1495.
    """
    reference = spec.get("dataSourceRef")
    if reference and reference.get("namespace") and not old.get("dataSourceRef"):
        reference = spec["dataSourceRef"] = None
    source = spec.get("dataSource")
    known = {("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")}
    unused = not old.get("dataSource") and not old.get("dataSourceRef")
    if (
        source
        and not reference
        and unused
        and (source.get("apiGroup") or "", source.get("kind")) not in known
    ):
        source = None
    if source and not reference:
        reference = dict(source)
    elif reference and not source and not reference.get("namespace"):
        source = {key: value for key, value in reference.items() if key != "namespace"}
    for field, value in (("dataSource", source), ("dataSourceRef", reference)):
        spec.pop(field, None)
        if value:
            spec[field] = {"apiGroup": None} | value


def validate_claim(claim: Object) -> list[Cause]:
    """Return the faults of a PersistentVolumeClaim."""
    return validate_metadata(claim) + claim_spec_faults(claim.get("spec") or {}, "spec")


def claim_spec_faults(spec: Object, field: str) -> list[Cause]:
    """Return the faults of a claim's spec, also of one in an ephemeral volume's template."""
    faults: list[Cause] = []
    modes = spec.get("accessModes") or ()
    if not modes:
        faults.append(required(f"{field}.accessModes", "at least 1 access mode is required"))
    faults += [
        unsupported(f"{field}.accessModes", mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES
    ]
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        detail = "may not use ReadWriteOncePod with other access modes"
        faults.append(forbidden(f"{field}.accessModes", detail))
    faults = faults[:1] + selector_faults(spec.get("selector"), f"{field}.selector") + faults[1:]
    storage = read(spec, "resources", "requests", "storage", default=None)
    if storage is None:
        faults.append(required(f"{field}.resources[storage]"))
    else:
        faults += quantity_faults(f"{field}.resources[storage]", storage, positive=True)
    mode = spec.get("volumeMode")
    if mode not in (None, "Block", "Filesystem"):
        faults.append(unsupported(f"{field}.volumeMode", mode, ("Block", "Filesystem")))
    for class_field in ("storageClassName", "volumeAttributesClassName"):
        if name := spec.get(class_field):
            faults += [invalid(f"{field}.{class_field}", name, f) for f in names.dns_subdomain_faults(name)]
    return faults + _data_source_faults(spec, field)


def _data_source_faults(spec: Object, field: str) -> list[Cause]:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    faults: list[Cause] = []
    for name, value in (("dataSource", source), ("dataSourceRef", reference)):
        if value is None:
            continue
        at, group = f"{field}.{name}", value.get("apiGroup") or ""
        faults += [required(f"{at}.{part}") for part in ("name", "kind") if not value.get(part)]
        if not group and value.get("kind") != "PersistentVolumeClaim":
            detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
            faults.append(invalid(at, value.get("kind") or "", detail))
        elif group:
            faults += [invalid(f"{at}.apiGroup", group, f) for f in names.dns_subdomain_faults(group)]
    if source is None or reference is None:
        return faults
    if reference.get("namespace"):
        faults.append(invalid(field, {}, "may not be specified when dataSourceRef.namespace is specified"))
    elif source != reference:
        faults.append(invalid(field, {}, "must match dataSourceRef"))
    return faults


def validate_claim_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: a claim's spec is fixed but for what binding and growing change."""
    faults = validate_metadata_update(new, old)
    before, after = (_fixed(claim, old) for claim in (old, new))
    faults = faults + validate_claim(new)
    if before != after:
        detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        faults.append(forbidden("spec", detail))
    return faults + _claim_size_faults(new, old) + immutable("volumeMode", *_modes(new, old))


def _modes(new: Object, old: Object) -> tuple[Any, Any]:
    return read(new, "spec", "volumeMode", default=None), read(old, "spec", "volumeMode", default=None)


def _claim_size_faults(new: Object, old: Object) -> list[Cause]:
    """Return the fault of a claim that shrinks, which one may only down to what its volume has."""
    before, after = (read(c, "spec", "resources", "requests", "storage", default="0") for c in (old, new))
    there = read(old, "status", "capacity", "storage", default="0")
    if amount_of(after) < amount_of(before) and amount_of(after) <= amount_of(there):
        detail = "field can not be less than status.capacity"
        return [forbidden("spec.resources.requests.storage", detail)]
    return []


def claim_warnings(claim: Object, _old: Object | None) -> list[str]:
    """Name amounts of storage that are no whole number of bytes."""
    told: list[str] = []
    for kind in ("requests", "limits"):
        amount = read(claim, "spec", "resources", kind, "storage", default="0")
        if amount_of(amount) % 1:
            at = f"spec.resources.{kind}[storage]"
            told.append(f'{at}: fractional byte value "{amount}" is invalid, must be an integer')
    return told


def _fixed(claim: Object, old: Object) -> Object:
    """Return what may not change of a claim's spec, given the claim as it was."""
    spec: Object = copy(claim.get("spec") or {})
    if not read(old, "spec", "volumeName"):
        spec.pop("volumeName", None)
    if read(old, "spec", "storageClassName", default=None) is None and not meta.annotations_of(old).get(
        _BETA_CLASS
    ):
        spec.pop("storageClassName", None)  # a default class may come later
    if read(old, "status", "phase") == "Bound":
        read(spec, "resources", "requests", default={}).pop("storage", None)
        spec.pop("volumeAttributesClassName", None)
    return spec


def _claim_status(claim: Object, _now: float) -> str:
    return "Terminating" if meta.deletion_timestamp(claim) else str(read(claim, "status", "phase"))


def _claim_capacity(claim: Object, _now: float) -> Any:
    return read(claim, "status", "capacity", "storage") if read(claim, "spec", "volumeName") else ""


def _claim_modes(claim: Object, _now: float) -> str:
    if not read(claim, "spec", "volumeName"):
        return ""
    return ",".join(
        _SHORT_ACCESS_MODES.get(mode, mode) for mode in read(claim, "status", "accessModes", default=())
    )


NAMESPACE = Kind(
    NAMESPACES,
    schema_of(NAMESPACES),
    default=default_namespace,
    validate=validate_namespace,
    validate_update=validate_namespace_update,
    prepare_create=prepare_namespace,
    prepare_update=keep_finalizers,
    columns=(
        NAME,
        Column("Status", at("status", "phase"), description="Active, or Terminating while its content goes."),
        AGE,
    ),
    field_labels={"status.phase": lambda obj: str(read(obj, "status", "phase"))},
    has_status=True,
    generation=False,
    returns_deleted=True,
)

SERVICE_ACCOUNT = Kind(
    SERVICE_ACCOUNTS,
    schema_of(SERVICE_ACCOUNTS),
    validate=validate_metadata,
    validate_update=validate_metadata_update,
    prepare_create=keep_secret_names,
    prepare_update=keep_secret_names,
    columns=(NAME, AGE),
    generation=False,
    returns_deleted=True,
)

PERSISTENT_VOLUME_CLAIM = Kind(
    PERSISTENT_VOLUME_CLAIMS,
    schema_of(PERSISTENT_VOLUME_CLAIMS),
    default=default_claim,
    validate=validate_claim,
    validate_update=validate_claim_update,
    validate_status=validate_metadata_update,
    revalidated=False,
    prepare_create=prepare_claim,
    prepare_update=prepare_claim_update,
    warnings=claim_warnings,
    columns=(
        NAME,
        Column("Status", _claim_status, description="Pending, Bound or Lost."),
        Column("Volume", at("spec", "volumeName"), description="The volume that the claim is bound to."),
        Column("Capacity", _claim_capacity, description="Size of the bound volume."),
        Column("Access Modes", _claim_modes, description="How nodes may mount the bound volume."),
        Column("StorageClass", at("spec", "storageClassName"), description="The class that provides the volume."),
        Column("VolumeAttributesClass", at("spec", "volumeAttributesClassName", default=UNSET), description="Class of tunable volume attributes."),
        AGE,
        Column("VolumeMode", at("spec", "volumeMode", default=UNSET), priority=1, description="Filesystem or Block."),
    ),
    has_status=True,
    generation=False,
    returns_deleted=True,
)  # fmt: skip
