"""Where a service's pods answer: endpoints of the core group, endpoint slices of discovery.k8s.io."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, NONE, UNSET, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import ENDPOINT_SLICES, ENDPOINTS
from seaway.objects.errors import Cause

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
PROTOCOLS = ("SCTP", "TCP", "UDP")
_FAMILIES = {"IPv4": 4, "IPv6": 6}
_SHOWN = 3
_MOST_ADDRESSES = 100


def _maps(value: Any) -> Iterable[Object]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def default_endpoints(endpoints: Object) -> None:
    """Fill in the protocol."""
    for subset in _maps(endpoints.get("subsets")):
        for port in _maps(subset.get("ports")):
            if not port.get("protocol"):
                port["protocol"] = "TCP"


def default_slice(endpoint_slice: Object) -> None:
    """Fill in the ports' names and protocols."""
    for port in _maps(endpoint_slice.get("ports")):
        if port.get("name") is None:
            port["name"] = ""
        if not port.get("protocol"):
            port["protocol"] = "TCP"


def validate_endpoints(endpoints: Object) -> list[Cause]:
    """Return the faults of an Endpoints."""
    faults = validate_metadata(endpoints)
    for index, subset in enumerate(endpoints.get("subsets") or ()):
        at_subset = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            faults.append(required(at_subset, "must specify `addresses` or `notReadyAddresses`"))
        for kind in ("addresses", "notReadyAddresses"):
            for position, address in enumerate(subset.get(kind) or ()):
                field = f"{at_subset}.{kind}[{position}].ip"
                found = address_faults(address.get("ip"), field)
                faults += found
                if any("must be a valid" in fault.message for fault in found):  # said twice, in two ways
                    faults.append(invalid(field, address.get("ip") or "", "must be a valid IP address"))
        faults += _port_faults(subset.get("ports") or (), f"{at_subset}.ports")
    return faults


def address_faults(address: Any, field: str) -> list[Cause]:
    """Return the faults of an address of an endpoint, which other machines must be able to reach."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return [
            invalid(field, address or "", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
        ]
    return (
        [invalid(field, address, "may not be unspecified (0.0.0.0 or ::)")] if parsed.is_unspecified else []
    )


def _port_faults(ports: Iterable[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, port in enumerate(ports):
        number, protocol = port.get("port"), port.get("protocol")
        if number is not None and not 1 <= number <= 65535:
            faults.append(invalid(f"{field}[{index}].port", number, "must be between 1 and 65535, inclusive"))
        if protocol not in (None, *PROTOCOLS):
            faults.append(unsupported(f"{field}[{index}].protocol", protocol, PROTOCOLS))
        if name := port.get("name"):
            faults += [invalid(f"{field}[{index}].name", name, f) for f in names.dns_label_faults(name)]
    return faults


def validate_slice(endpoint_slice: Object) -> list[Cause]:
    """Return the faults of an EndpointSlice."""
    kind = endpoint_slice.get("addressType")
    faults = validate_metadata(endpoint_slice)
    if not kind:
        faults.append(required("addressType"))
    elif kind not in ADDRESS_TYPES:
        faults.append(unsupported("addressType", kind, ADDRESS_TYPES))
    faults += _slice_port_faults(endpoint_slice.get("ports") or ())
    for index, endpoint in enumerate(endpoint_slice.get("endpoints") or ()):
        field, addresses = f"endpoints[{index}].addresses", endpoint.get("addresses") or ()
        if not addresses:
            faults.append(required(field, "must contain at least 1 address"))
        elif len(addresses) > _MOST_ADDRESSES:
            faults.append(invalid(field, len(addresses), f"must have at most {_MOST_ADDRESSES} items"))
        if kind != "FQDN":
            for position, address in enumerate(addresses):
                faults += address_faults(address, f"{field}[{position}]")
                if kind in _FAMILIES and not _is_of(address, kind):
                    faults.append(invalid(field, address, f"must be an {kind} address"))
    return faults


def _is_of(address: Any, family: str) -> bool:
    """Tell whether an address is of a family; one that cannot be read is told elsewhere."""
    try:
        return ipaddress.ip_address(address).version == _FAMILIES[family]
    except ValueError:
        return True


def _slice_port_faults(ports: Iterable[Object]) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, port in enumerate(ports):
        name, field = port.get("name") or "", f"ports[{index}].name"
        if name in taken:
            faults.append(duplicate(field, name))
        taken.add(name)
        faults += [invalid(field, name, f) for f in names.dns_label_faults(name)] if name else []
        if port.get("protocol") not in PROTOCOLS:
            faults.append(unsupported(f"ports[{index}].protocol", port.get("protocol"), PROTOCOLS))
    return faults


def deprecation(_endpoints: Object, _old: Object | None) -> list[str]:
    """Tell that there is something better."""
    return ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]


def validate_slice_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: the sort of address is fixed."""
    return validate_metadata_update(new, old) + immutable(
        "addressType", new.get("addressType"), old.get("addressType")
    )


def _listed(items: list[str], none: str) -> str:
    shown = ",".join(items[:_SHOWN]) or none
    return shown + (f" + {len(items) - _SHOWN} more..." if len(items) > _SHOWN else "")


def _endpoints(endpoints: Object, _now: float) -> str:
    found = [
        f"{address.get('ip')}:{port.get('port')}" if port else str(address.get("ip"))
        for subset in endpoints.get("subsets") or ()
        for port in subset.get("ports") or [{}]
        for address in subset.get("addresses") or ()
    ]
    return _listed(found, NONE)


def _slice_ports(endpoint_slice: Object, _now: float) -> str:
    return _listed([str(port.get("port", "*")) for port in endpoint_slice.get("ports") or ()], UNSET)


def _slice_addresses(endpoint_slice: Object, _now: float) -> str:
    endpoints = read(endpoint_slice, "endpoints", default=())
    return _listed([address for endpoint in endpoints for address in endpoint.get("addresses") or ()], UNSET)


ENDPOINTS_KIND = Kind(
    ENDPOINTS,
    schema_of(ENDPOINTS),
    default=default_endpoints,
    validate=validate_endpoints,
    warnings=deprecation,
    validate_update=validate_metadata_update,
    generation=False,
    columns=(NAME, Column("Endpoints", _endpoints, description="Addresses and ports."), AGE),
)
ENDPOINT_SLICE = Kind(
    ENDPOINT_SLICES,
    schema_of(ENDPOINT_SLICES),
    default=default_slice,
    validate=validate_slice,
    validate_update=validate_slice_update,
    generation_metadata=("annotations", "labels"),
    columns=(
        NAME,
        Column("AddressType", at("addressType"), description="IPv4, IPv6 or FQDN."),
        Column("Ports", _slice_ports, description="Ports of each endpoint."),
        Column("Endpoints", _slice_addresses, description="Addresses of the endpoints."),
        AGE,
    ),
)
