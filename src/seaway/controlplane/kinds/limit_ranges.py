"""Limit ranges: defaults and bounds of what single containers, pods and claims of a namespace ask for."""

from __future__ import annotations

from decimal import Decimal

from seaway.controlplane.kinds.cells import CREATED_AT, NAME
from seaway.controlplane.kinds.declaration import Kind, Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.resources import (
    amount_of,
    container_name_faults,
    is_extended,
    name_faults,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import LIMIT_RANGES
from seaway.objects.errors import Cause

TYPES = ("Container", "PersistentVolumeClaim", "Pod")
_LISTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def default(limit_range: Object) -> None:
    """Fill in a container's default limits from the largest ones, its default requests from those or the smallest ones.

    One without a name is named by its uid.
    """
    metadata, spec = limit_range.get("metadata") or {}, limit_range.get("spec")
    if not metadata.get("name") and not metadata.get("generateName") and metadata.get("uid"):
        metadata["name"] = metadata["uid"]
    limits = spec.get("limits") if isinstance(spec, dict) else None
    for limit in limits if isinstance(limits, list) else ():
        if isinstance(limit, dict) and limit.get("type") == "Container":
            limit["default"] = (limit.get("max") or {}) | (limit.get("default") or {})
            least = (limit.get("min") or {}) | limit["default"]
            limit["defaultRequest"] = least | (limit.get("defaultRequest") or {})
            for name in ("default", "defaultRequest"):
                if not limit[name]:
                    del limit[name]


def validate(limit_range: Object) -> list[Cause]:
    """Return the faults of a LimitRange."""
    faults = validate_metadata(limit_range)
    seen: set[str] = set()
    for index, limit in enumerate((limit_range.get("spec") or {}).get("limits") or ()):
        field, kind = f"spec.limits[{index}]", limit.get("type") or ""
        faults += _type_faults(kind, f"{field}.type")
        if kind in seen:
            faults.append(duplicate(f"{field}.type", kind))
        seen.add(kind)
        faults += _limit_faults(limit, kind, field)
    return faults


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change."""
    return validate_metadata_update(new, old)


def _type_faults(kind: str, field: str) -> list[Cause]:
    faults = [invalid(field, kind, fault) for fault in names.qualified_name_faults(kind)]
    if not faults and "/" not in kind and kind not in TYPES:
        faults.append(invalid(field, kind, "must be a standard limit type or fully qualified"))
    return faults


def _limit_faults(limit: Object, kind: str, field: str) -> list[Cause]:
    faults: list[Cause] = []
    judge = container_name_faults if kind in ("Pod", "Container") else name_faults
    lists = {name: limit.get(name) or {} for name in _LISTS}
    if kind == "Pod":
        for name in ("default", "defaultRequest"):
            if lists[name]:
                faults.append(forbidden(f"{field}.{name}", "may not be specified when `type` is 'Pod'"))
                lists[name] = {}
    if kind == "PersistentVolumeClaim" and not any("storage" in lists[name] for name in ("min", "max")):
        detail = "either minimum or maximum storage value is required, but neither was provided"
        faults.append(required(f"{field}.limits", detail))
    for name, amounts in lists.items():
        faults += [fault for resource in amounts for fault in judge(f"{field}.{name}[{resource}]", resource)]
    for resource in dict.fromkeys(key for amounts in lists.values() for key in amounts):
        given = {name: str(amounts[resource]) for name, amounts in lists.items() if resource in amounts}
        faults += _order_faults(given, resource, field) + _ratio_faults(given, resource, field)
    return faults


_ORDER = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip
"""The smaller list, the larger one, where the fault is told, whose value it shows, and its words."""


def _order_faults(given: dict[str, str], resource: str, field: str) -> list[Cause]:
    faults = [
        invalid(f"{field}.{told}[{resource}]", given[shown], words.format(given[small], given[large]))
        for small, large, told, shown, words in _ORDER
        if small in given and large in given and amount_of(given[small]) > amount_of(given[large])
    ]
    if "default" in given and "defaultRequest" in given and _never_overcommitted(resource):
        limit, request = given["default"], given["defaultRequest"]
        if amount_of(limit) != amount_of(request):
            words = f"default value {limit} must equal to defaultRequest value {request} in {resource}"
            faults.append(invalid(f"{field}.defaultRequest[{resource}]", request, words))
    return faults


def _never_overcommitted(resource: str) -> bool:
    return is_extended(resource) or resource.startswith("hugepages-")


def _ratio_faults(given: dict[str, str], resource: str, field: str) -> list[Cause]:
    ratio, at = given.get("maxLimitRequestRatio"), f"{field}.maxLimitRequestRatio[{resource}]"
    if ratio is None:
        return []
    faults = []
    if amount_of(ratio) < 1:
        faults.append(invalid(at, ratio, f"ratio {ratio} is less than 1"))
    least = amount_of(given["min"]) if "min" in given else Decimal(0)
    if least and "max" in given and amount_of(ratio) > (most := amount_of(given["max"]) / least):
        faults.append(invalid(at, ratio, f"ratio {ratio} is greater than max/min = {float(most):f}"))
    return faults


LIMIT_RANGE = Kind(
    LIMIT_RANGES,
    schema_of(LIMIT_RANGES),
    default=default,
    validate=validate,
    validate_update=validate_update,
    columns=(NAME, CREATED_AT),
    generation=False,
)
