"""Validation of what a horizontal pod autoscaler measures, and of the pace that it is told.

Source: the autoscaling validation of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import path_segment_faults
from seaway.objects import names
from seaway.objects.errors import Cause
from seaway.objects.quantity import parse_quantity

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_SELECT, _POLICIES = ("Disabled", "Max", "Min"), ("Percent", "Pods")
_LONGEST_WINDOW, _LONGEST_PERIOD = 3600, 1800
_FIELDS = ("object", "external", "pods", "resource", "containerResource")
"""In the order in which they are judged; of several the first."""


def metrics_faults(metrics: Sequence[Object], field: str) -> list[Cause]:
    """Return the faults of all metrics."""
    return [
        fault for index, metric in enumerate(metrics) for fault in _metric_faults(metric, f"{field}[{index}]")
    ]


def _metric_faults(metric: Object, field: str) -> list[Cause]:
    kind = metric.get("type") or ""
    faults = [] if kind else [required(f"{field}.type", "must specify a metric source type")]
    if kind not in _TYPES:
        faults.append(unsupported(f"{field}.type", kind, _TYPES))
    present = [name for name in _FIELDS if metric.get(name) is not None]
    if present:
        faults += _SOURCES[present[0]](metric[present[0]], f"{field}.{present[0]}")
    expected = kind[:1].lower() + kind[1:]
    if kind not in _TYPES:
        faults.append(unsupported(f"{field}.type", kind, _TYPES))
    elif expected not in present:
        faults.append(
            required(f"{field}.{expected}", "must populate information for the given metric source")
        )
    if len(present) != 1:
        detail = "must populate the given metric source only"
        faults += [forbidden(f"{field}.{name}", detail) for name in present if name != expected]
    return faults


def _resource_faults(source: Object, field: str) -> list[Cause]:
    faults = [] if source.get("name") else [required(f"{field}.name", "must specify a resource name")]
    return faults + _resource_target_faults(source, field)


def _container_faults(source: Object, field: str) -> list[Cause]:
    faults = [] if source.get("name") else [required(f"{field}.name", "must specify a resource name")]
    container = source.get("container") or ""
    if not container:
        faults.append(required(f"{field}.container", "must specify a container"))
    else:
        faults += [invalid(f"{field}.container", container, f) for f in names.dns_label_faults(container)]
    return faults + _resource_target_faults(source, field)


def _resource_target_faults(source: Object, field: str) -> list[Cause]:
    target = source.get("target") or {}
    percent, value = target.get("averageUtilization"), target.get("averageValue")
    faults = _target_faults(target, f"{field}.target")
    if percent is None and value is None:
        detail = "must set either a target raw value or a target utilization"
        faults.append(required(f"{field}.target.averageUtilization", detail))
    if percent is not None and value is not None:
        detail = "may not set both a target raw value and a target utilization"
        faults.append(forbidden(f"{field}.target.averageValue", detail))
    return faults


def _pods_faults(source: Object, field: str) -> list[Cause]:
    target = source.get("target") or {}
    faults = _identifier_faults(source, field) + _target_faults(target, f"{field}.target")
    if target.get("averageValue") is None:
        faults.append(required(f"{field}.target.averageValue", "must specify a positive target averageValue"))
    return faults


def _object_faults(source: Object, field: str) -> list[Cause]:
    target = source.get("target") or {}
    faults = reference_faults(source.get("describedObject") or {}, f"{field}.describedObject")
    faults += _identifier_faults(source, field) + _target_faults(target, f"{field}.target")
    if target.get("value") is None and target.get("averageValue") is None:
        detail = "must set either a target value or averageValue"
        faults.append(required(f"{field}.target.averageValue", detail))
    return faults


def _external_faults(source: Object, field: str) -> list[Cause]:
    target = source.get("target") or {}
    value, average = target.get("value"), target.get("averageValue")
    faults = _identifier_faults(source, field) + _target_faults(target, f"{field}.target")
    if value is None and average is None:
        detail = "must set either a target value for metric or a per-pod target"
        faults.append(required(f"{field}.target.averageValue", detail))
    if value is not None and average is not None:
        detail = "may not set both a target value for metric and a per-pod target"
        faults.append(forbidden(f"{field}.target.value", detail))
    return faults


_SOURCES: dict[str, Callable[[Object, str], list[Cause]]] = {
    "object": _object_faults, "external": _external_faults, "pods": _pods_faults,
    "resource": _resource_faults, "containerResource": _container_faults,
}  # fmt: skip


def reference_faults(reference: Object, field: str) -> list[Cause]:
    """Return the faults of a reference to another object of the namespace."""
    faults: list[Cause] = []
    for part in ("kind", "name"):
        text = reference.get(part) or ""
        if not text:
            faults.append(required(f"{field}.{part}"))
        else:
            faults += [invalid(f"{field}.{part}", text, f) for f in path_segment_faults(text)]
    return faults


def _identifier_faults(source: Object, field: str) -> list[Cause]:
    name = (source.get("metric") or {}).get("name") or ""
    if not name:
        return [required(f"{field}.metric.name", "must specify a metric name")]
    return [invalid(f"{field}.metric.name", name, f) for f in path_segment_faults(name)]


def _target_faults(target: Object, field: str) -> list[Cause]:
    kind = target.get("type") or ""
    faults = [] if kind else [required(f"{field}.type", "must specify a metric target type")]
    if kind not in ("Utilization", "Value", "AverageValue"):
        faults.append(invalid(f"{field}.type", kind, "must be either Utilization, Value, or AverageValue"))
    faults += [
        invalid(f"{field}.{name}", text, "must be positive")
        for name in ("value", "averageValue")
        if (text := target.get(name)) is not None and parse_quantity(text) <= 0
    ]
    percent = target.get("averageUtilization")
    if percent is not None and percent < 1:
        faults.append(invalid(f"{field}.averageUtilization", percent, "must be greater than 0"))
    return faults


def behavior_faults(behavior: Object | None, field: str) -> list[Cause]:
    """Return the faults of the pace."""
    rules = ((name, (behavior or {}).get(name)) for name in ("scaleUp", "scaleDown"))
    return [
        fault for name, rule in rules if rule is not None for fault in _rules_faults(rule, f"{field}.{name}")
    ]


def _rules_faults(rules: Object, field: str) -> list[Cause]:
    window, select, tolerance = (
        rules.get(n) for n in ("stabilizationWindowSeconds", "selectPolicy", "tolerance")
    )
    faults = _span_faults(
        window, f"{field}.stabilizationWindowSeconds", 0, "or equal to zero", _LONGEST_WINDOW
    )
    if select is not None and select not in _SELECT:
        faults.append(unsupported(f"{field}.selectPolicy", select, _SELECT))
    policies = rules.get("policies") or ()
    if not policies:
        faults.append(required(f"{field}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(policies):
        at = f"{field}.policies[{index}]"
        if policy.get("type") not in _POLICIES:
            faults.append(unsupported(f"{at}.type", policy.get("type"), _POLICIES))
        value, period = policy.get("value") or 0, policy.get("periodSeconds") or 0
        if value <= 0:
            faults.append(invalid(f"{at}.value", value, "must be greater than zero"))
        faults += _span_faults(period, f"{at}.periodSeconds", 1, "zero", _LONGEST_PERIOD)
    if tolerance is not None and parse_quantity(tolerance) < 0:
        faults.append(invalid(f"{field}.tolerance", tolerance, "must be greater than or equal to 0"))
    return faults


def _span_faults(value: Any, field: str, lowest: int, words: str, highest: int) -> list[Cause]:
    if value is None or lowest <= value <= highest:
        return []
    detail = f"must be greater than {words}" if value < lowest else f"must be less than or equal to {highest}"
    return [invalid(field, value, detail)]
