"""Pods."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Kind, Object
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.controlplane.kinds.pod_columns import COLUMNS, row_conditions
from seaway.controlplane.kinds.pod_defaults import containers, default_pod
from seaway.controlplane.kinds.pod_ephemeral import validate_ephemeral
from seaway.controlplane.kinds.pod_placement import fill_in_label_keys
from seaway.controlplane.kinds.pod_updates import validate_update
from seaway.controlplane.kinds.pod_validation import validate_pod
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.builtin import PODS
from seaway.objects.quantity import parse_quantity

GRACE_SECONDS = 30
_FIELD_PATHS = (
    "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "status.phase",
    "status.podIP", "status.nominatedNodeName",
)  # fmt: skip


def prepare_create(pod: Object) -> None:
    """Begin pending, with the quality of service that requests and limits give; the pod's own status is dropped."""
    fill_in_label_keys(pod)
    pod["status"] = {"phase": "Pending", "qosClass": quality_of_service(pod)}
    if (pod.get("spec") or {}).get("schedulingGates"):
        pod["status"]["conditions"] = [
            {
                "type": "PodScheduled",
                "status": "False",
                "lastProbeTime": None,
                "lastTransitionTime": pod["metadata"].get("creationTimestamp"),
                "reason": "SchedulingGated",
                "message": "Scheduling is blocked due to non-empty scheduling gates",
            }
        ]


def quality_of_service(pod: Object) -> str:
    """Return "Guaranteed", "Burstable" or "BestEffort". Source: Kubernetes' "Pod Quality of Service Classes"."""
    amounts = [
        {kind: _amounts(container, kind) for kind in ("requests", "limits")}
        for container in containers(pod.get("spec") or {}, "initContainers", "containers")
    ]
    if not any(of["requests"] or of["limits"] for of in amounts):
        return "BestEffort"
    guaranteed = all(
        of["limits"].keys() == {"cpu", "memory"} and of["requests"] == of["limits"] for of in amounts
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _amounts(container: Object, kind: str) -> dict[str, object]:
    listed = read(container, "resources", kind, default={})
    amounts = {name: _amount(listed[name]) for name in ("cpu", "memory") if name in listed}
    return {name: amount for name, amount in amounts.items() if amount}


def _amount(value: Any) -> Decimal:
    """Return a quantity, zero for what is none: validation names it later."""
    try:
        return parse_quantity(value)
    except ValueError:
        return Decimal(0)


def _label(path: str) -> Callable[[Object], str]:
    steps = path.split(".")
    return lambda pod: str(read(pod, *steps))


def prepare_status(pod: Object, old: Object) -> None:
    """Keep the quality of service, which is settled on create, and let the two forms of the pod's address agree."""
    status = pod.get("status")
    if not isinstance(status, dict):
        pod["status"] = status = {}
    if not status.get("qosClass") and (settled := (old.get("status") or {}).get("qosClass")):
        status["qosClass"] = settled
    listed = status.get("podIPs") or ()
    if listed and not status.get("podIP"):
        status["podIP"] = listed[0].get("ip")
    elif status.get("podIP") and not listed:
        status["podIPs"] = [{"ip": status["podIP"]}]


def warnings(pod: Object, old: Object | None) -> list[str]:
    """Return what the caller should know of a new pod: image pull secrets that name nothing, or the same twice."""
    found: list[str] = []
    empty: list[str] = []
    seen: set[str] = set()
    for index, secret in enumerate(read(pod, "spec", "imagePullSecrets", default=()) if old is None else ()):
        at, name = f"spec.imagePullSecrets[{index}].name", secret.get("name") or ""
        found += [f'{at}: duplicate name "{name}"'] if name in seen else []
        empty += [] if name else [f'{at}: invalid empty name ""']
        seen.add(name)
    return found + empty


POD = Kind(
    PODS,
    schema_of(PODS),
    default=default_pod,
    validate=validate_pod,
    validate_update=validate_update,
    validate_status=validate_metadata_update,
    validate_subresource={"ephemeralcontainers": validate_ephemeral},
    revalidated=False,
    prepare_create=prepare_create,
    warnings=warnings,
    columns=COLUMNS,
    row_conditions=row_conditions,
    prepare_status=prepare_status,
    field_labels={path: _label(path) for path in _FIELD_PATHS}
    | {"spec.hostNetwork": lambda pod: "true" if read(pod, "spec", "hostNetwork") else "false"},
    has_status=True,
    default_grace_seconds=GRACE_SECONDS,
    returns_deleted=True,
)
