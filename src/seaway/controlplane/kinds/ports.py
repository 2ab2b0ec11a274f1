"""Validation of port numbers and names."""

from __future__ import annotations

import re
from typing import Any

from seaway.controlplane.kinds.faults import invalid
from seaway.objects.errors import Cause

PROTOCOLS = ("SCTP", "TCP", "UDP")
_NAME_LENGTH = 15


def port_number_faults(field: str, number: Any) -> list[Cause]:
    """Return the fault of a number that is no port."""
    in_range = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= 65535
    return [] if in_range else [invalid(field, number, "must be between 1 and 65535, inclusive")]


def named_port_faults(field: str, name: str) -> list[Cause]:
    """Return the faults of a port's name. Source: RFC 6335, section 5.1."""
    rules = (
        (len(name) > _NAME_LENGTH, f"must be no more than {_NAME_LENGTH} characters"),
        (
            not re.fullmatch("[-a-z0-9]+", name),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search("[a-z]", name), "must contain at least one letter (a-z)"),
        ("--" in name, "must not contain consecutive hyphens"),
        (name[:1] == "-" or name[-1:] == "-", "must not begin or end with a hyphen"),
    )
    return [invalid(field, name, detail) for broken, detail in rules if broken]


def port_reference_faults(field: str, port: Any) -> list[Cause]:
    """Return the faults of a port given by number or by name."""
    return named_port_faults(field, port) if isinstance(port, str) else port_number_faults(field, port)
