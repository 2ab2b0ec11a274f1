"""Persistent volumes: storage that outlives the pods that use it."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, UNSET, at, read
from seaway.controlplane.kinds.core import ACCESS_MODES
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.pod_placement import node_selector_faults
from seaway.controlplane.kinds.resources import quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import set_missing
from seaway.objects import meta, names
from seaway.objects.builtin import PERSISTENT_VOLUMES
from seaway.objects.errors import Cause

RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_SHORT_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_NO_SOURCE = frozenset({
    "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions",
    "volumeMode", "nodeAffinity", "volumeAttributesClassName",
})  # fmt: skip


def default_volume(volume: Object) -> None:
    """Fill in that the volume is kept, and its mode."""
    spec = volume.get("spec")
    if isinstance(spec, dict):
        set_missing(spec, "persistentVolumeReclaimPolicy", "Retain")
        set_missing(spec, "volumeMode", "Filesystem")
        if isinstance(spec.get("hostPath"), dict):
            set_missing(spec["hostPath"], "type", "")


def prepare_volume(volume: Object) -> None:
    """Begin pending, and protected: the controller finds out whether it can be claimed, and whether it may go."""
    volume["status"] = {"phase": "Pending"}
    if made := volume["metadata"].get("creationTimestamp"):
        volume["status"]["lastPhaseTransitionTime"] = made
    protect(volume, "kubernetes.io/pv-protection")


def protect(obj: Object, finalizer: str) -> None:
    """Add a finalizer that a controller takes off when nothing uses the object any more."""
    if finalizer not in meta.finalizers(obj):
        obj["metadata"]["finalizers"] = [*meta.finalizers(obj), finalizer]


def validate_volume(volume: Object) -> list[Cause]:
    """Return the faults of a PersistentVolume."""
    spec = volume.get("spec") or {}
    faults = validate_metadata(volume, namespaced=False)
    modes, capacity = spec.get("accessModes") or (), spec.get("capacity") or {}
    if not modes:
        faults.append(required("spec.accessModes"))
    faults += [
        unsupported("spec.accessModes", mode, ACCESS_MODES) for mode in modes if mode not in ACCESS_MODES
    ]
    if not capacity:
        faults += [
            required("spec.capacity"),
            unsupported("spec.capacity", spec.get("capacity"), ("storage",)),
        ]
    elif set(capacity) != {"storage"}:
        faults.append(unsupported("spec.capacity", dict(capacity), ("storage",)))
    else:
        faults += quantity_faults("spec.capacity[storage]", capacity["storage"], positive=True)
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy and policy not in RECLAIM_POLICIES:
        faults.append(unsupported("spec.persistentVolumeReclaimPolicy", policy, RECLAIM_POLICIES))
    mode = spec.get("volumeMode")
    if mode not in (None, "Block", "Filesystem"):
        faults.append(unsupported("spec.volumeMode", mode, ("Block", "Filesystem")))
    sources = [name for name, value in spec.items() if name not in _NO_SOURCE and value is not None]
    if not sources:
        faults.append(required("spec", "must specify a volume type"))
    faults += [forbidden(f"spec.{name}", "may not specify more than 1 volume type") for name in sources[1:]]
    faults += _place_faults(spec)
    if name := spec.get("storageClassName"):
        faults += [invalid("spec.storageClassName", name, f) for f in names.dns_subdomain_faults(name)]
    return faults


def _place_faults(spec: Object) -> list[Cause]:
    """Return the faults of where the volume is."""
    faults: list[Cause] = []
    for kind in ("hostPath", "local"):
        if isinstance(spec.get(kind), dict):
            path = spec[kind].get("path") or ""
            if not path:
                faults.append(required(f"spec.{kind}.path"))
            elif ".." in path.split("/"):
                faults.append(invalid(f"spec.{kind}.path", path, "must not contain '..'"))
    kind = (spec.get("hostPath") or {}).get("type") or ""
    if kind not in HOST_PATH_TYPES:
        faults.append(unsupported("spec.hostPath.type", kind, HOST_PATH_TYPES))
    affinity = spec.get("nodeAffinity")
    if affinity is None:
        return faults + (
            [required("spec.nodeAffinity", "Local volume requires node affinity")]
            if spec.get("local")
            else []
        )
    if affinity.get("required") is None:
        return [*faults, required("spec.nodeAffinity.required", "must specify required node constraints")]
    return faults + node_selector_faults(affinity["required"], "spec.nodeAffinity.required")


def validate_volume_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: what the volume is made of is fixed."""
    before, after = (
        {k: v for k, v in (obj.get("spec") or {}).items() if k not in _NO_SOURCE} for obj in (old, new)
    )
    faults = validate_metadata_update(new, old)
    if before != after:
        faults.append(
            forbidden(
                "spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"
            )
        )
    affinity, old_affinity = ((obj.get("spec") or {}).get("nodeAffinity") for obj in (new, old))
    if old_affinity is not None and affinity != old_affinity:
        detail = "field is immutable, except for updating from beta label to GA"
        faults.append(invalid("nodeAffinity", affinity, detail))
    mode, old_mode = ((obj.get("spec") or {}).get("volumeMode") for obj in (new, old))
    return faults + immutable("spec.volumeMode", mode, old_mode)


def _claim(volume: Object, _now: float) -> str:
    claim = read(volume, "spec", "claimRef", default={})
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _modes(volume: Object, _now: float) -> str:
    return ",".join(_SHORT_MODES.get(mode, mode) for mode in read(volume, "spec", "accessModes", default=()))


def _phase(volume: Object, _now: float) -> str:
    return "Terminating" if meta.deletion_timestamp(volume) else str(read(volume, "status", "phase"))


PERSISTENT_VOLUME = Kind(
    PERSISTENT_VOLUMES,
    schema_of(PERSISTENT_VOLUMES),
    default=default_volume,
    validate=validate_volume,
    validate_update=validate_volume_update,
    prepare_create=prepare_volume,
    columns=(
        NAME,
        Column("Capacity", at("spec", "capacity", "storage"), description="Its size."),
        Column("Access Modes", _modes, description="How nodes may mount it."),
        Column("Reclaim Policy", at("spec", "persistentVolumeReclaimPolicy"), description="What becomes of it when its claim goes."),
        Column("Status", _phase, description="Available, Bound, Released or Failed."),
        Column("Claim", _claim, description="The claim that it is bound to."),
        Column("StorageClass", at("spec", "storageClassName"), description="The class that it belongs to."),
        Column("VolumeAttributesClass", at("spec", "volumeAttributesClassName", default=UNSET), description="Class of tunable volume attributes."),
        Column("Reason", at("status", "reason"), description="Why it failed."),
        AGE,
        Column("VolumeMode", at("spec", "volumeMode", default=UNSET), priority=1, description="Filesystem or Block."),
    ),
    has_status=True,
    returns_deleted=True,
    generation=False,
)  # fmt: skip
