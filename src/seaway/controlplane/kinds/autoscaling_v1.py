"""autoscaling/v1: horizontal pod autoscalers in their older form, stored as those of autoscaling/v2.

It knows the CPU of pods alone; all else travels in annotations, so that reading and writing it loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from seaway.controlplane.kinds.autoscaling import HORIZONTAL_POD_AUTOSCALER
from seaway.controlplane.kinds.declaration import Kind, Object
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.builtin import HORIZONTAL_POD_AUTOSCALERS, HORIZONTAL_POD_AUTOSCALERS_V1

_PREFIX = "autoscaling.alpha.kubernetes.io/"
METRICS, CURRENT = f"{_PREFIX}metrics", f"{_PREFIX}current-metrics"
BEHAVIOR, CONDITIONS = f"{_PREFIX}behavior", f"{_PREFIX}conditions"
_SAME = ("maxReplicas", "minReplicas", "scaleTargetRef")
_SAME_STATUS = ("currentReplicas", "desiredReplicas", "lastScaleTime", "observedGeneration")
_PERCENT, _USED = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"
_RENAMED: dict[str, dict[str, tuple[str, ...]]] = {
    "resource": {"targetAverageUtilization": ("target", "averageUtilization"), "targetAverageValue": ("target", "averageValue")},
    "pods": {"metricName": ("metric", "name"), "selector": ("metric", "selector"), "targetAverageValue": ("target", "averageValue")},
    "object": {
        "target": ("describedObject",), "metricName": ("metric", "name"), "selector": ("metric", "selector"),
        "targetValue": ("target", "value"), "averageValue": ("target", "averageValue"),
    },
    "external": {
        "metricName": ("metric", "name"), "metricSelector": ("metric", "selector"),
        "targetValue": ("target", "value"), "targetAverageValue": ("target", "averageValue"),
    },
}  # fmt: skip
"""Where a field of v1 lies in v2, by kind of metric."""
_RENAMED["containerResource"] = _RENAMED["resource"]
_KEPT = ("name", "container")


def to_v2(autoscaler: Object) -> Object:
    """Return an autoscaler of v1 as one of v2."""
    spec, status = autoscaler.get("spec") or {}, autoscaler.get("status") or {}
    notes = dict((autoscaler.get("metadata") or {}).get("annotations") or {})
    told: Object = {key: spec[key] for key in _SAME if key in spec}
    metrics = [_metric_to_v2(metric, "target") for metric in _list_in(notes, METRICS)]
    if (percent := spec.get(_PERCENT)) is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
    if metrics:
        told["metrics"] = metrics
    if behavior := _decoded(notes, BEHAVIOR, dict):
        told["behavior"] = _recased(behavior, str.lower)
    shown: Object = {key: status[key] for key in _SAME_STATUS if key in status}
    if current := _list_in(notes, CURRENT):
        shown["currentMetrics"] = [_metric_to_v2(metric, "current") for metric in current]
    elif (used := status.get(_USED)) is not None:
        resource = {"name": "cpu", "current": {"averageUtilization": used}}
        shown["currentMetrics"] = [{"type": "Resource", "resource": resource}]
    if conditions := _list_in(notes, CONDITIONS):
        shown["conditions"] = conditions
    return _changed(autoscaler, HORIZONTAL_POD_AUTOSCALERS.api_version, told, shown, _other(notes))


def to_v1(autoscaler: Object) -> Object:
    """Return a stored autoscaler as one of v1."""
    spec, status = autoscaler.get("spec") or {}, autoscaler.get("status") or {}
    told: Object = {key: spec[key] for key in _SAME if key in spec}
    notes = _other(dict((autoscaler.get("metadata") or {}).get("annotations") or {}))
    others = []
    for metric in spec.get("metrics") or ():
        percent = _cpu_percent(metric, "target")
        if percent is not None:
            told[_PERCENT] = percent
        else:
            others.append(_metric_to_v1(metric, "target"))
    current = status.get("currentMetrics") or ()
    for key, value in (
        (METRICS, others), (CURRENT, [_metric_to_v1(metric, "current") for metric in current]),
        (BEHAVIOR, _recased(spec.get("behavior"), str.upper)), (CONDITIONS, status.get("conditions")),
    ):  # fmt: skip
        if value:
            notes[key] = orjson.dumps(value).decode()
    shown: Object = {key: status[key] for key in _SAME_STATUS if key in status}
    shown.setdefault("currentReplicas", 0)
    used = next(filter(None, (_cpu_percent(metric, "current") for metric in current)), None)
    if used is not None:
        shown[_USED] = used
    return _changed(autoscaler, HORIZONTAL_POD_AUTOSCALERS_V1.api_version, told, shown, notes)


def _changed(
    autoscaler: Object, version: str, spec: Object, status: Object, notes: Mapping[str, str]
) -> Object:
    metadata = {k: v for k, v in (autoscaler.get("metadata") or {}).items() if k != "annotations"}
    if notes:
        metadata["annotations"] = dict(notes)
    changed = {**autoscaler, "apiVersion": version, "metadata": metadata}
    return changed | {
        part: value for part, value in (("spec", spec), ("status", status)) if part in autoscaler
    }


def _recased(value: Any, case: Callable[[str], str]) -> Any:
    """Return the pace with the first letters of its fields changed: Kubernetes writes it as its Go types are named."""
    if isinstance(value, list):
        return [_recased(item, case) for item in value]
    if not isinstance(value, dict):
        return value
    return {case(key[:1]) + key[1:]: _recased(item, case) for key, item in value.items() if item is not None}


def _other(notes: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in notes.items() if k not in (METRICS, CURRENT, BEHAVIOR, CONDITIONS)}


def _decoded(notes: Mapping[str, str], key: str, kind: Callable[..., Any]) -> Any:
    """Return an annotation's value, None where it cannot be read: somebody else wrote it."""
    try:
        value = orjson.loads(notes.get(key, "null"))
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, kind) else None  # type: ignore[arg-type]


