"""storage.k8s.io: what drivers and nodes say of volumes."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, CREATED_AT, NAME, UNSET, at, joined, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.persistent_volumes import protect
from seaway.controlplane.kinds.resources import quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.storage_classes import fixed
from seaway.controlplane.kinds.workloads import set_missing
from seaway.objects import names
from seaway.objects.errors import Cause
from seaway.objects.further import (
    CSI_DRIVERS,
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    VOLUME_ATTACHMENTS,
    VOLUME_ATTRIBUTES_CLASSES,
)  # fmt: skip

FS_GROUP_POLICIES = ("File", "None", "ReadWriteOnceWithFSType")
_LONGEST_DRIVER = 63


def validate_csi_node(node: Object) -> list[Cause]:
    """Return the faults of a CSINode."""
    faults = validate_metadata(node, namespaced=False)
    taken: set[str] = set()
    for index, driver in enumerate(read(node, "spec", "drivers", default=())):
        field, name = f"spec.drivers[{index}]", driver.get("name") or ""
        faults += driver_faults(name, f"{field}.name")
        if name in taken:
            faults.append(duplicate(f"{field}.name", name))
        taken.add(name)
        if not driver.get("nodeID"):
            faults.append(required(f"{field}.nodeID"))
    return faults


def driver_faults(name: str, field: str) -> list[Cause]:
    """Return the faults of a driver's name."""
    if not name:
        return [required(field)]
    if len(name) > _LONGEST_DRIVER:
        return [invalid(field, name, f"must be no more than {_LONGEST_DRIVER} characters")]
    return [invalid(field, name, f) for f in names.dns_subdomain_faults(name.lower())]


def default_driver(driver: Object) -> None:
    """Fill in what most drivers need."""
    spec = driver.get("spec")
    if not isinstance(spec, dict):
        return
    set_missing(spec, "attachRequired", True)
    for field in (
        "podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount",
    ):  # fmt: skip
        set_missing(spec, field, False)
    set_missing(spec, "fsGroupPolicy", "ReadWriteOnceWithFSType")
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def validate_driver(driver: Object) -> list[Cause]:
    """Return the faults of a CSIDriver."""
    faults = validate_metadata(driver, namespaced=False)
    modes, field = read(driver, "spec", "volumeLifecycleModes", default=()), "spec.volumeLifecycleModes"
    supported, policy = ("Persistent", "Ephemeral"), read(driver, "spec", "fsGroupPolicy")
    if policy and policy not in FS_GROUP_POLICIES:
        faults.append(unsupported("spec.fsGroupPolicy", policy, FS_GROUP_POLICIES))
    return faults + [unsupported(field, mode, supported) for mode in modes if mode not in supported]


def validate_capacity(capacity: Object) -> list[Cause]:
    """Return the faults of a CSIStorageCapacity."""
    faults = validate_metadata(capacity)
    name = capacity.get("storageClassName") or ""
    faults += [invalid("storageClassName", name, f) for f in names.dns_subdomain_faults(name)]
    for field in ("capacity", "maximumVolumeSize"):
        if capacity.get(field) is not None:
            faults += quantity_faults(field, capacity[field])
    return faults


def prepare_attachment(attachment: Object) -> None:
    """Begin detached."""
    attachment["status"] = {"attached": False}


def validate_attachment(attachment: Object) -> list[Cause]:
    """Return the faults of a VolumeAttachment."""
    spec = attachment.get("spec") or {}
    faults = validate_metadata(attachment, namespaced=False)
    node = spec.get("nodeName") or ""
    faults += [] if spec.get("attacher") else [required("spec.attacher")]
    faults += [invalid("spec.nodeName", node, f) for f in names.dns_subdomain_faults(node)]
    source = spec.get("source") or {}
    given = [field for field in ("persistentVolumeName", "inlineVolumeSpec") if source.get(field)]
    if not given:
        faults.append(
            required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        )
    elif len(given) > 1:
        detail = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        faults.append(invalid("spec.source", source, detail))
    return faults


