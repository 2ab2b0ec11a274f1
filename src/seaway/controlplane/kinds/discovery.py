"""Where a service's pods answer: endpoints of the core group, endpoint slices of discovery.k8s.io."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, NONE, UNSET, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.endpoint_validation import slice_warnings, validate_endpoints, validate_slice
from seaway.controlplane.kinds.faults import immutable
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.builtin import ENDPOINT_SLICES, ENDPOINTS
from seaway.objects.errors import Cause

_SHOWN = 3


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
    deprecation="v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    validate_update=validate_metadata_update,
    generation=False,
    columns=(NAME, Column("Endpoints", _endpoints, description="Addresses and ports."), AGE),
)
ENDPOINT_SLICE = Kind(
    ENDPOINT_SLICES,
    schema_of(ENDPOINT_SLICES),
    default=default_slice,
    validate=validate_slice,
    warnings=slice_warnings,
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
