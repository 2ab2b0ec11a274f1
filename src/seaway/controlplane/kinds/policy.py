"""policy: disruption budgets, which say how many of an application's pods may be away at once."""

from __future__ import annotations

from collections.abc import Callable

from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.controlplane.kinds.workloads import amount_faults, number_of, over_hundred_faults
from seaway.objects.errors import Cause
from seaway.objects.workloads import POD_DISRUPTION_BUDGETS

_COUNTS = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
UNHEALTHY_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


def prepare_create(budget: Object) -> None:
    """Begin without status: nothing is allowed before the controller has counted."""
    budget["status"] = dict.fromkeys(_COUNTS, 0)


def validate(budget: Object) -> list[Cause]:
    """Return the faults of a PodDisruptionBudget."""
    spec = budget.get("spec") or {}
    faults: list[Cause] = []
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        faults.append(invalid("spec", _as_go(spec), "minAvailable and maxUnavailable cannot be both set"))
    for name in ("minAvailable", "maxUnavailable"):
        faults += amount_faults(spec.get(name), f"spec.{name}")
        faults += over_hundred_faults(spec.get(name), f"spec.{name}")
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy not in (None, *UNHEALTHY_POLICIES):
        faults.append(unsupported("spec.unhealthyPodEvictionPolicy", policy, UNHEALTHY_POLICIES))
    faults += selector_faults(spec.get("selector"), "spec.selector")
    return faults or validate_metadata(budget)  # of budgets, the metadata is judged last and apart


def _as_go(spec: Object) -> Object:
    """Return a spec as Kubernetes' faults show it: by the names of its Go fields."""
    names = ("minAvailable", "selector", "maxUnavailable", "unhealthyPodEvictionPolicy")
    return {name[0].upper() + name[1:]: spec.get(name) for name in names}


def _amount(field: str) -> Callable[[Object, float], str]:
    return lambda budget, _: str(read(budget, "spec", field, default="N/A"))


POD_DISRUPTION_BUDGET = Kind(
    POD_DISRUPTION_BUDGETS,
    schema_of(POD_DISRUPTION_BUDGETS),
    validate=validate,
    validate_update=validate_metadata_update,
    prepare_create=prepare_create,
    columns=(
        NAME,
        Column("Min Available", _amount("minAvailable"), description="Pods that must stay."),
        Column("Max Unavailable", _amount("maxUnavailable"), description="Pods that may be away."),
        Column("Allowed Disruptions", number_of("status", "disruptionsAllowed"), type="integer", description="Pods that may go now."),
        AGE,
    ),
    has_status=True,
    conditional_updates=True,
)  # fmt: skip
