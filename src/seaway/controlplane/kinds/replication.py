"""Core kinds that Kubernetes' controllers work on: replication controllers, persistent volumes."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, UNSET, at, format_labels, read
from seaway.controlplane.kinds.core import ACCESS_MODES
from seaway.controlplane.kinds.declaration import Column, Kind, Object, Scale
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.pod_validation import template_faults
from seaway.controlplane.kinds.resources import quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import (
    REPLICA_COLUMNS,
    default_template,
    negative_faults,
    set_missing,
)
from seaway.objects import meta, names
from seaway.objects.errors import Cause
from seaway.objects.further import PERSISTENT_VOLUMES
from seaway.objects.workloads import REPLICATION_CONTROLLERS

RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
_SHORT_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_NO_SOURCE = frozenset({
    "capacity", "accessModes", "claimRef", "persistentVolumeReclaimPolicy", "storageClassName", "mountOptions",
    "volumeMode", "nodeAffinity", "volumeAttributesClassName",
})  # fmt: skip


def default_replication_controller(controller: Object) -> None:
    """Fill in one replica, and selector and labels from the template."""
    spec = controller.get("spec")
    if not isinstance(spec, dict):
        return
    set_missing(spec, "replicas", 1)
    labels = read(spec, "template", "metadata", "labels", default={})
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    if labels and isinstance(controller.get("metadata"), dict) and not controller["metadata"].get("labels"):
        controller["metadata"]["labels"] = dict(labels)
    default_template(spec)


def prepare_create(obj: Object) -> None:
    """Begin without pods."""
    obj["status"] = {"replicas": 0}


def validate_replication_controller(controller: Object) -> list[Cause]:
    """Return the faults of a ReplicationController."""
    spec = controller.get("spec") or {}
    faults = validate_metadata(controller) + negative_faults(spec, "spec", ("replicas", "minReadySeconds"))
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        faults.append(required("spec.selector"))
    if not template:
        return [*faults, required("spec.template")]
    labels = read(template, "metadata", "labels", default={})
    if any(labels.get(key) != value for key, value in selector.items()):
        detail = "`selector` does not match template `labels`"
        faults.append(invalid("spec.template.metadata.labels", labels, detail))
    faults += template_faults(template, "spec.template")
    policy = read(template, "spec", "restartPolicy")
    if policy and policy != "Always":
        faults.append(unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    return faults


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
    if name := spec.get("storageClassName"):
        faults += [invalid("spec.storageClassName", name, f) for f in names.dns_subdomain_faults(name)]
    return faults


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
    mode, old_mode = ((obj.get("spec") or {}).get("volumeMode") for obj in (new, old))
    return faults + immutable("spec.volumeMode", mode, old_mode)


def _claim(volume: Object, _now: float) -> str:
    claim = read(volume, "spec", "claimRef", default={})
    return f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else ""


def _modes(volume: Object, _now: float) -> str:
    return ",".join(_SHORT_MODES.get(mode, mode) for mode in read(volume, "spec", "accessModes", default=()))


def _phase(volume: Object, _now: float) -> str:
    return "Terminating" if meta.deletion_timestamp(volume) else str(read(volume, "status", "phase"))


REPLICATION_CONTROLLER = Kind(
    REPLICATION_CONTROLLERS,
    schema_of(REPLICATION_CONTROLLERS),
    default=default_replication_controller,
    validate=validate_replication_controller,
    validate_update=validate_metadata_update,
    prepare_create=prepare_create,
    columns=(
        NAME,
        *REPLICA_COLUMNS,
        Column("Selector", lambda obj, _: format_labels(read(obj, "spec", "selector", default={})), priority=1, description="Labels of its pods."),
    ),
    field_labels={"status.replicas": lambda obj: str(read(obj, "status", "replicas", default=0))},
    has_status=True,
    returns_deleted=True,
    orphans_by_default=True,
    scale=Scale(".spec.replicas", ".status.replicas", ".spec.selector"),
)  # fmt: skip
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
