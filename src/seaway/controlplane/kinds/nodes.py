"""Nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seaway.controlplane.kinds.addresses import network_faults
from seaway.controlplane.kinds.cells import AGE, NAME, NONE, UNKNOWN, at, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.resources import quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import meta, names
from seaway.objects.builtin import NODES
from seaway.objects.errors import Cause

ROLE_PREFIX = "node-role.kubernetes.io/"
ROLE_LABEL = "kubernetes.io/role"
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def validate(node: Object) -> list[Cause]:
    """Return the faults of a Node."""
    faults = validate_metadata(node, namespaced=False)
    faults += _taint_faults((node.get("spec") or {}).get("taints") or (), "metadata.taints")
    networks = read(node, "spec", "podCIDRs", default=())
    for index, network in enumerate(networks):
        faults += network_faults(f"spec.podCIDRs[{index}]", network)
    if len(networks) > 2 or len({":" in network for network in networks}) < len(networks):
        detail = "may specify no more than one CIDR for each IP family"
        faults.append(invalid("spec.podCIDRs", list(networks), detail))
    return faults + _resource_faults(node)


def _resource_faults(node: Object) -> list[Cause]:
    faults: list[Cause] = []
    for kind in ("capacity", "allocatable"):
        for name, value in read(node, "status", kind, default={}).items():
            faults += quantity_faults(f"status.{kind}.{name}", value)
    return faults


def default(node: Object) -> None:
    """Let podCIDR be the first of podCIDRs, and all of the capacity be free where nothing else is said."""
    spec, status = node.get("spec") or {}, node.get("status") or {}
    if spec.get("podCIDR") and (spec.get("podCIDRs") or [""])[0] != spec["podCIDR"]:
        spec["podCIDRs"] = [spec["podCIDR"]]
    elif spec.get("podCIDRs") and not spec.get("podCIDR"):
        spec["podCIDR"] = spec["podCIDRs"][0]
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def prepare_create(node: Object) -> None:
    """Drop settings that no node takes from here any more."""
    for part, field in (("spec", "configSource"), ("status", "config")):
        if isinstance(node.get(part), dict):
            node[part].pop(field, None)


def warnings(node: Object, _old: Object | None) -> list[str]:
    """Name what has no effect any more."""
    if not read(node, "spec", "externalID"):
        return []
    return ["spec.externalID: this field is deprecated, and is unused by Kubernetes"]


def prepare_update(new: Object, _old: Object) -> None:
    """Drop settings that no node takes from here any more."""
    if isinstance(new.get("spec"), dict):
        new["spec"].pop("configSource", None)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of a Node."""
    faults = validate_metadata_update(new, old) + _resource_faults(new)
    faults += _taint_faults((new.get("spec") or {}).get("taints") or (), "metadata.taints")
    before, after = read(old, "spec", "providerID"), read(new, "spec", "providerID")
    if before and before != after:
        detail = 'node updates may not change providerID except from "" to valid'
        faults.append(forbidden("spec.providerID", detail))
    if (cidr := read(old, "spec", "podCIDR")) and cidr != read(new, "spec", "podCIDR"):
        faults.append(
            forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
        )
    return faults


def _taint_faults(taints: Iterable[Mapping[str, Any]], field: str) -> list[Cause]:
    faults: list[Cause] = []
    seen: set[tuple[Any, Any]] = set()
    for index, taint in enumerate(taints):
        at_ = f"{field}[{index}]"
        key, value, effect = taint.get("key") or "", taint.get("value") or "", taint.get("effect")
        faults += [invalid(f"{at_}.key", key, f) for f in names.qualified_name_faults(key)]
        if wrong := names.label_value_faults(value):
            faults.append(invalid(f"{at_}.value", value, ";".join(wrong)))
        if not effect:
            faults.append(required(f"{at_}.effect"))
        elif effect not in TAINT_EFFECTS:
            faults.append(unsupported(f"{at_}.effect", effect, TAINT_EFFECTS))
        if (key, effect) in seen:
            shown = {"Key": key, "Value": value, "Effect": effect or "", "TimeAdded": taint.get("timeAdded")}
            faults.append(duplicate(at_, shown, "taints must be unique by key and effect pair"))
        seen.add((key, effect))
    return faults


def _status(node: Object, _now: float) -> str:
    ready = meta.get_condition(node, "Ready")
    words = ["Unknown" if ready is None else "Ready" if ready.get("status") == "True" else "NotReady"]
    return ",".join(words + (["SchedulingDisabled"] if read(node, "spec", "unschedulable") else []))


def _roles(node: Object, _now: float) -> str:
    roles = {key.removeprefix(ROLE_PREFIX) for key in meta.labels(node) if key.startswith(ROLE_PREFIX)}
    roles.add(meta.labels(node).get(ROLE_LABEL, ""))
    return ",".join(sorted(filter(None, roles))) or NONE


def _address(kind: str) -> Any:
    def cell(node: Object, _now: float) -> str:
        addresses = read(node, "status", "addresses", default=())
        return next((str(a.get("address")) for a in addresses if a.get("type") == kind), NONE)

    return cell


NODE = Kind(
    NODES,
    schema_of(NODES),
    default=default,
    validate=validate,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    warnings=warnings,
    validate_update=validate_update,
    columns=(
        NAME,
        Column("Status", _status, description="Whether it is ready and takes new pods."),
        Column("Roles", _roles, description="Roles, from the node-role labels."),
        AGE,
        Column("Version", at("status", "nodeInfo", "kubeletVersion"), description="Version of the node agent."),
        Column("Internal-IP", _address("InternalIP"), priority=1, description="Address inside the cluster."),
        Column("External-IP", _address("ExternalIP"), priority=1, description="Address outside the cluster."),
        Column("OS-Image", at("status", "nodeInfo", "osImage", default=UNKNOWN), priority=1, description="Operating system."),
        Column("Kernel-Version", at("status", "nodeInfo", "kernelVersion", default=UNKNOWN), priority=1, description="Kernel."),
        Column("Container-Runtime", at("status", "nodeInfo", "containerRuntimeVersion", default=UNKNOWN), priority=1, description="What runs its containers."),
    ),
    field_labels={"spec.unschedulable": lambda node: "true" if read(node, "spec", "unschedulable") else "false"},
    has_status=True,
    generation=False,
)  # fmt: skip
