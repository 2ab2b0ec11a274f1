"""What the kinds that make pods from a template have in common: defaults, faults, cells.

Source: the validation of Kubernetes' apps group.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from seaway.controlplane.kinds.cells import AGE, joined, read
from seaway.controlplane.kinds.declaration import Column, Object
from seaway.controlplane.kinds.faults import forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.pod_defaults import default_spec
from seaway.controlplane.kinds.pod_validation import template_faults
from seaway.controlplane.kinds.selectors import selector_faults, selector_text
from seaway.objects.errors import Cause
from seaway.objects.selectors import LabelSelector

NOT_NEGATIVE = "must be greater than or equal to 0"
HISTORY_LIMIT = 10
_PERCENT = re.compile(r"[0-9]+%\Z")
_PERCENT_DETAIL = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def set_missing(place: Object, field: str, value: Any) -> None:
    """Fill in a field that is absent or null."""
    if place.get(field) is None:
        place[field] = value


def map_at(place: Object, field: str) -> Object:
    """Return a nested map, made where it is missing; an empty one that belongs to nothing where it is no map."""
    if place.get(field) is None:
        place[field] = {}
    value = place[field]
    return value if isinstance(value, dict) else {}


def default_template(spec: Object) -> None:
    """Fill in what a pod template gets."""
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        default_spec(template["spec"])


def negative_faults(place: Object, field: str, names: Sequence[str]) -> list[Cause]:
    """Return the faults of numbers that must not be negative."""
    return [
        invalid(f"{field}.{name}", place[name], NOT_NEGATIVE)
        for name in names
        if isinstance(place.get(name), int) and place[name] < 0
    ]


def amount_faults(value: Any, field: str) -> list[Cause]:
    """Return the faults of a number or percentage."""
    if isinstance(value, str) and not _PERCENT.match(value):
        return [invalid(field, value, _PERCENT_DETAIL)]
    if isinstance(value, int) and value < 0:
        return [invalid(field, value, NOT_NEGATIVE)]
    return []


def over_hundred_faults(value: Any, field: str) -> list[Cause]:
    """Return the fault of a percentage above 100."""
    if isinstance(value, str) and _PERCENT.match(value) and int(value[:-1]) > 100:
        return [invalid(field, value, "must not be greater than 100%")]
    return []


def is_zero(value: Any) -> bool:
    """Return whether a number or percentage is zero, or absent; a text that is no percentage counts as zero."""
    if isinstance(value, str):
        return not _PERCENT.match(value) or int(value[:-1]) == 0
    return not value


def pods_faults(
    obj: Object,
    word: str = "deployment",
    kind: str = "ReplicaSet",
    *,
    broken: str | None = "invalid label selector",
) -> list[Cause]:
    """Return the faults of a selector and the template whose pods it must meet, which restart always.

    Args:
        obj: the workload.
        word: what an empty selector is said to be invalid for.
        kind: what a deadline is said not to be supported in.
        broken: what is said, beside the fault itself, of a selector that cannot be read, in place of all faults of the
            template; None for nothing.
    """
    spec = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    faults = selector_faults(selector, "spec.selector")
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        faults.append(invalid("spec.selector", dict(selector), f"empty selector is invalid for {word}"))
    unreadable = bool(selector_faults(selector, ""))
    if selector and unreadable and broken is not None:
        faults.append(invalid("spec.selector", _as_written(selector), broken))
        if kind == "ReplicaSet":
            return faults
    else:
        faults += [] if unreadable else _mismatch_faults(selector, template)
        faults += template_faults(template, "spec.template")
    policy, field = read(template, "spec", "restartPolicy"), "spec.template.spec"
    if policy and policy != "Always":
        faults.append(unsupported(f"{field}.restartPolicy", policy, ("Always",)))
    if read(template, "spec", "activeDeadlineSeconds", default=None) is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        faults.append(forbidden(f"{field}.activeDeadlineSeconds", detail))
    return faults


def missing_selector_faults(obj: Object) -> list[Cause]:
    """Return the fault of a selector that is not there."""
    return [required("spec.selector")] if (obj.get("spec") or {}).get("selector") is None else []


def _as_written(selector: Object) -> Object:
    """Return a selector with its fields in the order in which Kubernetes shows them."""
    order = ("matchLabels", "matchExpressions", "key", "operator", "values")
    shown: Object = {name: selector[name] for name in order if name in selector}
    if expressions := shown.get("matchExpressions"):
        shown["matchExpressions"] = [_as_written(expression) for expression in expressions]
    return shown


def _mismatch_faults(selector: Any, template: Object) -> list[Cause]:
    labels = read(template, "metadata", "labels", default=None)
    matches = LabelSelector.from_object(selector).matches(labels or {})
    if matches or selector == {}:
        return []
    return [invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")]


def strategy_value(strategy: Object) -> Object:
    """Return an update strategy as Kubernetes' faults show it: by the names of its Go fields."""
    return {"Type": strategy.get("type"), "RollingUpdate": None}


def number_of(*path: str) -> Callable[[Object, float], int]:
    """Return a cell function that reads a number, 0 where it is absent."""

    def cell(obj: Object, _now: float) -> int:
        return int(read(obj, *path, default=0))

    return cell


def ready_of_wanted(obj: Object, _now: float) -> str:
    """Return how many pods are ready, of those wanted."""
    ready, wanted = read(obj, "status", "readyReplicas", default=0), read(obj, "spec", "replicas", default=0)
    return f"{ready}/{wanted}"


def template_columns(*path: str) -> tuple[Column, Column]:
    """Return the columns of the containers' names and images; `path` leads to the template."""

    def each(field: str) -> Callable[[Object, float], str]:
        def cell(obj: Object, _now: float) -> str:
            containers = read(obj, *path, "spec", "containers", default=())
            return joined(str(container.get(field) or "") for container in containers)

        return cell

    return (
        Column("Containers", each("name"), priority=1, description="Names of its containers."),
        Column("Images", each("image"), priority=1, description="Images of its containers."),
    )


SELECTOR_COLUMN = Column(
    "Selector",
    lambda obj, _: selector_text(read(obj, "spec", "selector", default={})),
    priority=1,
    description="Labels of its pods.",
)
REPLICA_COLUMNS = (
    Column("Desired", number_of("spec", "replicas"), type="integer", description="Pods wanted."),
    Column("Current", number_of("status", "replicas"), type="integer", description="Pods that are there."),
    Column("Ready", number_of("status", "readyReplicas"), type="integer", description="Pods that are ready."),
    AGE,
    *template_columns("spec", "template"),
)
