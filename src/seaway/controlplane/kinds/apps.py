"""apps: deployments, replica sets, and the revisions that controllers keep."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object, Scale
from seaway.controlplane.kinds.faults import forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import (
    HISTORY_LIMIT,
    NOT_NEGATIVE,
    REPLICA_COLUMNS,
    SELECTOR_COLUMN,
    amount_faults,
    default_template,
    is_zero,
    map_at,
    missing_selector_faults,
    negative_faults,
    number_of,
    over_hundred_faults,
    pods_faults,
    ready_of_wanted,
    set_missing,
    strategy_value,
    template_columns,
)  # fmt: skip
from seaway.objects import meta
from seaway.objects.errors import Cause
from seaway.objects.workloads import CONTROLLER_REVISIONS, DEPLOYMENTS, REPLICA_SETS

ROLLING, RECREATE, ON_DELETE = "RollingUpdate", "Recreate", "OnDelete"
SCALE = Scale(".spec.replicas", ".status.replicas", ".spec.selector")


def spec_of(obj: Object) -> Object | None:
    """Return an object's spec, None where it has none that can be filled in."""
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else None


def default_deployment(deployment: Object) -> None:
    """Fill in one replica, a rolling update by quarters and ten kept revisions."""
    if (spec := spec_of(deployment)) is None:
        return
    set_missing(spec, "replicas", 1)
    strategy = map_at(spec, "strategy")
    if not strategy.get("type"):
        strategy["type"] = ROLLING
    if strategy["type"] == ROLLING:
        rolling = map_at(strategy, "rollingUpdate")
        set_missing(rolling, "maxUnavailable", "25%")
        set_missing(rolling, "maxSurge", "25%")
    set_missing(spec, "revisionHistoryLimit", HISTORY_LIMIT)
    set_missing(spec, "progressDeadlineSeconds", 600)
    default_template(spec)


def default_replica_set(replica_set: Object) -> None:
    """Fill in one replica."""
    if (spec := spec_of(replica_set)) is not None:
        set_missing(spec, "replicas", 1)
        default_template(spec)


def prepare_create(obj: Object) -> None:
    """Begin without status."""
    obj["status"] = {}


def prepare_replica_set(replica_set: Object) -> None:
    """Begin without pods."""
    replica_set["status"] = {"replicas": 0}


def validate_deployment(deployment: Object) -> list[Cause]:
    """Return the faults of a Deployment."""
    spec = deployment.get("spec") or {}
    faults = validate_metadata(deployment)
    numbers = ("replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    faults += (
        negative_faults(spec, "spec", numbers) + missing_selector_faults(deployment) + pods_faults(deployment)
    )
    strategy, field = spec.get("strategy") or {}, "spec.strategy"
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == RECREATE and rolling is not None:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        faults.append(forbidden(f"{field}.rollingUpdate", detail))
    elif strategy.get("type") == ROLLING:
        faults += _rolling_faults(rolling or {}, f"{field}.rollingUpdate")
    elif strategy.get("type") != RECREATE:
        faults.append(unsupported(field, strategy_value(strategy), (RECREATE, ROLLING)))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        faults.append(
            invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return faults


def _rolling_faults(rolling: Object, field: str) -> list[Cause]:
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    faults = amount_faults(unavailable, f"{field}.maxUnavailable") + amount_faults(surge, f"{field}.maxSurge")
    if is_zero(unavailable) and is_zero(surge):
        detail = "may not be 0 when `maxSurge` is 0"
        faults.append(invalid(f"{field}.maxUnavailable", unavailable, detail))
    return faults + over_hundred_faults(unavailable, f"{field}.maxUnavailable")


def validate_replica_set(replica_set: Object) -> list[Cause]:
    """Return the faults of a ReplicaSet."""
    spec = replica_set.get("spec") or {}
    faults = validate_metadata(replica_set) + negative_faults(spec, "spec", ("replicas", "minReadySeconds"))
    return faults + missing_selector_faults(replica_set) + pods_faults(replica_set)


def validate_fixed_selector(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: the selector is fixed."""
    after, before = (read(obj, "spec", "selector", default=None) for obj in (new, old))
    return validate_metadata_update(new, old) + immutable("spec.selector", after, before)


def validate_revision(revision: Object) -> list[Cause]:
    """Return the faults of a ControllerRevision."""
    number = revision.get("revision") or 0
    faults = validate_metadata(revision)
    if number < 0:
        faults.append(invalid("revision", number, NOT_NEGATIVE))
    if (data := revision.get("data")) is None:
        faults.append(required("data", "data is mandatory"))
    elif not isinstance(data, dict):
        faults.append(required("data", "data must be a valid JSON object"))
    return faults


def validate_revision_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: what it keeps is fixed."""
    return validate_metadata_update(new, old) + immutable("data", new.get("data"), old.get("data"))


def _controller(revision: Object, _now: float) -> str:
    owner = meta.controller_of(revision)
    return f"{str(owner['kind']).lower()}.apps/{owner['name']}" if owner else "<none>"


DEPLOYMENT = Kind(
    DEPLOYMENTS,
    schema_of(DEPLOYMENTS),
    default=default_deployment,
    validate=validate_deployment,
    validate_update=validate_fixed_selector,
    prepare_create=prepare_create,
    columns=(
        NAME,
        Column("Ready", ready_of_wanted, description="Pods that are ready, of those wanted."),
        Column("Up-to-date", number_of("status", "updatedReplicas"), description="Pods of the newest template."),
        Column("Available", number_of("status", "availableReplicas"), description="Pods that can be relied on."),
        AGE,
        *template_columns("spec", "template"),
        SELECTOR_COLUMN,
    ),
    has_status=True,
    generation_metadata=("annotations",),
    scale=SCALE,
)  # fmt: skip
REPLICA_SET = Kind(
    REPLICA_SETS,
    schema_of(REPLICA_SETS),
    default=default_replica_set,
    validate=validate_replica_set,
    validate_update=validate_fixed_selector,
    prepare_create=prepare_replica_set,
    columns=(NAME, *REPLICA_COLUMNS, SELECTOR_COLUMN),
    field_labels={"status.replicas": lambda obj: str(read(obj, "status", "replicas", default=0))},
    has_status=True,
    scale=SCALE,
)
CONTROLLER_REVISION = Kind(
    CONTROLLER_REVISIONS,
    schema_of(CONTROLLER_REVISIONS),
    validate=validate_revision,
    validate_update=validate_revision_update,
    generation=False,
    columns=(
        NAME,
        Column("Controller", _controller, description="Who keeps it."),
        Column("Revision", number_of("revision"), description="Its number, rising."),
        AGE,
    ),
)
