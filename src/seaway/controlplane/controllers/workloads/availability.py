"""What a pod's status means for whoever counts on it: pure.

Source: Kubernetes' "Pod Lifecycle"; `minReadySeconds` of the workload kinds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.objects.meta import get_condition

Object = dict[str, Any]


def ready_since(pod: Object) -> float | None:
    """Return since when a pod is ready (seconds since the epoch), None where it is not."""
    condition = get_condition(pod, "Ready")
    if condition is None or condition.get("status") != "True":
        return None
    since = condition.get("lastTransitionTime")
    return parse_rfc3339(since) if since else 0.0


def is_ready(pod: Object) -> bool:
    """Tell whether a pod is ready."""
    return (get_condition(pod, "Ready") or {}).get("status") == "True"


def is_available(pod: Object, min_ready: int, now: float) -> bool:
    """Tell whether a pod has been ready for `min_ready` seconds."""
    if not min_ready:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since + min_ready <= now


def next_available(pods: Iterable[Object], min_ready: int, now: float) -> float | None:
    """Return the seconds until the next of the pods that are ready becomes available, None for no such pod."""
    waits = [
        since + min_ready - now
        for pod in pods
        if (since := ready_since(pod)) is not None and since + min_ready > now
    ]
    return min(waits, default=None)


def amount(value: int | str | None, of: int, *, up: bool) -> int:
    """Return a number or percentage of `of` as a number.

    Args:
        value: such as 2 or "25%"; None for 0.
        of: what a percentage is of.
        up: whether a fraction counts as one more.
    """
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * of / 100
    return math.ceil(share) if up else math.floor(share)
