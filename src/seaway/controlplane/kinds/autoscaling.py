"""autoscaling: horizontal pod autoscalers."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.autoscaling_metrics import behavior_faults, metrics_faults, reference_faults
from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required
from seaway.controlplane.kinds.metadata import (
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import number_of, set_missing
from seaway.objects.builtin import HORIZONTAL_POD_AUTOSCALERS
from seaway.objects.errors import Cause

_CPU: Object = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}
_BY_PERCENT = {"type": "Percent", "value": 100, "periodSeconds": 15}
_BY_PODS = {"type": "Pods", "value": 4, "periodSeconds": 15}


def default(autoscaler: Object) -> None:
    """Fill in one pod at least, 80 % of the CPU, and where a pace is told, the rest of it."""
    spec = autoscaler.get("spec")
    if not isinstance(spec, dict):
        return
    set_missing(spec, "minReplicas", 1)
    if not spec.get("metrics"):
        spec["metrics"] = [_CPU | {"resource": {**_CPU["resource"]}}]
    behavior = spec.get("behavior")
    if isinstance(behavior, dict):
        up, down = _rules(behavior, "scaleUp"), _rules(behavior, "scaleDown")
        set_missing(up, "stabilizationWindowSeconds", 0)
        set_missing(up, "policies", [{**_BY_PODS}, {**_BY_PERCENT}])
        set_missing(down, "policies", [{**_BY_PERCENT}])


def _rules(behavior: Object, name: str) -> Object:
    set_missing(behavior, name, {})
    rules = behavior[name] if isinstance(behavior[name], dict) else {}
    set_missing(rules, "selectPolicy", "Max")
    return rules


def prepare_create(autoscaler: Object) -> None:
    """Begin without status."""
    autoscaler["status"] = {"desiredReplicas": 0, "currentMetrics": None}


def validate(autoscaler: Object) -> list[Cause]:
    """Return the faults of a HorizontalPodAutoscaler."""
    spec = autoscaler.get("spec") or {}
    lowest, highest = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    faults = validate_metadata(autoscaler)
    if lowest is not None and lowest < 1:
        faults.append(invalid("spec.minReplicas", lowest, "must be greater than or equal to 1"))
    if highest == 0:
        faults.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif highest < 0:
        faults.append(invalid("spec.maxReplicas", highest, "must be greater than or equal to 1"))
    if lowest is not None and highest < lowest:
        detail = "must be greater than or equal to `minReplicas`"
        faults.append(invalid("spec.maxReplicas", highest, detail))
    target = spec.get("scaleTargetRef") or {}
    if "/" not in (target.get("apiVersion") or ""):
        detail = "apiVersion must specify API group"
        faults.append(invalid("spec.scaleTargetRef.apiVersion", target.get("apiVersion") or "", detail))
    faults += reference_faults(target, "spec.scaleTargetRef")
    faults += metrics_faults(spec.get("metrics") or (), "spec.metrics")
    return faults + behavior_faults(spec.get("behavior"), "spec.behavior")


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: everything may change."""
    return validate_metadata_update(new, old)


def _reference(autoscaler: Object, _now: float) -> str:
    target = read(autoscaler, "spec", "scaleTargetRef", default={})
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(autoscaler: Object, _now: float) -> str:
    statuses = read(autoscaler, "status", "currentMetrics", default=())
    shown = [
        _target(metric, statuses[index] if index < len(statuses) else {})
        for index, metric in enumerate(read(autoscaler, "spec", "metrics", default=()))
    ]
    return ", ".join(shown[:2]) + (f" + {len(shown) - 2} more..." if len(shown) > 2 else "") or "<none>"


def _target(metric: Object, status: Object) -> str:
    """Return what is measured and aimed at, as kubectl shows it."""
    kind = metric.get("type") or ""
    field = kind[:1].lower() + kind[1:]
    source: Any = metric.get(field) or {}
    wanted, current = read(source, "target", default={}), read(status, field, "current", default=None)
    per_pod = wanted.get("averageValue")
    of_resource = kind in ("Resource", "ContainerResource")
    if of_resource and per_pod is None:
        used = (current or {}).get("averageUtilization")
        aim = wanted.get("averageUtilization")
        shown = f"{_UNKNOWN if used is None else f'{used}%'}/{'<auto>' if aim is None else f'{aim}%'}"
    else:
        value = "averageValue" if per_pod is not None else "value"
        shown = f"{(current or {}).get(value, _UNKNOWN)}/{wanted.get(value)}"
    if of_resource:
        return f"{source.get('name')}: {shown}"
    return f"{shown} (avg)" if per_pod is not None and kind != "Pods" else shown


_UNKNOWN = "<unknown>"
HORIZONTAL_POD_AUTOSCALER = Kind(
    HORIZONTAL_POD_AUTOSCALERS,
    schema_of(HORIZONTAL_POD_AUTOSCALERS),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_create=prepare_create,
    generation=False,
    columns=(
        NAME,
        Column("Reference", _reference, description="What is scaled."),
        Column("Targets", _targets, description="What is measured, and what is aimed at."),
        Column(
            "MinPods",
            lambda obj, _: str(read(obj, "spec", "minReplicas", default="<unset>")),
            description="Pods at least.",
        ),
        Column("MaxPods", number_of("spec", "maxReplicas"), description="Pods at most."),
        Column("Replicas", number_of("status", "currentReplicas"), description="Pods now."),
        AGE,
    ),
    has_status=True,
)
