"""How many pods a metric asks for: pure, from values to a number.

Source: autoscaling/v2 HorizontalPodAutoscaler, "Algorithm details": missing metrics, pods that are not ready, tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seaway.base.clock import parse_rfc3339
from seaway.objects.meta import deletion_timestamp, get_condition, name
from seaway.objects.quantity import parse_quantity

Object = dict[str, Any]
_MOST = 2**31 - 1
START_SECONDS, READY_DELAY = 300.0, 30.0
"""CPU of a pod that is younger is looked at with care: it may be starting; and when it counts as never having been ready."""


class CannotSay(Exception):
    """A metric gives no number of pods; the message is Kubernetes'."""


class Sample(NamedTuple):
    """What was measured of one pod."""

    value: int
    """Thousandths."""
    at: float
    window: float


class Tolerance(NamedTuple):
    """How far from its target a ratio may be without any change."""

    down: float = 0.1
    up: float = 0.1

    def holds(self, ratio: float) -> bool:
        """Tell whether a ratio is near enough to one."""
        return 1.0 - self.down <= ratio <= 1.0 + self.up


class Wanted(NamedTuple):
    """What a metric asks for."""

    replicas: int
    value: int
    """Thousandths: an average or a whole."""
    utilization: int | None = None
    """Percent of what is requested."""


@dataclass(frozen=True, slots=True)
class Groups:
    """A target's pods by what their samples are worth."""

    ready: int
    unready: frozenset[str]
    missing: frozenset[str]
    ignored: frozenset[str]


def group_pods(pods: Iterable[Object], samples: Mapping[str, Sample], resource: str, now: float) -> Groups:
    """Sort pods.

    Args:
        pods: of the target.
        samples: by name of the pod.
        resource: "cpu" is looked at with more care than others.
        now: seconds since the epoch.
    """
    ready, unready, missing, ignored = 0, set(), set(), set()
    for pod in pods:
        phase = (pod.get("status") or {}).get("phase") or "Pending"
        if deletion_timestamp(pod) is not None or phase == "Failed":
            ignored.add(name(pod))
        elif phase == "Pending":
            unready.add(name(pod))
        elif name(pod) not in samples:
            missing.add(name(pod))
        elif resource == "cpu" and _is_starting(pod, samples[name(pod)], now):
            unready.add(name(pod))
        else:
            ready += 1
    return Groups(ready, frozenset(unready), frozenset(missing), frozenset(ignored))


def _is_starting(pod: Object, sample: Sample, now: float) -> bool:
    condition, started = get_condition(pod, "Ready"), (pod.get("status") or {}).get("startTime")
    if condition is None or not started:
        return True
    turned = parse_rfc3339(condition.get("lastTransitionTime") or started)
    is_unready, start = condition["status"] == "False", parse_rfc3339(started)
    if start + START_SECONDS > now:
        return is_unready or sample.at < turned + sample.window
    return is_unready and start + READY_DELAY > turned


def requests_of(pods: Iterable[Object], resource: str, container: str = "") -> dict[str, int]:
    """Return what each pod requests, in thousandths; of one container where it is named. Raises CannotSay."""
    found = {}
    for pod in pods:
        spec = pod["spec"]
        whole = (spec.get("resources") or {}).get("requests")
        if whole and not container:
            if resource not in whole:
                raise CannotSay(f"missing pod-level request for {resource} in Pod {name(pod)}")
            found[name(pod)] = _millis(whole[resource])
            continue
        sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
        counted = [c for c in (*spec["containers"], *sidecars) if container in ("", c["name"])]
        if not counted:
            raise CannotSay(f"container {container} not found in Pod {name(pod)}")
        found[name(pod)] = 0
        for one in counted:
            text = ((one.get("resources") or {}).get("requests") or {}).get(resource)
            if text is None:
                why = f"missing request for {resource} in container {one['name']} of Pod {name(pod)}"
                raise CannotSay(why)
            found[name(pod)] += _millis(text)
    return found


def _millis(text: str) -> int:
    return math.ceil(parse_quantity(text) * 1000)


@dataclass(frozen=True, slots=True)
class Target:
    """What is scaled, and how it stands."""

    replicas: int
    """Wanted now."""
    shown: int
    """In the status."""
    pods: Sequence[Object]
    tolerance: Tolerance
    now: float


