"""What each metric of an autoscaler makes of its readings: pure. Messages are Kubernetes'.

Source: autoscaling/v2 MetricSpec and MetricStatus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from seaway.controlplane.controllers.replicas import (
    CannotSay,
    Sample,
    Target,
    Wanted,
    by_average,
    by_share,
    by_utilization,
    by_value,
)
from seaway.objects.quantity import Format, format_quantity, parse_quantity

Object = dict[str, Any]
Reading = Mapping[str, Sample] | Sequence[int] | CannotSay
"""Samples by pod, or values that are added up (thousandths), or why there are none."""
_REASONS = {
    "Resource": "FailedGetResourceMetric", "ContainerResource": "FailedGetContainerResourceMetric",
    "Pods": "FailedGetPodsMetric", "Object": "FailedGetObjectMetric", "External": "FailedGetExternalMetric",
}  # fmt: skip


class Verdict(NamedTuple):
    """What one metric asks for, or why it does not say."""

    replicas: int
    metric: str
    """How events name it."""
    status: Object
    """Its entry in `status.currentMetrics`."""
    reason: str = ""
    """Of the condition, where it does not say."""
    fault: str = ""
    whole_fault: str = ""
    """The same as part of a sentence about all metrics."""

    @property
    def failed(self) -> bool:
        """It does not say."""
        return bool(self.reason)


def judge_metric(metric: Object, reading: Reading, target: Target, namespace: str) -> Verdict:
    """Return what a metric asks for.

    Args:
        metric: of `spec.metrics`.
        reading: what was measured.
        target: what is scaled.
        namespace: of the autoscaler.
    """
    kind = metric["type"]
    source = metric[kind[0].lower() + kind[1:]]
    try:
        if kind in ("Resource", "ContainerResource"):
            wanted, current = _of_resource(source, reading, target)
        elif kind == "Pods":
            wanted, current = _of_pods(source, reading, target)
        else:
            wanted, current = _of_whole(source, reading, target)
    except CannotSay as error:
        fault, whole = _faults(kind, source, error, namespace)
        return Verdict(0, "", {"type": ""}, _REASONS[kind], fault, whole)
    shown = {key: value for key, value in source.items() if key != "target"} | {"current": current}
    field = kind[0].lower() + kind[1:]
    return Verdict(wanted.replicas, _named(kind, source), {"type": kind, field: shown})


def _samples(reading: Reading) -> Mapping[str, Sample]:
    if isinstance(reading, CannotSay):
        raise reading
    assert isinstance(reading, Mapping), "pods are measured one by one"
    return reading


def _of_resource(source: Object, reading: Reading, target: Target) -> tuple[Wanted, Object]:
    samples, resource, container = _samples(reading), source["name"], source.get("container", "")
    style: Format = "binary" if resource == "memory" else "decimal"
    average = source["target"].get("averageValue")
    if average is not None:
        wanted = by_average(target, samples, _millis(average), resource)
        return wanted, {"averageValue": _quantity(wanted.value, style)}
    wanted = by_utilization(target, samples, source["target"]["averageUtilization"], resource, container)
    return wanted, {
        "averageValue": _quantity(wanted.value, style), "averageUtilization": wanted.utilization,
    }  # fmt: skip


def _of_pods(source: Object, reading: Reading, target: Target) -> tuple[Wanted, Object]:
    wanted = by_average(target, _samples(reading), _millis(source["target"]["averageValue"]))
    return wanted, {"averageValue": _quantity(wanted.value)}


def _of_whole(source: Object, reading: Reading, target: Target) -> tuple[Wanted, Object]:
    if isinstance(reading, CannotSay):
        raise reading
    assert not isinstance(reading, Mapping), "what all share is not measured pod by pod"
    used = sum(reading)
    average = source["target"].get("averageValue")
    if average is not None:
        wanted = by_share(target, used, _millis(average))
        return wanted, {"averageValue": _quantity(wanted.value)}
    wanted = by_value(target, used, _millis(source["target"]["value"]))
    return wanted, {"value": _quantity(wanted.value)}


def _faults(kind: str, source: Object, error: CannotSay, namespace: str) -> tuple[str, str]:
    """Return what the condition says, and the same within a sentence about all metrics."""
    why = str(error)
    by_average_value = source["target"].get("averageValue") is not None
    if kind in ("Resource", "ContainerResource"):
        what = "usage" if by_average_value else "utilization"
        fault = f"failed to get {source['name']} {what}: {why}"
        whole = f"{source['name']} resource" if kind == "Resource" else f"{source['container']} container"
        return fault, f"failed to get {whole} metric value: {fault}"
    metric = source["metric"]["name"]
    if kind == "Pods":
        fault = f"unable to get metric {metric}: {why}"
        return fault, f"failed to get pods metric value: {fault}"
    if kind == "Object":
        seen = source["describedObject"]
        fault = f"unable to get metric {metric}: {why} on {seen['kind']} {namespace}/{seen['name']}"
        middle = f"failed to get {metric} object metric: " if by_average_value else ""
        return fault, f"failed to get object metric value: {middle}{fault}"
    fault = why
    middle = (
        f"failed to get {metric} external metric"
        if by_average_value
        else f"failed to get external metric {metric}"
    )
    return fault, f"failed to get {metric} external metric value: {middle}: {fault}"


def _named(kind: str, source: Object) -> str:
    if kind in ("Resource", "ContainerResource"):
        if source["target"].get("averageValue") is not None:
            return f"{source['name']} resource"
        middle = "container resource" if kind == "ContainerResource" else "resource"
        return f"{source['name']} {middle} utilization (percentage of request)"
    metric = source["metric"]["name"]
    if kind == "Pods":
        return f"pods metric {metric}"
    if kind == "Object" and source["target"].get("averageValue") is None:
        return f"{source['describedObject']['kind']} metric {metric}"
    return f"external metric {metric}({selector_words(source['metric'].get('selector'))})"


def selector_words(selector: Object | None) -> str:
    """Return a label selector as Kubernetes' messages show it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{k}: {v}," for k, v in sorted((selector.get("matchLabels") or {}).items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{e['key']},Operator:{e['operator']},Values:[{' '.join(e.get('values') or ())}],}},"
        for e in selector.get("matchExpressions") or ()
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )


def _millis(text: str | int) -> int:
    return int(parse_quantity(text) * 1000)


def _quantity(millis: int, style: Format = "decimal") -> str:
    return format_quantity(Decimal(millis) / 1000, style)
