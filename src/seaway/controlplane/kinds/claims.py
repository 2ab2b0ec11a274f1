"""resource.k8s.io: claims of devices, their templates, classes, and what nodes offer (dynamic resource allocation)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, immutable, invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.storage import driver_faults
from seaway.controlplane.kinds.storage_classes import fixed
from seaway.controlplane.kinds.workloads import set_missing
from seaway.objects import meta, names
from seaway.objects.errors import Cause
from seaway.objects.further import (
    DEVICE_CLASSES,
    RESOURCE_CLAIM_TEMPLATES,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
)

EXACT = "ExactCount"
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")


def _requests(spec: Any) -> Iterable[Object]:
    """Yield each exact request of a claim's spec, also the alternatives of one."""
    devices = spec.get("devices") if isinstance(spec, dict) else None
    for request in (devices.get("requests") if isinstance(devices, dict) else None) or ():
        if isinstance(request, dict):
            if isinstance(request.get("exactly"), dict):
                yield request["exactly"]
            yield from (one for one in request.get("firstAvailable") or () if isinstance(one, dict))


def _default_spec(spec: Any) -> None:
    for request in _requests(spec):
        set_missing(request, "allocationMode", EXACT)
        if request["allocationMode"] == EXACT and not request.get("count"):
            request["count"] = 1


def default_claim(claim: Object) -> None:
    """Fill in that one device is wanted."""
    _default_spec(claim.get("spec"))


def default_template(template: Object) -> None:
    """Fill in what its claims get."""
    _default_spec(read(template, "spec", "spec", default={}))


def prepare_create(claim: Object) -> None:
    """Begin without status: nothing is allocated."""
    claim["status"] = {}


def claim_faults(spec: Object, field: str) -> list[Cause]:
    """Return the faults of a claim's spec."""
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, request in enumerate(read(spec, "devices", "requests", default=())):
        here, name = f"{field}.devices.requests[{index}]", request.get("name") or ""
        faults += [invalid(f"{here}.name", name, f) for f in names.dns_label_faults(name)] if name else []
        if not name:
            faults.append(required(f"{here}.name"))
        elif name in taken:
            faults.append(duplicate(here, name))
        taken.add(name)
        exactly, alternatives = request.get("exactly"), request.get("firstAvailable")
        if bool(exactly) == bool(alternatives):
            detail = "exactly one of `exactly` or `firstAvailable` is required"
            faults.append(invalid(here, dict(request), detail) if exactly else required(here, detail))
        elif exactly and not exactly.get("deviceClassName"):
            faults.append(required(f"{here}.exactly.deviceClassName"))
    return faults


def validate_claim(claim: Object) -> list[Cause]:
    """Return the faults of a ResourceClaim."""
    return validate_metadata(claim) + claim_faults(claim.get("spec") or {}, "spec")


def validate_template(template: Object) -> list[Cause]:
    """Return the faults of a ResourceClaimTemplate."""
    return validate_metadata(template) + claim_faults(read(template, "spec", "spec", default={}), "spec.spec")


def validate_class(device_class: Object) -> list[Cause]:
    """Return the faults of a DeviceClass."""
    return validate_metadata(device_class, namespaced=False)


def validate_slice(resource_slice: Object) -> list[Cause]:
    """Return the faults of a ResourceSlice."""
    spec = resource_slice.get("spec") or {}
    faults = validate_metadata(resource_slice, namespaced=False)
    faults += driver_faults(spec.get("driver") or "", "spec.driver")
    if not read(spec, "pool", "name"):
        faults.append(required("spec.pool.name"))
    if (count := read(spec, "pool", "resourceSliceCount", default=0)) <= 0:
        faults.append(invalid("spec.pool.resourceSliceCount", count, "must be greater than zero"))
    given = [name for name in _PLACES if spec.get(name)]
    detail = f"exactly one of {', '.join(f'`{name}`' for name in _PLACES)} is required"
    if not given:
        faults.append(required("spec", detail))
    elif len(given) > 1:
        faults.append(invalid("spec", f"{{{', '.join(f'`{name}`' for name in given)}}}", detail))
    return faults


def validate_slice_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: driver, pool and node are fixed."""
    faults = validate_metadata_update(new, old)
    for path in (("driver",), ("pool", "name"), ("nodeName",)):
        after, before = (read(obj, "spec", *path, default=None) for obj in (new, old))
        faults += immutable(".".join(("spec", *path)), after, before)
    return faults


def _state(claim: Object, _now: float) -> str:
    states = []
    if meta.deletion_timestamp(claim):
        states.append("deleted")
    if not read(claim, "status", "allocation", default={}):
        states.append("pending")
    else:
        reserved = bool(read(claim, "status", "reservedFor", default=()))
        states += ["allocated", "reserved"] if reserved else ["allocated"]
    return ",".join(states)


RESOURCE_CLAIM = Kind(
    RESOURCE_CLAIMS,
    schema_of(RESOURCE_CLAIMS),
    default=default_claim,
    validate=validate_claim,
    validate_update=fixed(("spec",)),
    prepare_create=prepare_create,
    returns_deleted=True,
    columns=(NAME, Column("State", _state, description="Pending, allocated, reserved, deleted."), AGE),
    has_status=True,
    generation=False,
)
RESOURCE_CLAIM_TEMPLATE = Kind(
    RESOURCE_CLAIM_TEMPLATES,
    schema_of(RESOURCE_CLAIM_TEMPLATES),
    default=default_template,
    validate=validate_template,
    validate_update=fixed(("spec",)),
    returns_deleted=True,
    columns=(NAME, AGE),
    generation=False,
)
DEVICE_CLASS = Kind(
    DEVICE_CLASSES,
    schema_of(DEVICE_CLASSES),
    validate=validate_class,
    validate_update=validate_metadata_update,
    returns_deleted=True,
    columns=(NAME, AGE),
)
RESOURCE_SLICE = Kind(
    RESOURCE_SLICES,
    schema_of(RESOURCE_SLICES),
    validate=validate_slice,
    validate_update=validate_slice_update,
    returns_deleted=True,
    columns=(
        NAME,
        Column("Node", at("spec", "nodeName"), description="The node whose devices these are."),
        Column("Driver", at("spec", "driver"), description="The driver."),
        Column("Pool", at("spec", "pool", "name"), description="The pool that they belong to."),
        AGE,
    ),
    field_labels={
        "spec.nodeName": lambda obj: str(read(obj, "spec", "nodeName")),
        "spec.driver": lambda obj: str(read(obj, "spec", "driver")),
    },
)
