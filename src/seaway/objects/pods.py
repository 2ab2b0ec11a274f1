"""What a pod is to whoever counts on it: how far it has got, and what it requests in all. Pure.

Source: Kubernetes' "Pod Lifecycle"; KEP-753, "Resources calculation"; KEP-2837 for resources of the pod as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from seaway.objects.meta import deletion_timestamp

Object = Mapping[str, Any]
Number = TypeVar("Number", int, Decimal)
_OF_PODS = ("cpu", "memory")


def phase(pod: Object) -> str:
    """Return a pod's phase, "" where it has none yet."""
    return (pod.get("status") or {}).get("phase") or ""


def has_ended(pod: Object) -> bool:
    """Tell whether a pod has run to its end."""
    return phase(pod) in ("Succeeded", "Failed")


def is_terminating(pod: Object) -> bool:
    """Tell whether a pod is being deleted and still runs."""
    return deletion_timestamp(pod) is not None and not has_ended(pod)


def is_active(pod: Object) -> bool:
    """Tell whether a pod counts: it has not ended and is not being deleted."""
    return not has_ended(pod) and deletion_timestamp(pod) is None


def is_of_pod(resource: str) -> bool:
    """Tell whether a resource can be asked for by a pod as a whole."""
    return resource in _OF_PODS or resource.startswith("hugepages-")


def pod_requests(
    spec: Object, amounts: Callable[[Mapping[str, Any]], dict[str, Number]]
) -> dict[str, Number]:
    """Return what a pod requests in all; what is nothing is left out.

    Containers run together, init containers one after the other before them, restartable init containers (sidecars)
    beside everything that starts after them; what is asked for by the pod as a whole takes the place of their sum; the
    overhead comes on top.

    Args:
        spec: of the pod.
        amounts: reads quantities, which stand by the names of their resources.
    """

    def own(container: Object) -> dict[str, Number]:
        resources = container.get("resources") or {}
        return amounts({**(resources.get("limits") or {}), **(resources.get("requests") or {})})

    together: dict[str, Number] = {}
    for container in spec.get("containers") or ():
        _add(together, own(container))
    sidecars: dict[str, Number] = {}
    before: dict[str, Number] = {}
    for container in spec.get("initContainers") or ():
        requests = own(container)
        if container.get("restartPolicy") == "Always":
            _add(sidecars, requests)
            _raise(before, sidecars)
        else:
            _add(requests, sidecars)
            _raise(before, requests)
    _add(together, sidecars)
    _raise(together, before)
    whole = (spec.get("resources") or {}).get("requests") or {}
    together |= amounts({name: amount for name, amount in whole.items() if is_of_pod(name)})
    _add(together, amounts(spec.get("overhead") or {}))
    return {name: amount for name, amount in together.items() if amount}


def _add(total: dict[str, Number], more: Mapping[str, Number]) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def _raise(total: dict[str, Number], least: Mapping[str, Number]) -> None:
    for name, amount in least.items():
        if name not in total or total[name] < amount:
            total[name] = amount
