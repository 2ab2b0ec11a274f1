"""networking.k8s.io: ranges of service addresses, and the addresses taken."""

from __future__ import annotations

import ipaddress

from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import meta
from seaway.objects.errors import Cause
from seaway.objects.further import IP_ADDRESSES, SERVICE_CIDRS


def prepare_create(service_range: Object) -> None:
    """Begin without status."""
    service_range["status"] = {}


def validate_range(service_range: Object) -> list[Cause]:
    """Return the faults of a ServiceCIDR."""
    cidrs, faults = (
        read(service_range, "spec", "cidrs", default=()),
        validate_metadata(service_range, namespaced=False),
    )
    if not cidrs:
        faults.append(required("spec.cidrs", "at least one CIDR required"))
    elif len(cidrs) > 2:
        return [*faults, invalid("spec.cidrs", {"CIDRs": list(cidrs)}, "may only hold up to 2 values")]
    for index, cidr in enumerate(cidrs):
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            faults.append(invalid(f"spec.cidrs[{index}]", cidr, detail))
    return faults


def _address_faults(name: str) -> list[str]:
    try:
        return (
            [] if str(ipaddress.ip_address(name)) == name else ["must be a valid address in canonical format"]
        )
    except ValueError:
        return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]


def validate_address(address: Object) -> list[Cause]:
    """Return the faults of an IPAddress."""
    faults = validate_metadata(address, namespaced=False, name_faults=_address_faults)
    reference = read(address, "spec", "parentRef", default=None)
    if reference is None:
        return [*faults, required("spec.parentRef")]
    return faults + [
        required(f"spec.parentRef.{part}") for part in ("resource", "name") if not reference.get(part)
    ]


def validate_fixed_spec(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: the spec is fixed."""
    faults = validate_metadata_update(new, old)
    fixed = new.get("spec") == old.get("spec")
    return faults if fixed else [*faults, invalid("spec", new.get("spec"), "field is immutable")]


def _cidrs(service_range: Object, _now: float) -> str:
    return ",".join(read(service_range, "spec", "cidrs", default=()))


def _parent(address: Object, _now: float) -> str:
    reference = read(address, "spec", "parentRef", default={})
    parts = (reference.get("resource"), reference.get("namespace"), reference.get("name"))
    return "/".join(str(part) for part in parts if part) or meta.name(address)


SERVICE_CIDR = Kind(
    SERVICE_CIDRS,
    schema_of(SERVICE_CIDRS),
    validate=validate_range,
    validate_update=validate_fixed_spec,
    prepare_create=prepare_create,
    columns=(NAME, Column("CIDRs", _cidrs, description="Ranges of addresses."), AGE),
    has_status=True,
    generation=False,
)
IP_ADDRESS = Kind(
    IP_ADDRESSES,
    schema_of(IP_ADDRESSES),
    validate=validate_address,
    validate_update=validate_fixed_spec,
    columns=(NAME, Column("ParentRef", _parent, description="Who has the address."), AGE),
    generation=False,
)
