"""scheduling.k8s.io: priority classes."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, at
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, immutable, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import meta
from seaway.objects.builtin import PRIORITY_CLASSES
from seaway.objects.errors import Cause

PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
HIGHEST_USER_PRIORITY = 1_000_000_000
SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
"""Priority classes that every cluster has, with their values."""


def default(priority_class: Object) -> None:
    """Fill in the preemption policy and the value's zero."""
    priority_class.setdefault("preemptionPolicy", "PreemptLowerPriority")
    priority_class.setdefault("value", 0)


def validate(priority_class: Object) -> list[Cause]:
    """Return the faults of a PriorityClass."""
    faults = validate_metadata(priority_class, namespaced=False)
    name, value = meta.name(priority_class), priority_class.get("value", 0)
    if name.startswith(SYSTEM_PREFIX):
        if error := _system_fault(priority_class):
            detail = "priority class names with 'system-' prefix are reserved for system use only"
            faults.append(forbidden("metadata.name", f"{detail}. error: {error}"))
    elif value > HIGHEST_USER_PRIORITY:
        detail = f"maximum allowed value of a user defined priority is {HIGHEST_USER_PRIORITY}"
        faults.append(forbidden("value", detail))
    policy = priority_class.get("preemptionPolicy")
    if policy not in (None, *PREEMPTION_POLICIES):
        faults.append(unsupported("preemptionPolicy", policy, PREEMPTION_POLICIES))
    return faults


def _system_fault(priority_class: Object) -> str:
    name = meta.name(priority_class)
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if SYSTEM_CLASSES[name] != priority_class.get("value", 0):
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
    return (
        f"globalDefault of {name} PriorityClass must be false" if priority_class.get("globalDefault") else ""
    )


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: value and preemption policy are fixed."""
    faults = validate_metadata_update(new, old)
    if new.get("value", 0) != old.get("value", 0):
        faults.append(forbidden("value", "may not be changed in an update."))
    return faults + immutable("preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


PRIORITY_CLASS = Kind(
    PRIORITY_CLASSES,
    schema_of(PRIORITY_CLASSES),
    default=default,
    validate=validate,
    validate_update=validate_update,
    revalidated=False,
    generation_counts=False,
    columns=(
        NAME,
        Column(
            "Value", at("value", default=0), type="integer", description="Higher values are scheduled first."
        ),
        Column(
            "Global-Default",
            at("globalDefault", default=False),
            type="boolean",
            description="Whether pods without a class get it.",
        ),
        AGE,
        Column(
            "PreemptionPolicy", at("preemptionPolicy"), description="Whether its pods may push others out."
        ),
    ),
)
