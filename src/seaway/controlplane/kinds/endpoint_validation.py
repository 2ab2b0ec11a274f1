"""What makes endpoints, and slices of them, valid, in Kubernetes' words."""

from __future__ import annotations

import ipaddress
from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, invalid, required, too_many, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata
from seaway.objects import names
from seaway.objects.errors import Cause

ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
PROTOCOLS = ("SCTP", "TCP", "UDP")
_FAMILIES = {"IPv4": 4, "IPv6": 6}
_MOST_ADDRESSES, _MOST_ENDPOINTS, _MOST_PORTS, _MOST_HINTS = 100, 1000, 20_000, 8
_MOST_TOPOLOGY = 16


def validate_endpoints(endpoints: Object) -> list[Cause]:
    """Return the faults of an Endpoints."""
    faults = validate_metadata(endpoints)
    for index, subset in enumerate(endpoints.get("subsets") or ()):
        field = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            faults.append(required(field, "must specify `addresses` or `notReadyAddresses`"))
        for kind in ("addresses", "notReadyAddresses"):
            for position, address in enumerate(subset.get(kind) or ()):
                faults += _subset_address_faults(address, f"{field}.{kind}[{position}]")
        ports = subset.get("ports") or ()
        for position, port in enumerate(ports):
            faults += _subset_port_faults(port, f"{field}.ports[{position}]", named=len(ports) > 1)
    return faults


def _subset_address_faults(address: Object, field: str) -> list[Cause]:
    ip = address.get("ip") or ""
    faults = _address_faults(ip, f"{field}.ip")
    if not _is_address(ip):  # said twice, in two ways
        faults.append(invalid(f"{field}.ip", ip, "must be a valid IP address"))
    if hostname := address.get("hostname"):
        faults += [
            invalid(f"{field}.hostname", hostname, fault) for fault in names.dns_label_faults(hostname)
        ]
    return faults + _node_faults(address.get("nodeName"), f"{field}.nodeName")


def _subset_port_faults(port: Object, field: str, *, named: bool) -> list[Cause]:
    name, number = port.get("name") or "", port.get("port") or 0
    faults = []
    if named and not name:
        faults.append(required(f"{field}.name"))
    elif name:
        faults += [invalid(f"{field}.name", name, fault) for fault in names.dns_label_faults(name)]
    if not 1 <= number <= 65535:
        faults.append(invalid(f"{field}.port", number, "must be between 1 and 65535, inclusive"))
    return faults + _protocol_faults(port, field)


def validate_slice(endpoint_slice: Object) -> list[Cause]:
    """Return the faults of an EndpointSlice."""
    kind = endpoint_slice.get("addressType")
    faults = validate_metadata(endpoint_slice)
    if not kind:
        faults.append(required("addressType"))
    elif kind not in ADDRESS_TYPES:
        faults.append(unsupported("addressType", kind, ADDRESS_TYPES))
    faults += _slice_ports_faults(endpoint_slice.get("ports") or ())
    endpoints = endpoint_slice.get("endpoints") or ()
    if len(endpoints) > _MOST_ENDPOINTS:
        return [*faults, too_many("endpoints", len(endpoints), _MOST_ENDPOINTS)]
    for index, endpoint in enumerate(endpoints):
        faults += _endpoint_faults(endpoint, kind or "", f"endpoints[{index}]")
    return faults


def slice_warnings(new: Object, old: Object | None) -> list[str]:
    """Return what whoever makes a slice should know of its addresses."""
    if old is None and new.get("addressType") == "FQDN":
        return ["spec.addressType: FQDN endpoints are deprecated"]
    return []


