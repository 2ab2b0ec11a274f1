"""Replication controllers."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import NAME, format_labels, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object, Scale
from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.pod_validation import template_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.workloads import (
    REPLICA_COLUMNS,
    default_template,
    negative_faults,
    set_missing,
)
from seaway.objects.errors import Cause
from seaway.objects.workloads import REPLICATION_CONTROLLERS


def default_replication_controller(controller: Object) -> None:
    """Fill in one replica, and selector and labels from the template."""
    spec = controller.get("spec")
    if not isinstance(spec, dict):
        return
    set_missing(spec, "replicas", 1)
    labels = read(spec, "template", "metadata", "labels", default={})
    if labels and not spec.get("selector"):
        spec["selector"] = dict(labels)
    if labels and isinstance(controller.get("metadata"), dict) and not controller["metadata"].get("labels"):
        controller["metadata"]["labels"] = dict(labels)
    default_template(spec)


def prepare_create(obj: Object) -> None:
    """Begin without pods."""
    obj["status"] = {"replicas": 0}


def validate_replication_controller(controller: Object) -> list[Cause]:
    """Return the faults of a ReplicationController."""
    spec = controller.get("spec") or {}
    faults = validate_metadata(controller) + negative_faults(spec, "spec", ("replicas", "minReadySeconds"))
    selector, template = spec.get("selector") or {}, spec.get("template")
    if not selector:
        faults.append(required("spec.selector"))
    if not template:
        return [*faults, required("spec.template")]
    labels = read(template, "metadata", "labels", default={})
    if any(labels.get(key) != value for key, value in selector.items()):
        detail = "`selector` does not match template `labels`"
        faults.append(invalid("spec.template.metadata.labels", labels, detail))
    faults += template_faults(template, "spec.template")
    policy = read(template, "spec", "restartPolicy")
    if policy and policy != "Always":
        faults.append(unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    return faults


REPLICATION_CONTROLLER = Kind(
    REPLICATION_CONTROLLERS,
    schema_of(REPLICATION_CONTROLLERS),
    default=default_replication_controller,
    validate=validate_replication_controller,
    validate_update=validate_metadata_update,
    prepare_create=prepare_create,
    columns=(
        NAME,
        *REPLICA_COLUMNS,
        Column("Selector", lambda obj, _: format_labels(read(obj, "spec", "selector", default={})), priority=1, description="Labels of its pods."),
    ),
    field_labels={"status.replicas": lambda obj: str(read(obj, "status", "replicas", default=0))},
    has_status=True,
    returns_deleted=True,
    orphans_by_default=True,
    scale=Scale(".spec.replicas", ".status.replicas", ".spec.selector"),
)  # fmt: skip
