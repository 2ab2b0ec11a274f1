"""Validation of label selectors within objects."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required
from seaway.controlplane.kinds.metadata import label_faults
from seaway.objects import names
from seaway.objects.errors import Cause


def selector_faults(selector: Object | None, field: str) -> list[Cause]:
    """Return the faults of a label selector."""
    if not selector:
        return []
    faults = label_faults(selector.get("matchLabels"), f"{field}.matchLabels")
    for index, expression in enumerate(selector.get("matchExpressions") or ()):
        at = f"{field}.matchExpressions[{index}]"
        operator: Any = expression.get("operator")
        values, key = expression.get("values") or (), expression.get("key") or ""
        match operator:
            case "In" | "NotIn":
                if not values:
                    faults.append(
                        required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                    )
            case "Exists" | "DoesNotExist":
                if values:
                    detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    faults.append(forbidden(f"{at}.values", detail))
            case _:
                faults.append(invalid(f"{at}.operator", operator or "", "not a valid selector operator"))
        faults += [invalid(f"{at}.key", key, f) for f in names.qualified_name_faults(key)]
        for position, value in enumerate(values):
            here = f"{at}.values[{position}]"
            faults += [invalid(here, value, f) for f in names.label_value_faults(value)]
    return faults


def selector_text(selector: Object | None) -> str:
    """Return a label selector as kubectl prints it."""
    terms = [f"{key}={value}" for key, value in sorted(((selector or {}).get("matchLabels") or {}).items())]
    for expression in (selector or {}).get("matchExpressions") or ():
        key, values = expression.get("key"), ",".join(sorted(expression.get("values") or ()))
        shown = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": f"{key}"}
        terms.append(shown.get(str(expression.get("operator")), f"!{key}"))
    return ",".join(terms) or "<none>"
