"""Core kinds that are small: namespaces, service accounts, persistent volume claims."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, UNSET, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.resources import quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import meta, names
from seaway.objects.builtin import NAMESPACES, PERSISTENT_VOLUME_CLAIMS, SERVICE_ACCOUNTS
from seaway.objects.errors import Cause

NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name"
ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_SHORT_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def default_namespace(namespace: Object) -> None:
    """Label the namespace with its own name."""
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
    return validate_metadata(namespace, namespaced=False, name_faults=names.dns_label_faults)


def default_claim(claim: Object) -> None:
    """Fill in the volume mode."""
    spec = claim.get("spec")
    if isinstance(spec, dict):
        spec.setdefault("volumeMode", "Filesystem")


def prepare_claim(claim: Object) -> None:
    """Begin pending."""
    claim["status"] = {"phase": "Pending"}


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
    storage = read(spec, "resources", "requests", "storage", default=None)
    if storage is None:
        faults.append(required(f"{field}.resources[storage]"))
    else:
        faults += quantity_faults(f"{field}.resources[storage]", storage, positive=True)
    mode = spec.get("volumeMode")
    if mode not in (None, "Block", "Filesystem"):
        faults.append(unsupported(f"{field}.volumeMode", mode, ("Block", "Filesystem")))
    if name := spec.get("storageClassName"):
        faults += [invalid(f"{field}.storageClassName", name, f) for f in names.dns_subdomain_faults(name)]
    return faults


def validate_claim_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: a claim's spec is fixed but for what binding and growing change."""
    faults = validate_metadata_update(new, old)
    changeable = {"resources", "volumeAttributesClassName"} | (
        {"volumeName"} if not old["spec"].get("volumeName") else set()
    )
    before, after = (_without(claim.get("spec") or {}, changeable) for claim in (old, new))
    if before != after:
        detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        faults.append(forbidden("spec", detail))
    return faults


def _without(spec: Object, fields: set[str]) -> Object:
    return {key: value for key, value in spec.items() if key not in fields}


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
    validate_update=validate_metadata_update,
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
)

SERVICE_ACCOUNT = Kind(
    SERVICE_ACCOUNTS,
    schema_of(SERVICE_ACCOUNTS),
    validate=validate_metadata,
    validate_update=validate_metadata_update,
    columns=(
        NAME,
        Column(
            "Secrets",
            lambda obj, _: len(obj.get("secrets") or ()),
            description="Number of secrets listed in it.",
        ),
        AGE,
    ),
    generation=False,
)

PERSISTENT_VOLUME_CLAIM = Kind(
    PERSISTENT_VOLUME_CLAIMS,
    schema_of(PERSISTENT_VOLUME_CLAIMS),
    default=default_claim,
    validate=validate_claim,
    validate_update=validate_claim_update,
    prepare_create=prepare_claim,
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
)  # fmt: skip
