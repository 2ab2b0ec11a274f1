"""batch: jobs."""

from __future__ import annotations

from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.kinds.cells import AGE, NAME, human_duration, joined, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.job_status import validate_status
from seaway.controlplane.kinds.job_validation import (
    CONTROLLER_UID,
    JOB_NAME,
    LEGACY_CONTROLLER_UID,
    LEGACY_JOB_NAME,
    NON_INDEXED,
    validate,
    validate_update,
)  # fmt: skip
from seaway.controlplane.kinds.pod_defaults import default_spec
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_text
from seaway.objects import meta, names
from seaway.objects.builtin import JOBS

BACKOFF_LIMIT = 6


def default(job: Object) -> None:
    """Fill in parallelism, completions, limits and what its pod template gets."""
    spec = job.get("spec")
    if not isinstance(spec, dict):
        return
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _set(spec, "parallelism", 1)
    _set(spec, "backoffLimit", BACKOFF_LIMIT if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    _set(spec, "completionMode", NON_INDEXED)
    _set(spec, "suspend", False)
    _set(spec, "manualSelector", False)
    _set(
        spec,
        "podReplacementPolicy",
        "TerminatingOrFailed" if spec.get("podFailurePolicy") is None else "Failed",
    )
    for rule in read(spec, "podFailurePolicy", "rules", default=()):
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"
    template = spec.get("template")
    if not isinstance(template, dict):
        return
    if isinstance(template.get("spec"), dict):
        default_spec(template["spec"])
    labels = read(template, "metadata", "labels", default={})
    if labels and isinstance(job.get("metadata"), dict) and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = (
            labels  # one map, as in Kubernetes: what create adds to one stands in the other
        )


def prepare_create(job: Object) -> None:
    """Begin without status, with a selector that only its own pods meet, unless the user manages the selector."""
    job["status"] = {}
    spec = job.get("spec") or {}
    template = spec.get("template")
    if spec.get("manualSelector") or not isinstance(template, dict):
        return
    metadata = template["metadata"] = template.get("metadata") or {}
    name, uid = meta.name(job), meta.uid(job)
    own = {JOB_NAME: name, LEGACY_JOB_NAME: name, CONTROLLER_UID: uid, LEGACY_CONTROLLER_UID: uid}
    shared = job["metadata"].get("labels")
    labels = metadata["labels"] = metadata.get("labels") or {}
    for key, value in own.items():
        labels.setdefault(key, value)
    if shared is not None and shared is labels:
        metadata["labels"] = dict(labels)
    selector = spec["selector"] = spec.get("selector") or {}
    selector["matchLabels"] = {CONTROLLER_UID: uid} | (selector.get("matchLabels") or {})


def warnings(job: Object, old: Object | None) -> list[str]:
    """Name what may surprise in a new job."""
    if old is not None:
        return []
    told: list[str] = []
    if wrong := names.dns_label_faults(meta.name(job)):
        told.append(
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label "
            f"is recommended: [{' '.join(wrong)}]"
        )
    return told


def _set(spec: Object, field: str, value: Any) -> None:
    if spec.get(field) is None:
        spec[field] = value


def _condition(job: Object, kind: str) -> bool:
    return (meta.get_condition(job, kind) or {}).get("status") == "True"


def _status(job: Object, _now: float) -> str:
    if _condition(job, "Complete"):
        return "Complete"
    if _condition(job, "Failed"):
        return "Failed"
    if meta.deletion_timestamp(job):
        return "Terminating"
    return next((kind for kind in ("Suspended", "FailureTarget") if _condition(job, kind)), "Running")


def _completions(job: Object, _now: float) -> str:
    succeeded, wanted = (
        read(job, "status", "succeeded", default=0),
        read(job, "spec", "completions", default=None),
    )
    parallel = read(job, "spec", "parallelism", default=0)
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    return f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"


def _duration(job: Object, now: float) -> str:
    start, end = read(job, "status", "startTime"), read(job, "status", "completionTime")
    return human_duration((parse_rfc3339(end) if end else now) - parse_rfc3339(start)) if start else ""


def _each_container(field: str) -> Any:
    def cell(job: Object, _now: float) -> str:
        containers = read(job, "spec", "template", "spec", "containers", default=())
        return joined(str(container.get(field) or "") for container in containers)

    return cell


JOB = Kind(
    JOBS,
    schema_of(JOBS),
    default=default,
    validate=validate,
    validate_update=validate_update,
    validate_status=validate_status,
    revalidated=False,
    warnings=warnings,
    orphans_by_default=True,
    orphan_warning=(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
        "propagationPolicy=Orphan to suppress this warning"
    ),
    prepare_create=prepare_create,
    columns=(
        NAME,
        Column("Status", _status, description="Complete, Failed, Running, Suspended or being deleted."),
        Column("Completions", _completions, description="Pods that succeeded, of those wanted."),
        Column("Duration", _duration, description="Time from its start to its end, or to now."),
        AGE,
        Column("Containers", _each_container("name"), priority=1, description="Names of its containers."),
        Column("Images", _each_container("image"), priority=1, description="Images of its containers."),
        Column("Selector", lambda job, _: selector_text(read(job, "spec", "selector", default={})), priority=1, description="Labels of its pods."),
    ),
    field_labels={"status.successful": lambda job: str(read(job, "status", "succeeded", default=0))},
    has_status=True,
)  # fmt: skip