def _endpoint_faults(endpoint: Object, kind: str, field: str) -> list[Cause]:
    addresses, at = endpoint.get("addresses") or (), f"{field}.addresses"
    faults: list[Cause] = []
    if not addresses:
        faults.append(required(at, "must contain at least 1 address"))
    elif len(addresses) > _MOST_ADDRESSES:
        faults.append(too_many(at, len(addresses), _MOST_ADDRESSES))
    for position, address in enumerate(addresses):
        faults += _of_type(address, kind, at, f"{at}[{position}]")
    faults += _node_faults(endpoint.get("nodeName"), f"{field}.nodeName")
    topology = endpoint.get("deprecatedTopology") or {}
    if len(topology) > _MOST_TOPOLOGY:
        faults.append(too_many(f"{field}.deprecatedTopology", len(topology), _MOST_TOPOLOGY))
    if (hostname := endpoint.get("hostname")) is not None:
        faults += [
            invalid(f"{field}.hostname", hostname, fault) for fault in names.dns_label_faults(hostname)
        ]
    return faults + _hint_faults(endpoint.get("hints") or {}, f"{field}.hints")


def _of_type(address: str, kind: str, field: str, at: str) -> list[Cause]:
    if kind == "FQDN":
        return _domain_faults(address, at)
    if kind not in _FAMILIES:
        return []
    faults = _address_faults(address, at)
    if _is_address(address) and ipaddress.ip_address(address).version != _FAMILIES[kind]:
        faults.insert(0, invalid(field, address, f"must be an {kind} address"))
    return faults


def _domain_faults(name: str, field: str) -> list[Cause]:
    if not name:
        return [required(field)]
    bare = name.removesuffix(".")
    if faults := names.dns_subdomain_faults(bare):
        return [invalid(field, bare, fault) for fault in faults]
    if "." not in bare:
        return [invalid(field, bare, "should be a domain with at least two segments separated by dots")]
    return [
        invalid(field, label, fault) for label in bare.split(".") for fault in names.dns_label_faults(label)
    ]


def _hint_faults(hints: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for which, judge in (("forZones", names.label_value_faults), ("forNodes", names.dns_subdomain_faults)):
        listed, seen = hints.get(which) or (), set()
        if len(listed) > _MOST_HINTS:
            return [*faults, too_many(f"{field}.{which}", len(listed), _MOST_HINTS)]
        for index, hint in enumerate(listed):
            at, name = f"{field}.{which}[{index}].name", hint.get("name") or ""
            if name in seen:
                faults.append(duplicate(at, name))
            seen.add(name)
            faults += [invalid(at, name, fault) for fault in judge(name)]
    return faults


def _slice_ports_faults(ports: Any) -> list[Cause]:
    if len(ports) > _MOST_PORTS:
        return [too_many("ports", len(ports), _MOST_PORTS)]
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, port in enumerate(ports):
        name, field = port.get("name") or "", f"ports[{index}]"
        faults += [invalid(f"{field}.name", name, f) for f in names.dns_label_faults(name)] if name else []
        if name in taken:
            faults.append(duplicate(f"{field}.name", name))
        taken.add(name)
        faults += _protocol_faults(port, field)
    return faults


def _protocol_faults(port: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    if port.get("protocol") not in PROTOCOLS:
        faults.append(unsupported(f"{field}.protocol", port.get("protocol"), PROTOCOLS))
    if (protocol := port.get("appProtocol")) is not None:
        faults += [
            invalid(f"{field}.appProtocol", protocol, f) for f in names.qualified_name_faults(protocol)
        ]
    return faults


def _node_faults(name: str | None, field: str) -> list[Cause]:
    return [] if name is None else [invalid(field, name, fault) for fault in names.dns_subdomain_faults(name)]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _address_faults(address: str, field: str) -> list[Cause]:
    """Return the faults of an address of an endpoint; those of this machine are allowed, for ours have no others."""
    if not _is_address(address):
        return [invalid(field, address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    parsed, faults = ipaddress.ip_address(address), []
    if parsed.is_unspecified:
        faults.append(invalid(field, address, f"may not be unspecified ({address})"))
    if parsed.is_link_local:
        faults.append(
            invalid(field, address, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
        )
    if _is_local_multicast(parsed):
        faults.append(
            invalid(field, address, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
        )
    return faults


def _is_local_multicast(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(address in network for network in _LOCAL_MULTICAST if network.version == address.version)


_LOCAL_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))
