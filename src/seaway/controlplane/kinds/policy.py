"""policy: disruption budgets, which say how many of an application's pods may be away at once."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, at
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.controlplane.kinds.workloads import amount_faults, number_of, over_hundred_faults
from seaway.objects.errors import Cause
from seaway.objects.further import POD_DISRUPTION_BUDGETS

UNHEALTHY_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def prepare_create(budget: Object) -> None:
    """Begin without status: nothing is allowed before the controller has counted."""
    budget["status"] = {}


def validate(budget: Object) -> list[Cause]:
    """Return the faults of a PodDisruptionBudget."""
    spec = budget.get("spec") or {}
    faults = validate_metadata(budget)
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        faults.append(invalid("spec", dict(spec), "minAvailable and maxUnavailable cannot be both set"))
    for name in ("minAvailable", "maxUnavailable"):
        faults += amount_faults(spec.get(name), f"spec.{name}")
        faults += over_hundred_faults(spec.get(name), f"spec.{name}")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy not in (None, *UNHEALTHY_POLICIES):
        faults.append(unsupported("spec.unhealthyPodEvictionPolicy", policy, UNHEALTHY_POLICIES))
    return faults + selector_faults(spec.get("selector"), "spec.selector")


POD_DISRUPTION_BUDGET = Kind(
    POD_DISRUPTION_BUDGETS,
    schema_of(POD_DISRUPTION_BUDGETS),
    validate=validate,
    validate_update=validate_metadata_update,
    prepare_create=prepare_create,
    columns=(
        NAME,
        Column("Min Available", at("spec", "minAvailable", default="N/A"), description="Pods that must stay."),
        Column("Max Unavailable", at("spec", "maxUnavailable", default="N/A"), description="Pods that may be away."),
        Column("Allowed Disruptions", number_of("status", "disruptionsAllowed"), type="integer", description="Pods that may go now."),
        AGE,
    ),
    has_status=True,
)  # fmt: skip
