"""batch: jobs."""

from __future__ import annotations

from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.kinds.cells import AGE, NAME, human_duration, joined, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.pod_defaults import default_spec
from seaway.controlplane.kinds.pod_validation import template_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults, selector_text
from seaway.objects import meta, names
from seaway.objects.builtin import JOBS
from seaway.objects.errors import BadRequest, Cause
from seaway.objects.selectors import LabelSelector

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
LEGACY_CONTROLLER_UID, LEGACY_JOB_NAME = "controller-uid", "job-name"
BACKOFF_LIMIT = 6
MOST_PARALLEL_INDEXED = 100_000
NON_INDEXED, INDEXED = "NonIndexed", "Indexed"
REPLACEMENT_POLICIES = ("Failed", "TerminatingOrFailed")
FAILURE_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_NUMBERS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_NOT_NEGATIVE = "must be greater than or equal to 0"
_FIXED = (
    "selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy",
)  # fmt: skip
_CHANGEABLE_WHEN_SUSPENDED = ("affinity", "nodeSelector", "tolerations", "schedulingGates")


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
    template = spec.get("template")
    if not isinstance(template, dict):
        return
    if isinstance(template.get("spec"), dict):
        default_spec(template["spec"])
    labels = read(template, "metadata", "labels", default={})
    if labels and isinstance(job.get("metadata"), dict) and not job["metadata"].get("labels"):
        job["metadata"]["labels"] = dict(labels)


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
    metadata["labels"] = own | (metadata.get("labels") or {})
    selector = spec["selector"] = spec.get("selector") or {}
    selector["matchLabels"] = {CONTROLLER_UID: uid} | (selector.get("matchLabels") or {})


def prepare_update(new: Object, old: Object) -> None:
    """Keep the generated selector and labels where the new object leaves them out."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    template = after.get("template")
    if before.get("manualSelector") or not isinstance(template, dict):
        return
    if not after.get("selector") and before.get("selector"):
        after["selector"] = before["selector"]
    kept = read(before, "template", "metadata", "labels", default={})
    generated = {
        key: kept[key]
        for key in (JOB_NAME, LEGACY_JOB_NAME, CONTROLLER_UID, LEGACY_CONTROLLER_UID)
        if key in kept
    }
    if generated:
        metadata = template["metadata"] = template.get("metadata") or {}
        metadata["labels"] = generated | (metadata.get("labels") or {})


def validate(job: Object) -> list[Cause]:
    """Return the faults of a Job."""
    spec = job.get("spec") or {}
    faults = validate_metadata(job)
    faults += [
        invalid(f"spec.{n}", spec[n], _NOT_NEGATIVE)
        for n in _NUMBERS
        if spec.get(n) is not None and spec[n] < 0
    ]
    faults += _mode_faults(spec) + _selector_faults(job)
    faults += _failure_policy_faults(spec)
    faults += template_faults(spec.get("template") or {}, "spec.template")
    return faults + _restart_faults(spec)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: selector, template and mode are fixed."""
    faults = validate_metadata_update(new, old)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    unstarted = before.get("suspend") and not read(old, "status", "startTime")
    for field in _FIXED:
        wanted, current = after.get(field), before.get(field)
        if field == "template" and unstarted:
            wanted, current = _unscheduled(wanted), _unscheduled(current)
        if wanted != current:
            faults += immutable(f"spec.{field}", after.get(field), before.get(field))
    elastic = after.get("completionMode") == INDEXED and after.get("completions") == after.get("parallelism")
    if after.get("completions") != before.get("completions") and not elastic:
        faults += immutable("spec.completions", after.get("completions"), before.get("completions"))
    return faults


def _unscheduled(template: Any) -> Any:
    """Return a template without what may change while its job is suspended and has never run."""
    spec = {
        k: v for k, v in ((template or {}).get("spec") or {}).items() if k not in _CHANGEABLE_WHEN_SUSPENDED
    }
    return {key: value for key, value in (template or {}).items() if key != "metadata"} | {"spec": spec}


def _mode_faults(spec: Object) -> list[Cause]:
    faults: list[Cause] = []
    mode, policy = spec.get("completionMode"), spec.get("podReplacementPolicy")
    if mode not in (NON_INDEXED, INDEXED):
        faults.append(unsupported("spec.completionMode", mode, (NON_INDEXED, INDEXED)))
    if mode == INDEXED:
        if spec.get("completions") is None:
            faults.append(required("spec.completions", f"when completion mode is {INDEXED}"))
        if (spec.get("parallelism") or 0) > MOST_PARALLEL_INDEXED:
            detail = (
                f"must be less than or equal to {MOST_PARALLEL_INDEXED} when completion mode is {INDEXED}"
            )
            faults.append(invalid("spec.parallelism", spec["parallelism"], detail))
    else:
        indexed_only = [
            f
            for f in ("backoffLimitPerIndex", "maxFailedIndexes", "successPolicy")
            if spec.get(f) is not None
        ]
        faults += [invalid(f"spec.{f}", spec[f], "requires indexed completion mode") for f in indexed_only]
    supported = REPLACEMENT_POLICIES if spec.get("podFailurePolicy") is None else ("Failed",)
    if policy is not None and policy not in supported:
        faults.append(unsupported("spec.podReplacementPolicy", policy, supported))
    if manager := spec.get("managedBy"):
        domain, slash, rest = manager.partition("/")
        if not slash or not rest or names.dns_subdomain_faults(domain):
            detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
            faults.append(invalid("spec.managedBy", manager, detail))
    return faults


def _selector_faults(job: Object) -> list[Cause]:
    spec = job.get("spec") or {}
    labels = read(spec, "template", "metadata", "labels", default={})
    faults = selector_faults(spec.get("selector"), "spec.selector")
    if not spec.get("selector"):
        return [required("spec.selector")] if meta.uid(job) else []
    try:
        matches = LabelSelector.from_object(spec["selector"]).matches(labels)
    except BadRequest:
        return faults
    if not matches:
        detail = "`selector` does not match template `labels`"
        faults.append(invalid("spec.template.metadata.labels", labels, detail))
    if not spec.get("manualSelector") and meta.uid(job):
        for key, expected in ((CONTROLLER_UID, meta.uid(job)), (JOB_NAME, meta.name(job))):
            if key in labels and labels[key] != expected:
                detail = f"must be '{expected}'"
                faults.append(invalid(f"spec.template.metadata.labels[{key}]", labels[key], detail))
    return faults


def _failure_policy_faults(spec: Object) -> list[Cause]:
    faults: list[Cause] = []
    for index, rule in enumerate(read(spec, "podFailurePolicy", "rules", default=())):
        at = f"spec.podFailurePolicy.rules[{index}]"
        if not rule.get("action"):
            faults.append(required(f"{at}.action", f"valid values: {', '.join(FAILURE_ACTIONS)}"))
        elif rule["action"] not in FAILURE_ACTIONS:
            faults.append(unsupported(f"{at}.action", rule["action"], FAILURE_ACTIONS))
        if bool(rule.get("onExitCodes")) == bool(rule.get("onPodConditions")):
            detail = "specifying one of OnExitCodes and OnPodConditions is required"
            faults.append(invalid(at, dict(rule), detail))
    return faults


def _restart_faults(spec: Object) -> list[Cause]:
    field, policy = "spec.template.spec.restartPolicy", read(spec, "template", "spec", "restartPolicy")
    if policy in ("", "Always"):
        return [required(field, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [unsupported(field, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []


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
    prepare_create=prepare_create,
    prepare_update=prepare_update,
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
