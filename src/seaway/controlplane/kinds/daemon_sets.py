"""apps: daemon sets, which run a pod on each node."""

from __future__ import annotations

from seaway.controlplane.kinds.apps import (
    ON_DELETE,
    ROLLING,
    spec_of,
    validate_fixed_selector,
)
from seaway.controlplane.kinds.cells import AGE, NAME, format_labels, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import (
    HISTORY_LIMIT,
    SELECTOR_COLUMN,
    amount_faults,
    default_template,
    is_zero,
    map_at,
    negative_faults,
    number_of,
    over_hundred_faults,
    pods_faults,
    set_missing,
    strategy_value,
    template_columns,
)
from seaway.objects.errors import Cause
from seaway.objects.workloads import DAEMON_SETS

_COUNTS = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
"""Annotation of a daemon set: how often its template has changed."""


def default_daemon_set(daemon_set: Object) -> None:
    """Fill in a rolling update of one node at a time."""
    if (spec := spec_of(daemon_set)) is None:
        return
    strategy = map_at(spec, "updateStrategy")
    if not strategy.get("type"):
        strategy["type"] = ROLLING
    if strategy["type"] == ROLLING:
        rolling = map_at(strategy, "rollingUpdate")
        set_missing(rolling, "maxUnavailable", 1)
        set_missing(rolling, "maxSurge", 0)
    set_missing(spec, "revisionHistoryLimit", HISTORY_LIMIT)
    default_template(spec)
    if isinstance(metadata := daemon_set.get("metadata"), dict) and not read(
        metadata, "annotations", default={}
    ).get(TEMPLATE_GENERATION):
        _annotate_generation(
            daemon_set, 0
        )  # it is part of every daemon set that is read: whoever writes one sets it


def prepare_daemon_set(daemon_set: Object) -> None:
    """Begin without status, with the first generation of the template."""
    daemon_set["status"] = dict.fromkeys(_COUNTS, 0)
    _annotate_generation(daemon_set, 1)


def prepare_daemon_set_update(new: Object, old: Object) -> None:
    """Count changes of the template, which no client may count itself."""
    before = read(old, "metadata", "annotations", default={}).get(TEMPLATE_GENERATION, "1")
    generation = int(before) if before.isdigit() else 1
    changed = (new.get("spec") or {}).get("template") != (old.get("spec") or {}).get("template")
    _annotate_generation(new, generation + changed)


def _annotate_generation(daemon_set: Object, generation: int) -> None:
    annotations = daemon_set["metadata"].get("annotations") or {}
    daemon_set["metadata"]["annotations"] = annotations | {TEMPLATE_GENERATION: str(generation)}


def validate_daemon_set(daemon_set: Object) -> list[Cause]:
    """Return the faults of a DaemonSet."""
    spec = daemon_set.get("spec") or {}
    faults = validate_metadata(daemon_set) + pods_faults(daemon_set, "daemonset", "DaemonSet", broken=None)
    faults += negative_faults(spec, "spec", ("minReadySeconds", "revisionHistoryLimit"))
    strategy, field = spec.get("updateStrategy") or {}, "spec.updateStrategy"
    if strategy.get("type") == ON_DELETE:
        return faults
    if strategy.get("type") != ROLLING:
        return [*faults, unsupported(field, strategy_value(strategy), (ROLLING, ON_DELETE))]
    at, rolling = f"{field}.rollingUpdate", strategy.get("rollingUpdate") or {}
    for name in ("maxUnavailable", "maxSurge"):
        faults += amount_faults(rolling.get(name), f"{at}.{name}")
        faults += over_hundred_faults(rolling.get(name), f"{at}.{name}")
    unavailable, surge = (not is_zero(rolling.get(name)) for name in ("maxUnavailable", "maxSurge"))
    if unavailable and surge:
        detail = "may not be set when maxUnavailable is non-zero"
        faults.append(invalid(f"{at}.maxSurge", rolling["maxSurge"], detail))
    elif not unavailable and not surge:
        faults.append(required(f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return faults


DAEMON_SET = Kind(
    DAEMON_SETS,
    schema_of(DAEMON_SETS),
    default=default_daemon_set,
    validate=validate_daemon_set,
    validate_update=validate_fixed_selector,
    prepare_create=prepare_daemon_set,
    prepare_update=prepare_daemon_set_update,
    columns=(
        NAME,
        *(
            Column(name, number_of("status", field), type="integer", description=description)
            for name, field, description in (
                ("Desired", "desiredNumberScheduled", "Nodes that should run its pod."),
                ("Current", "currentNumberScheduled", "Nodes that run its pod."),
                ("Ready", "numberReady", "Nodes whose pod is ready."),
                ("Up-to-date", "updatedNumberScheduled", "Nodes whose pod is of the newest template."),
                ("Available", "numberAvailable", "Nodes whose pod can be relied on."),
            )
        ),
        Column(
            "Node Selector",
            lambda obj, _: format_labels(read(obj, "spec", "template", "spec", "nodeSelector", default={})),
            description="Which nodes.",
        ),
        AGE,
        *template_columns("spec", "template"),
        SELECTOR_COLUMN,
    ),
    has_status=True,
)
