"""coordination.k8s.io: leases, by which leaders are elected and nodes show that they live."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, at
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, invalid
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.builtin import LEASES
from seaway.objects.errors import Cause


def validate(lease: Object) -> list[Cause]:
    """Return the faults of a Lease."""
    spec = lease.get("spec") or {}
    faults = validate_metadata(lease)
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        faults.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        faults.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    if spec.get("preferredHolder") and not spec.get("strategy"):
        faults.append(forbidden("spec.preferredHolder", "can only be specified if strategy is defined"))
    return faults


LEASE = Kind(
    LEASES,
    schema_of(LEASES),
    validate=validate,
    validate_update=validate_metadata_update,
    generation=False,
    columns=(
        NAME,
        Column("Holder", at("spec", "holderIdentity"), description="Who holds the lease now."),
        AGE,
    ),
)