def by_utilization(
    target: Target, samples: Mapping[str, Sample], percent: int, resource: str, container: str = ""
) -> Wanted:
    """Return how many pods bring the use to so many percent of what they request. Raises CannotSay."""
    groups, live = _live(target, samples, resource)
    requests = requests_of(target.pods, resource, container)

    def ratio(found: Mapping[str, int]) -> float:
        return _utilization(found, requests) / percent

    fallback = {pod: requests[pod] * max(100, percent) // 100 for pod in groups.missing}
    known = [value for pod, value in live.items() if pod in requests]
    utilization = _utilization(live, requests)
    replicas = _replicas(target, groups, live, ratio, fallback)
    return Wanted(replicas, sum(known) // len(known), utilization)


def _utilization(found: Mapping[str, int], requests: Mapping[str, int]) -> int:
    both = found.keys() & requests.keys()
    wanted = sum(requests[pod] for pod in both)
    if not wanted:
        raise CannotSay("no metrics returned matched known pods")
    return sum(found[pod] for pod in both) * 100 // wanted


def by_average(target: Target, samples: Mapping[str, Sample], value: int, resource: str = "") -> Wanted:
    """Return how many pods bring the average to a value in thousandths. Raises CannotSay."""
    groups, live = _live(target, samples, resource)

    def ratio(found: Mapping[str, int]) -> float:
        return (sum(found.values()) // len(found)) / value

    fallback = dict.fromkeys(groups.missing, value)
    average = sum(live.values()) // len(live)
    return Wanted(_replicas(target, groups, live, ratio, fallback), average)


def _live(target: Target, samples: Mapping[str, Sample], resource: str) -> tuple[Groups, dict[str, int]]:
    if not target.pods:
        raise CannotSay("no pods returned by selector while calculating replica count")
    groups = group_pods(target.pods, samples, resource, target.now)
    left_out = groups.ignored | groups.unready
    live = {pod: sample.value for pod, sample in samples.items() if pod not in left_out}
    if not live:
        raise CannotSay("did not receive metrics for targeted pods (pods might be unready)")
    return groups, live


def _replicas(
    target: Target,
    groups: Groups,
    live: Mapping[str, int],
    ratio: Callable[[Mapping[str, int]], float],
    fallback: Mapping[str, int],
) -> int:
    """Return the number for a ratio; what is not known is taken to be such that less is changed."""
    first = ratio(live)
    unready_count = bool(groups.unready) and first > 1.0
    if not unready_count and not groups.missing:
        return target.replicas if target.tolerance.holds(first) else math.ceil(first * groups.ready)
    assumed = dict(live)
    if first < 1.0:
        assumed |= fallback
    elif first > 1.0:
        assumed |= dict.fromkeys(groups.missing, 0)
    if unready_count:
        assumed |= dict.fromkeys(groups.unready, 0)
    second = ratio(assumed)
    turned = (first < 1.0 < second) or (second < 1.0 < first)
    if target.tolerance.holds(second) or turned:
        return target.replicas
    wanted = math.ceil(second * len(assumed))
    against = (second < 1.0 and wanted > target.replicas) or (second > 1.0 and wanted < target.replicas)
    return target.replicas if against else wanted


def by_value(target: Target, used: int, value: int) -> Wanted:
    """Return how many pods bring a value that all share to another; both in thousandths. Raises CannotSay."""
    ratio = used / value
    if target.replicas == 0:
        return Wanted(math.ceil(ratio), used)
    if target.tolerance.holds(ratio):
        return Wanted(target.replicas, used)
    if not target.pods:
        raise CannotSay(
            "unable to calculate ready pods: no pods returned by selector while calculating replica count"
        )
    ready = sum(
        (pod.get("status") or {}).get("phase") == "Running"
        and (get_condition(pod, "Ready") or {}).get("status") == "True"
        for pod in target.pods
    )
    return Wanted(min(math.ceil(ratio * ready), _MOST), used)


def by_share(target: Target, used: int, value: int) -> Wanted:
    """Return how many pods make each one's share of a value so large; both in thousandths."""
    replicas = target.shown
    if not replicas or not target.tolerance.holds(used / (value * replicas)):
        replicas = min(math.ceil(used / value), _MOST)
    return Wanted(replicas, math.ceil(used / target.shown) if target.shown else used)
