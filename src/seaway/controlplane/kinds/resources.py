"""Validation of resource names and quantities."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from seaway.controlplane.kinds.faults import invalid, required
from seaway.objects import names
from seaway.objects.errors import Cause
from seaway.objects.quantity import parse_quantity

STANDARD_CONTAINER_RESOURCES = ("cpu", "ephemeral-storage", "memory")
HUGE_PAGES_PREFIX = "hugepages-"
WHOLE_ONLY_DETAIL = "must be an integer"
NOT_NEGATIVE_DETAIL = "must be greater than or equal to 0"


def is_extended(name: str) -> bool:
    """Return whether a resource is a node's own kind of thing, such as "nvidia.com/gpu"."""
    prefix, slash, _ = name.rpartition("/")
    return bool(slash) and "kubernetes.io" not in prefix and not name.startswith("requests.")


def quantity_faults(field: str, value: Any, *, positive: bool = False, whole: bool = False) -> list[Cause]:
    """Return the faults of a quantity.

    Args:
        field: its path.
        value: as written.
        positive: zero is not allowed either.
        whole: only integers are allowed.
    """
    try:
        amount = parse_quantity(value)
    except ValueError as error:
        return [invalid(field, value, str(error))]
    if amount < 0:
        return [invalid(field, str(value), NOT_NEGATIVE_DETAIL)]
    if positive and amount == 0:
        return [invalid(field, str(value), "must be greater than zero")]
    if whole and amount != amount.to_integral_value():
        return [invalid(field, str(value), WHOLE_ONLY_DETAIL)]
    return []


def amount_of(value: Any) -> Decimal:
    """Return a quantity's value, 0 for what is none: that is refused elsewhere."""
    try:
        return parse_quantity(value)
    except ValueError:
        return Decimal(0)


def container_resource_faults(resources: Mapping[str, Any], field: str) -> list[Cause]:
    """Return the faults of a container's requests and limits."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    faults: list[Cause] = []
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, value in amounts.items():
            at = f"{field}.{kind}[{name}]"
            faults += _resource_name_faults(f"{field}.{kind}", name)
            faults += quantity_faults(at, value, whole=is_extended(name))
    if faults:
        return faults
    for name, value in requests.items():
        if name in limits and parse_quantity(value) > parse_quantity(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            faults.append(invalid(f"{field}.requests", str(value), detail))
        elif is_extended(name) and name not in limits:
            faults.append(required(f"{field}.limits", "Limit must be set for non overcommitable resources"))
        elif is_extended(name) and parse_quantity(value) != parse_quantity(limits[name]):
            detail = f"must be equal to {name} limit of {limits[name]}"
            faults.append(invalid(f"{field}.requests", str(value), detail))
    return faults


def _resource_name_faults(field: str, name: str) -> list[Cause]:
    faults = [invalid(field, name, f) for f in names.qualified_name_faults(name)]
    known = "/" in name or name in STANDARD_CONTAINER_RESOURCES or name.startswith(HUGE_PAGES_PREFIX)
    if not faults and not known:
        faults.append(invalid(field, name, "must be a standard resource for containers"))
        faults.append(invalid(field, name, "must be a standard resource type or fully qualified"))
    return faults