def _list_in(notes: Mapping[str, str], key: str) -> list[Object]:
    return [item for item in _decoded(notes, key, list) or () if isinstance(item, dict)]


def _cpu_percent(metric: Object, part: str) -> Any:
    resource = metric.get("resource") or {}
    is_cpu = metric.get("type") == "Resource" and resource.get("name") == "cpu"
    return (resource.get(part) or {}).get("averageUtilization") if is_cpu else None


def _names(field: str, part: str) -> dict[str, tuple[str, ...]]:
    """Return where the fields of v1 lie; those of a status are named otherwise."""
    renamed = _RENAMED.get(field, {})
    if part == "target":
        return renamed
    return {
        old.replace("target", "current") if old != "target" else old:
        tuple("current" if step == "target" else step for step in new)
        for old, new in renamed.items()
    }  # fmt: skip


def _metric_to_v1(metric: Object, part: str) -> Object:
    found: Object = {"type": metric.get("type", "")}
    for field in _RENAMED:
        if source := metric.get(field):
            found[field] = {key: source[key] for key in _KEPT if key in source}
            for old, path in _names(field, part).items():
                value: Any = source
                for step in path:
                    value = (value or {}).get(step)
                if value is not None:
                    found[field][old] = value
    return found


def _metric_to_v2(metric: Object, part: str) -> Object:
    found: Object = {"type": metric.get("type", "")}
    for field in _RENAMED:
        if not isinstance(source := metric.get(field), dict):
            continue
        made: Object = {key: source[key] for key in _KEPT if key in source}
        for old, (*path, last) in _names(field, part).items():
            if (value := source.get(old)) is not None:
                place = made
                for step in path:
                    place = place.setdefault(step, {})
                place[last] = value
        if part == "target" and isinstance(target := made.get("target"), dict):
            kinds = (
                ("averageUtilization", "Utilization"),
                ("averageValue", "AverageValue"),
                ("value", "Value"),
            )
            target["type"] = next((kind for key, kind in kinds if key in target), "Value")
        found[field] = made
    return found


HORIZONTAL_POD_AUTOSCALER_V1 = Kind(
    HORIZONTAL_POD_AUTOSCALERS_V1,
    schema_of(HORIZONTAL_POD_AUTOSCALERS_V1),
    validate=HORIZONTAL_POD_AUTOSCALER.validate,
    validate_update=HORIZONTAL_POD_AUTOSCALER.validate_update,
    generation=False,
    columns=HORIZONTAL_POD_AUTOSCALER.columns,
    has_status=True,
    alias_of=HORIZONTAL_POD_AUTOSCALERS,
    to_storage=to_v2,
    from_storage=to_v1,
)
"""Its rules and cells are those of the stored form."""
