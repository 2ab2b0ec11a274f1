"""What a pod asks for in all, as exact quantities in the form in which they were written.

Source: KEP-753, "Resources calculation", and KEP-2837 for resources of the pod as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from seaway.objects.pods import is_of_pod
from seaway.objects.quantity import added, parse_quantity

Amounts = dict[str, str]
Which = Literal["requests", "limits"]


def pod_total(spec: Mapping[str, Any], which: Which, *, overhead: bool = False) -> Amounts:
    """Return the sum of a pod's requests or limits.

    Args:
        spec: of the pod.
        which: requests or limits.
        overhead: what running it costs comes on top; of limits where there are some.
    """
    total: Amounts = {}
    for container in spec.get("containers") or ():
        total = sum_of(total, _own(container, which))
    sidecars: Amounts = {}
    before: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _own(container, which)
        if container.get("restartPolicy") == "Always":
            total, sidecars = sum_of(total, own), sum_of(sidecars, own)
            own = sidecars
        else:
            own = sum_of(own, sidecars)
        before = _larger(before, own)
    total = _larger(total, before)
    whole = (spec.get("resources") or {}).get(which) or {}
    total |= {name: str(amount) for name, amount in whole.items() if is_of_pod(name)}
    for name, amount in (spec.get("overhead") or {}).items() if overhead else ():
        if which == "requests" or name in total:
            total = sum_of(total, {name: str(amount)})
    return total


def sum_of(first: Mapping[str, str], second: Mapping[str, str]) -> Amounts:
    """Return two lists of amounts together."""
    more = {name: added(first[name], amount) if name in first else amount for name, amount in second.items()}
    return {**first, **more}


def _own(container: Mapping[str, Any], which: Which) -> Amounts:
    amounts = (container.get("resources") or {}).get(which) or {}
    return {name: str(amount) for name, amount in amounts.items()}


def _larger(first: Amounts, second: Amounts) -> Amounts:
    more = {
        name: amount
        for name, amount in second.items()
        if name not in first or parse_quantity(amount) > parse_quantity(first[name])
    }
    return first | more
