"""autoscaling: horizontal pod autoscalers."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required
from seaway.controlplane.kinds.metadata import (
    path_segment_faults,
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
    """Return the faults of a HorizontalPodAutoscaler, but for the details of its metrics."""
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
    for part in ("kind", "name"):
        text = target.get(part) or ""
        faults += [invalid(f"spec.scaleTargetRef.{part}", text, f) for f in path_segment_faults(text)]
    return faults + [
        required(f"spec.scaleTargetRef.{part}") for part in ("kind", "name") if not target.get(part)
    ]


def _reference(autoscaler: Object, _now: float) -> str:
    target = read(autoscaler, "spec", "scaleTargetRef", default={})
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _targets(autoscaler: Object, _now: float) -> str:
    shown = [_target(metric) for metric in read(autoscaler, "spec", "metrics", default=())]
    return ", ".join(shown[:2]) + (f" + {len(shown) - 2} more..." if len(shown) > 2 else "") or "<none>"


def _target(metric: Object) -> str:
    resource: Any = metric.get("resource") or {}
    wanted = read(resource, "target", "averageUtilization", default=None)
    if metric.get("type") == "Resource" and wanted is not None:
        return f"{resource.get('name')}: <unknown>/{wanted}%"
    return "<unknown>/<auto>"


HORIZONTAL_POD_AUTOSCALER = Kind(
    HORIZONTAL_POD_AUTOSCALERS,
    schema_of(HORIZONTAL_POD_AUTOSCALERS),
    default=default,
    validate=validate,
    validate_update=validate_metadata_update,
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
