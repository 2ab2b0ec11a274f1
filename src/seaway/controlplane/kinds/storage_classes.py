"""storage.k8s.io: classes of volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from seaway.controlplane.kinds.cells import AGE, NAME, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import set_missing
from seaway.objects import meta, names
from seaway.objects.builtin import STORAGE_CLASSES
from seaway.objects.errors import Cause

BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
RECLAIM_POLICIES = ("Delete", "Retain")


def fixed(*paths: tuple[str, ...]) -> Callable[[Object, Object], list[Cause]]:
    """Return the validation of a change in which these fields may not change."""

    def validate(new: Object, old: Object) -> list[Cause]:
        faults = validate_metadata_update(new, old)
        for path in paths:
            after, before = (read(obj, *path, default=None) for obj in (new, old))
            faults += immutable(".".join(path), after, before)
        return faults

    return validate


def default_class(storage_class: Object) -> None:
    """Fill in that volumes go with their claims and are bound at once."""
    set_missing(storage_class, "reclaimPolicy", "Delete")
    set_missing(storage_class, "volumeBindingMode", "Immediate")


def validate_class(storage_class: Object) -> list[Cause]:
    """Return the faults of a StorageClass."""
    faults = validate_metadata(storage_class, namespaced=False)
    provisioner = storage_class.get("provisioner")
    if not provisioner:
        faults.append(required("provisioner"))
    else:
        lowered = provisioner.lower()
        faults += [invalid("provisioner", provisioner, f) for f in names.qualified_name_faults(lowered)]
    for field, supported in (("reclaimPolicy", RECLAIM_POLICIES), ("volumeBindingMode", BINDING_MODES)):
        value = storage_class.get(field)
        if value and value not in supported:
            faults.append(unsupported(field, value, supported))
    return faults + _topology_faults(storage_class.get("allowedTopologies") or ())


def _topology_faults(terms: Sequence[Object]) -> list[Cause]:
    """Return the faults of where volumes may be made; an empty term is a duplicate, as Kubernetes has it."""
    faults: list[Cause] = []
    seen: list[dict[str, frozenset[str]]] = [{} for _ in terms]
    for index, term in enumerate(terms):
        at, wanted = f"allowedTopologies[{index}].matchLabelExpressions", {}
        for number, one in enumerate(term.get("matchLabelExpressions") or ()):
            key, values = one.get("key") or "", one.get("values") or ()
            here = f"{at}[{number}]"
            if not values:
                faults.append(required(f"{here}.values"))
            faults += [
                duplicate(f"{here}.values[{place}]", value)
                for place, value in enumerate(values)
                if value in values[:place]
            ]
            faults += [invalid(f"{here}.key", key, f) for f in names.qualified_name_faults(key)]
            faults += [duplicate(f"{here}.key", key)] if key in wanted else []
            wanted[key] = frozenset(values)
        faults += [duplicate(at, "") for known in seen if known == wanted]
        seen.append(wanted)
    return faults


def _name(storage_class: Object, _now: float) -> str:
    """Return the name, marked where claims that name no class get this one."""
    default = meta.annotations_of(storage_class).get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{meta.name(storage_class)} (default)" if default else meta.name(storage_class)


STORAGE_CLASS = Kind(
    STORAGE_CLASSES,
    schema_of(STORAGE_CLASSES),
    default=default_class,
    validate=validate_class,
    validate_update=fixed(("parameters",), ("provisioner",), ("reclaimPolicy",), ("volumeBindingMode",)),
    generation=False,
    returns_deleted=True,
    columns=(
        replace(NAME, cell=_name),
        Column("Provisioner", at("provisioner"), description="Who makes its volumes."),
        Column("ReclaimPolicy", at("reclaimPolicy", default="Delete"), description="What becomes of a volume when its claim goes."),
        Column("VolumeBindingMode", at("volumeBindingMode", default="Immediate"), description="When volumes are bound."),
        Column("AllowVolumeExpansion", at("allowVolumeExpansion", default=False), description="Whether claims may grow."),
        AGE,
    ),
)  # fmt: skip
