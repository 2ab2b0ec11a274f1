"""Validation of resource names and quantities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.objects import names
from seaway.objects.errors import Cause
from seaway.objects.quantity import format_quantity, parse_quantity

STANDARD_CONTAINER_RESOURCES = ("cpu", "ephemeral-storage", "memory")
HUGE_PAGES_PREFIX = "hugepages-"
POD_RESOURCES = ("cpu", "memory")
_STANDARD = frozenset({
    *STANDARD_CONTAINER_RESOURCES, "storage", "pods", "services", "replicationcontrollers", "secrets", "configmaps",
    "persistentvolumeclaims", "resourcequotas", "services.nodeports", "services.loadbalancers", "limits.cpu",
    "limits.memory", "limits.ephemeral-storage",
})  # fmt: skip
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
    return _requirement_faults(resources, field, container_name_faults)


def pod_resource_faults(spec: Mapping[str, Any], field: str) -> list[Cause]:
    """Return the faults of the requests and limits of a pod as a whole. Source: KEP-2837."""
    resources, at = spec.get("resources"), f"{field}.resources"
    if resources is None:
        return []
    faults: list[Cause] = []
    if resources.get("claims"):
        faults.append(forbidden(f"{at}.claims", "claims may not be set for Resources at pod-level"))
    faults += _requirement_faults(resources, at, _pod_name_faults)
    own, limits = resources.get("requests") or {}, resources.get("limits") or {}
    containers = spec.get("containers") or ()
    for name, value in own.items():
        used = sum((amount_of(_amounts(c, "requests").get(name) or "0") for c in containers), Decimal(0))
        if used > amount_of(value):
            detail = (
                f"must be greater than or equal to aggregate container requests of {format_quantity(used)}"
            )
            faults.append(invalid(f"{at}.requests[{name}]", value, detail))
    for index, container in enumerate(containers):
        for name, value in _amounts(container, "limits").items():
            if name in limits and amount_of(value) > amount_of(limits[name]):
                detail = f"must be less than or equal to pod limits of {limits[name]}"
                faults.append(invalid(f"{at}.containers[{index}][{name}].limits", value, detail))
    return faults


def _amounts(container: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    return (container.get("resources") or {}).get(kind) or {}


def _requirement_faults(
    resources: Mapping[str, Any], field: str, name_faults: Callable[[str, str], list[Cause]]
) -> list[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    faults: list[Cause] = []
    for kind, amounts in (("limits", limits), ("requests", requests)):
        for name, value in amounts.items():
            at = f"{field}.{kind}[{name}]"
            faults += name_faults(at, name) + quantity_faults(at, value, whole=is_extended(name))
    for name, value in requests.items():
        fixed = is_extended(name) or name.startswith(HUGE_PAGES_PREFIX)
        if name not in limits:
            detail = "Limit must be set for non overcommitable resources"
            faults += [required(f"{field}.limits", detail)] if fixed else []
        elif fixed and amount_of(value) != amount_of(limits[name]):
            detail = f"must be equal to {name} limit of {limits[name]}"
            faults.append(invalid(f"{field}.requests", str(value), detail))
        elif amount_of(value) > amount_of(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            faults.append(invalid(f"{field}.requests", str(value), detail))
    paged = any(name.startswith(HUGE_PAGES_PREFIX) for name in (*limits, *requests))
    if paged and not {"cpu", "memory"} & {*limits, *requests}:
        faults.append(forbidden(field, "HugePages require cpu or memory"))
    return faults


def container_name_faults(field: str, name: str) -> list[Cause]:
    """Return the faults of the name of a resource that a container asks for."""
    faults = name_faults(field, name)
    plain = "/" not in name
    if plain and name not in STANDARD_CONTAINER_RESOURCES and not name.startswith(HUGE_PAGES_PREFIX):
        faults.append(invalid(field, name, "must be a standard resource for containers"))
    return faults


def _pod_name_faults(field: str, name: str) -> list[Cause]:
    faults = name_faults(field, name)
    if not faults and name not in POD_RESOURCES and not name.startswith(HUGE_PAGES_PREFIX):
        faults.append(unsupported(field, name, POD_RESOURCES))
    return faults


def name_faults(field: str, name: str) -> list[Cause]:
    """Return the faults of a resource's name."""
    faults = [invalid(field, name, f) for f in names.qualified_name_faults(name)]
    known = "/" in name or name in _STANDARD or name.startswith((HUGE_PAGES_PREFIX, "requests."))
    if not faults and not known:
        faults.append(invalid(field, name, "must be a standard resource type or fully qualified"))
    return faults
