"""apps: stateful sets, whose pods have names and volumes of their own."""

from __future__ import annotations

from seaway.controlplane.kinds.apps import (
    ON_DELETE,
    ROLLING,
    SCALE,
    spec_of,
)
from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.core import claim_spec_faults, default_claim
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import forbidden, invalid, unsupported
from seaway.controlplane.kinds.metadata import (
    annotation_faults,
    label_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.controlplane.kinds.workloads import (
    HISTORY_LIMIT,
    amount_faults,
    default_template,
    is_zero,
    map_at,
    missing_selector_faults,
    negative_faults,
    over_hundred_faults,
    pods_faults,
    ready_of_wanted,
    set_missing,
    strategy_value,
    template_columns,
)
from seaway.objects import names
from seaway.objects.errors import Cause
from seaway.objects.workloads import STATEFUL_SETS

_CHANGEABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)  # fmt: skip
_STATEFUL_FIXED = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def default_stateful_set(stateful_set: Object) -> None:
    """Fill in one replica, ordered pods, a rolling update, and claims that are kept."""
    if (spec := spec_of(stateful_set)) is None:
        return
    set_missing(spec, "podManagementPolicy", "OrderedReady")
    strategy = map_at(spec, "updateStrategy")
    if not strategy.get("type"):
        strategy["type"] = ROLLING
        map_at(strategy, "rollingUpdate")
    if strategy["type"] == ROLLING and isinstance(strategy.get("rollingUpdate"), dict):
        set_missing(strategy["rollingUpdate"], "partition", 0)
    retention = map_at(spec, "persistentVolumeClaimRetentionPolicy")
    for field in ("whenDeleted", "whenScaled"):
        set_missing(retention, field, "Retain")
    set_missing(spec, "replicas", 1)
    set_missing(spec, "revisionHistoryLimit", HISTORY_LIMIT)
    for claim in spec.get("volumeClaimTemplates") or ():
        if isinstance(claim, dict):
            claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"} | claim
            default_claim(claim)
            set_missing(map_at(claim, "status"), "phase", "Pending")
    default_template(spec)


def validate_stateful_set(stateful_set: Object) -> list[Cause]:
    """Return the faults of a StatefulSet."""
    spec = stateful_set.get("spec") or {}
    faults = validate_metadata(stateful_set, name_faults=names.dns_label_faults)
    policy, field = spec.get("podManagementPolicy"), "spec.updateStrategy"
    if policy not in ("OrderedReady", "Parallel"):
        faults.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    strategy = spec.get("updateStrategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") not in (ROLLING, ON_DELETE):
        faults.append(invalid(field, strategy_value(strategy), f"must be '{ROLLING}' or '{ON_DELETE}'"))
    elif strategy["type"] == ON_DELETE and rolling is not None:
        detail = f"only allowed for updateStrategy '{ROLLING}'"
        faults.append(invalid(f"{field}.rollingUpdate", _rolling_value(rolling), detail))
    elif rolling:
        at = f"{field}.rollingUpdate"
        faults += negative_faults(rolling, at, ("partition",))
        if (unavailable := rolling.get("maxUnavailable")) is not None:
            faults += amount_faults(unavailable, f"{at}.maxUnavailable")
            if is_zero(unavailable):
                faults.append(invalid(f"{at}.maxUnavailable", unavailable, "cannot be 0"))
            faults += over_hundred_faults(unavailable, f"{at}.maxUnavailable")
    faults += _retention_faults(spec.get("persistentVolumeClaimRetentionPolicy") or {})
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        faults += claim_spec_faults(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    faults += negative_faults(spec, "spec", ("replicas", "minReadySeconds"))
    faults += negative_faults(spec.get("ordinals") or {}, "spec.ordinals", ("start",))
    if name := spec.get("serviceName"):
        faults += [invalid("spec.serviceName", name, f) for f in names.dns_label_faults(name)]
    faults += missing_selector_faults(stateful_set)
    faults += pods_faults(_as_made(stateful_set), "statefulset", "StatefulSet", broken="")
    if selector_faults(spec.get("selector"), ""):
        return faults
    return faults + _template_metadata_faults(spec.get("template") or {})


def _template_metadata_faults(template: Object) -> list[Cause]:
    """Return the faults of the template's labels and annotations: of stateful sets they are told twice."""
    metadata = template.get("metadata") or {}
    faults = label_faults(metadata.get("labels"), "spec.template.labels")
    return faults + annotation_faults(metadata.get("annotations"), "spec.template.annotations")


def _rolling_value(rolling: Object) -> Object:
    return {"Partition": rolling.get("partition"), "MaxUnavailable": rolling.get("maxUnavailable")}


def prepare_stateful_set(stateful_set: Object) -> None:
    """Begin without pods."""
    stateful_set["status"] = {"replicas": 0, "availableReplicas": 0}


def _retention_faults(policy: Object) -> list[Cause]:
    field = "spec.persistentVolumeClaimRetentionPolicy"
    return [
        unsupported(f"{field}.{name}", policy[name], ("Retain", "Delete"))
        for name in ("whenDeleted", "whenScaled")
        if policy.get(name) not in (None, "Retain", "Delete")
    ]


def _as_made(stateful_set: Object) -> Object:
    """Return a stateful set whose template is as its pods will be: with names of their own and the claims' volumes."""
    spec = stateful_set.get("spec") or {}
    claims = [read(claim, "metadata", "name") for claim in spec.get("volumeClaimTemplates") or ()]
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        return stateful_set
    pod = {
        field: value for field, value in template["spec"].items() if field not in ("hostname", "subdomain")
    }
    if claims:
        added = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
        own = [volume for volume in pod.get("volumes") or () if volume.get("name") not in claims]
        pod["volumes"] = [*added, *own]
    return stateful_set | {"spec": spec | {"template": template | {"spec": pod}}}


def validate_stateful_set_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: what names and stores its pods is fixed."""
    after, before = (
        {key: value for key, value in (obj.get("spec") or {}).items() if key not in _CHANGEABLE}
        for obj in (new, old)
    )
    faults = validate_metadata_update(new, old)
    return faults if after == before else [*faults, forbidden("spec", _STATEFUL_FIXED)]


STATEFUL_SET = Kind(
    STATEFUL_SETS,
    schema_of(STATEFUL_SETS),
    default=default_stateful_set,
    validate=validate_stateful_set,
    validate_update=validate_stateful_set_update,
    prepare_create=prepare_stateful_set,
    columns=(
        NAME,
        Column("Ready", ready_of_wanted, description="Pods that are ready, of those wanted."),
        AGE,
        *template_columns("spec", "template"),
    ),
    has_status=True,
    scale=SCALE,
)
