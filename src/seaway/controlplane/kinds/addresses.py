"""Validation of IP addresses and networks, in Kubernetes' words."""

from __future__ import annotations

import ipaddress

from seaway.controlplane.kinds.faults import invalid
from seaway.objects.errors import Cause

_NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
_NOT_A_NETWORK = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_LINK_LOCAL_MULTICAST = (ipaddress.ip_network("224.0.0.0/24"), ipaddress.ip_network("ff02::/16"))


def address_faults(field: str, text: str) -> list[Cause]:
    """Return the fault of a text that is no IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return [invalid(field, text, _NOT_AN_ADDRESS)]
    return []


def network_faults(field: str, text: str) -> list[Cause]:
    """Return the fault of a text that is no network in CIDR notation."""
    try:
        ipaddress.ip_network(text if "/" in text else "", strict=False)
    except ValueError:
        return [invalid(field, text, _NOT_A_NETWORK)]
    return []


def endpoint_address_faults(field: str, text: str) -> list[Cause]:
    """Return the faults of an address that nothing else can be reached at."""
    address = ipaddress.ip_address(text)
    ranges = (
        (address.is_unspecified, "may not be unspecified (0.0.0.0 or ::)"),
        (address.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (address.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (
            any(address in network for network in _LINK_LOCAL_MULTICAST),
            "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)",
        ),
    )
    return [invalid(field, text, detail) for broken, detail in ranges if broken]