def validate_attributes(attributes: Object) -> list[Cause]:
    """Return the faults of a VolumeAttributesClass."""
    faults = validate_metadata(attributes, namespaced=False)
    driver = (attributes.get("driverName") or "").lower()
    faults += [] if driver else [required("driverName")]
    faults += (
        [invalid("driverName", driver, f) for f in names.qualified_name_faults(driver)] if driver else []
    )
    if not attributes.get("parameters"):
        faults.append(required("parameters", "must contain at least one key/value pair"))
    return faults


def prepare_attributes(attributes: Object) -> None:
    """Begin protected: a controller lets it go when no volume is of this class."""
    protect(attributes, "kubernetes.io/vac-protection")


CSI_NODE = Kind(
    CSI_NODES,
    schema_of(CSI_NODES),
    validate=validate_csi_node,
    validate_update=validate_metadata_update,
    generation=False,
    conditional_updates=True,
    returns_deleted=True,
    columns=(
        NAME,
        Column("Drivers", lambda obj, _: len(read(obj, "spec", "drivers", default=())), type="integer", description="Drivers on the node."),
        AGE,
    ),
)  # fmt: skip
CSI_DRIVER = Kind(
    CSI_DRIVERS,
    schema_of(CSI_DRIVERS),
    default=default_driver,
    validate=validate_driver,
    validate_update=fixed(("spec", "attachRequired"), ("spec", "volumeLifecycleModes")),
    generation=False,
    conditional_updates=True,
    returns_deleted=True,
    columns=(
        NAME,
        Column("AttachRequired", at("spec", "attachRequired", default=True), type="boolean", description="Whether volumes are attached first."),
        Column("PodInfoOnMount", at("spec", "podInfoOnMount", default=False), type="boolean", description="Whether it is told of the pod."),
        Column("StorageCapacity", at("spec", "storageCapacity", default=False), type="boolean", description="Whether it says how much there is."),
        Column("TokenRequests", lambda obj, _: joined(str(one.get("audience", "")) for one in read(obj, "spec", "tokenRequests", default=())) or UNSET, description="Audiences of tokens it gets."),
        Column("RequiresRepublish", at("spec", "requiresRepublish", default=False), type="boolean", description="Whether it is called again and again."),
        Column("Modes", lambda obj, _: joined(read(obj, "spec", "volumeLifecycleModes", default=())), description="Persistent, Ephemeral."),
        AGE,
    ),
)  # fmt: skip
CSI_STORAGE_CAPACITY = Kind(
    CSI_STORAGE_CAPACITIES,
    schema_of(CSI_STORAGE_CAPACITIES),
    validate=validate_capacity,
    validate_update=fixed(("nodeTopology",), ("storageClassName",)),
    generation=False,
    conditional_updates=True,
    columns=(
        NAME,
        CREATED_AT,
    ),
)
VOLUME_ATTACHMENT = Kind(
    VOLUME_ATTACHMENTS,
    schema_of(VOLUME_ATTACHMENTS),
    validate=validate_attachment,
    validate_update=fixed(("spec",)),
    prepare_create=prepare_attachment,
    conditional_updates=True,
    returns_deleted=True,
    columns=(
        NAME,
        Column("Attacher", at("spec", "attacher"), format="name", description="The driver."),
        Column("PV", at("spec", "source", "persistentVolumeName"), description="The volume."),
        Column("Node", at("spec", "nodeName"), description="The node."),
        Column("Attached", at("status", "attached", default=False), type="boolean", description="Whether it is there."),
        AGE,
    ),
    has_status=True,
    generation=False,
)  # fmt: skip
VOLUME_ATTRIBUTES_CLASS = Kind(
    VOLUME_ATTRIBUTES_CLASSES,
    schema_of(VOLUME_ATTRIBUTES_CLASSES),
    validate=validate_attributes,
    validate_update=fixed(("driverName",), ("parameters",)),
    generation=False,
    prepare_create=prepare_attributes,
    returns_deleted=True,
    columns=(NAME, Column("DriverName", at("driverName"), description="The driver."), AGE),
)
