"""coordination.k8s.io: leases, by which leaders are elected and nodes show that they live."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, at
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, invalid, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import LEASES
from seaway.objects.errors import Cause

STRATEGIES = ("OldestEmulationVersion",)


def validate(lease: Object) -> list[Cause]:
    """Return the faults of a Lease."""
    return validate_metadata(lease, any_finalizer=True) + spec_faults(lease.get("spec") or {})


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change."""
    return validate_metadata_update(new, old, any_finalizer=True) + spec_faults(new.get("spec") or {})


def spec_faults(spec: Object) -> list[Cause]:
    """Return the faults of a lease's spec."""
    faults: list[Cause] = []
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        faults.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        faults.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    if (strategy := spec.get("strategy")) is not None:
        faults += _strategy_faults(strategy)
    if spec.get("preferredHolder") and not spec.get("strategy"):
        faults.append(forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return faults


def _strategy_faults(strategy: str) -> list[Cause]:
    field = "spec.strategy.strategy"
    if "/" in strategy:
        return [invalid(field, strategy, f) for f in names.qualified_name_faults(strategy)]
    return [] if strategy in STRATEGIES else [unsupported(field, strategy, STRATEGIES)]


def drop_strategy(lease: Object, old: Object | None = None) -> None:
    """Drop what only a coordinated election uses, which Kubernetes has switched off, too."""
    before = (old or {}).get("spec") or {}
    if "strategy" not in before and "preferredHolder" not in before:
        for field in ("strategy", "preferredHolder"):
            (lease.get("spec") or {}).pop(field, None)


LEASE = Kind(
    LEASES,
    schema_of(LEASES),
    validate=validate,
    validate_update=validate_update,
    revalidated=False,
    prepare_create=drop_strategy,
    prepare_update=drop_strategy,
    generation=False,
    conditional_updates=True,
    columns=(
        NAME,
        Column("Holder", at("spec", "holderIdentity"), description="Who holds the lease now."),
        AGE,
    ),
)
