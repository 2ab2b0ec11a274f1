"""Validation of Jobs.

Source: the job validation of Kubernetes 1.36.
"""

from __future__ import annotations

import re
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import (
    immutable,
    invalid,
    required,
    too_long,
    unsupported,
)  # fmt: skip
from seaway.controlplane.kinds.job_policies import INDEXED, failure_policy_faults, success_policy_faults
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.pod_validation import template_faults
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects import meta, names
from seaway.objects.errors import BadRequest, Cause
from seaway.objects.selectors import LabelSelector

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"
LEGACY_CONTROLLER_UID, LEGACY_JOB_NAME = "controller-uid", "job-name"
MOST_PARALLEL_INDEXED = MOST_FAILED_INDEXES = 100_000
NON_INDEXED = "NonIndexed"
REPLACEMENT_POLICIES = ("Failed", "TerminatingOrFailed")
_LONGEST_MANAGER = 63
_MANY_COMPLETIONS, _MOST_PARALLEL_THEN = 100_000, 10_000
_NUMBERS = (
    "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
    "backoffLimitPerIndex", "maxFailedIndexes",
)  # fmt: skip
_NOT_NEGATIVE = "must be greater than or equal to 0"
_FIXED = (
    "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy",
)  # fmt: skip
_CHANGEABLE_WHEN_SUSPENDED = ("affinity", "nodeSelector", "tolerations", "schedulingGates")


def validate(job: Object) -> list[Cause]:
    """Return the faults of a Job."""
    spec = job.get("spec") or {}
    faults = validate_metadata(job) + _generated_faults(job) + _spec_faults(spec)
    if spec.get("completionMode") == INDEXED and (spec.get("completions") or 0) > 0:
        last = f"{meta.name(job)}-{spec['completions'] - 1}"
        if names.dns_label_faults(last):
            detail = f"will not able to create pod with invalid DNS label: {last}"
            faults.append(invalid("metadata.name", meta.name(job), detail))
    return faults


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: selector, template and mode are fixed."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    faults = validate(new) + validate_metadata_update(new, old) + _spec_faults(after)
    indexed = after.get("completionMode") == INDEXED
    completions = after.get("completions")
    if completions != before.get("completions") and not indexed:
        faults += immutable("spec.completions", completions, before.get("completions"))
    elif completions != before.get("completions") and completions not in (None, after.get("parallelism")):
        detail = "can only be modified in tandem with spec.parallelism"
        faults.append(invalid("spec.completions", completions, detail))
    wanted, current = after.get("template"), before.get("template")
    if before.get("suspend") and not read(old, "status", "startTime"):
        wanted, current = _unscheduled(wanted), _unscheduled(current)
    if wanted != current:
        faults += immutable("spec.template", after.get("template"), before.get("template"))
    for field in _FIXED:
        faults += immutable(f"spec.{field}", after.get(field), before.get(field))
    return faults


def _unscheduled(template: Any) -> Any:
    """Return a template without what may change while its job is suspended and has never run."""
    spec = {
        k: v for k, v in ((template or {}).get("spec") or {}).items() if k not in _CHANGEABLE_WHEN_SUSPENDED
    }
    for kind in ("containers", "initContainers"):
        if kind in spec:
            spec[kind] = [{k: v for k, v in c.items() if k != "resources"} for c in spec[kind] or ()]
    return {key: value for key, value in (template or {}).items() if key != "metadata"} | {"spec": spec}


def _spec_faults(spec: Object) -> list[Cause]:
    return template_spec_faults(spec) + _selector_faults(spec)


def template_spec_faults(spec: Object) -> list[Cause]:
    """Return the faults of a job's spec but for its selector, which a template of jobs does not have."""
    faults = [
        invalid(f"spec.{n}", spec[n], _NOT_NEGATIVE)
        for n in _NUMBERS
        if spec.get(n) is not None and spec[n] < 0
    ]
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        faults.append(required("spec.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    faults += _manager_faults(spec.get("managedBy")) + _mode_faults(spec)
    faults += failure_policy_faults(spec) + success_policy_faults(spec)
    policy = spec.get("podReplacementPolicy")
    supported = REPLACEMENT_POLICIES if spec.get("podFailurePolicy") is None else ("Failed",)
    if policy is not None and policy not in supported:
        faults.append(unsupported("spec.podReplacementPolicy", policy, supported))
    faults += template_faults(spec.get("template") or {}, "spec.template")
    return faults + _restart_faults(spec)


def _manager_faults(manager: str | None) -> list[Cause]:
    field = "spec.managedBy"
    if manager is None:
        return []
    if not manager:
        return [required(field)]
    domain, slash, path = manager.partition("/")
    if not slash or not domain or not path:
        detail = 'must be a domain-prefixed path (such as "acme.io/foo")'
        return [invalid(field, manager, detail)]
    faults = [invalid(field, domain, f) for f in names.dns_subdomain_faults(domain)]
    if not re.fullmatch(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+", path):
        detail = "Invalid path (regex used for validation is '^[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+$')"
        faults.append(invalid(field, path, detail))
    return faults + ([too_long(field, _LONGEST_MANAGER)] if len(manager) > _LONGEST_MANAGER else [])


def _mode_faults(spec: Object) -> list[Cause]:
    mode = spec.get("completionMode")
    if mode == INDEXED:
        return _indexed_faults(spec)
    faults = [] if mode == NON_INDEXED else [unsupported("spec.completionMode", mode, (NON_INDEXED, INDEXED))]
    indexed_only = ("backoffLimitPerIndex", "maxFailedIndexes") if mode == NON_INDEXED else ()
    return faults + [
        invalid(f"spec.{f}", spec[f], "requires indexed completion mode")
        for f in indexed_only
        if spec.get(f) is not None
    ]


def _indexed_faults(spec: Object) -> list[Cause]:
    completions, parallel, failed = (
        spec.get("completions"), spec.get("parallelism") or 0, spec.get("maxFailedIndexes"),
    )  # fmt: skip
    faults: list[Cause] = []
    if completions is None:
        faults.append(required("spec.completions", f"when completion mode is {INDEXED}"))
    if parallel > MOST_PARALLEL_INDEXED:
        detail = f"must be less than or equal to {MOST_PARALLEL_INDEXED} when completion mode is {INDEXED}"
        faults.append(invalid("spec.parallelism", parallel, detail))
    if completions is not None and failed is not None and failed > completions:
        faults.append(invalid("spec.maxFailedIndexes", failed, "must be less than or equal to completions"))
    if failed is not None and failed > MOST_FAILED_INDEXES:
        detail = f"must be less than or equal to {MOST_FAILED_INDEXES}"
        faults.append(invalid("spec.maxFailedIndexes", failed, detail))
    if (completions or 0) <= _MANY_COMPLETIONS or spec.get("backoffLimitPerIndex") is None:
        return faults
    if failed is None:
        detail = f"must be specified when completions is above {_MANY_COMPLETIONS}"
        faults.append(required("spec.maxFailedIndexes", detail))
    for name, value in (("parallelism", parallel), ("maxFailedIndexes", failed or 0)):
        if value > _MOST_PARALLEL_THEN:
            detail = (
                f"must be less than or equal to {_MOST_PARALLEL_THEN} when completions are above {_MANY_COMPLETIONS} "
                "and used with backoff limit per index"
            )
            faults.append(invalid(f"spec.{name}", value, detail))
    return faults


def _generated_faults(job: Object) -> list[Cause]:
    """Return the faults of a selector that is not the one that the server makes."""
    spec = job.get("spec") or {}
    if spec.get("manualSelector") or not spec.get("selector"):
        return []
    labels = read(spec, "template", "metadata", "labels", default={})
    own = {
        LEGACY_CONTROLLER_UID: meta.uid(job), LEGACY_JOB_NAME: meta.name(job),
        CONTROLLER_UID: meta.uid(job), JOB_NAME: meta.name(job),
    }  # fmt: skip
    field = "spec.template.metadata.labels"
    faults: list[Cause] = []
    for key, expected in own.items():
        if key not in labels:
            faults.append(required(f"{field}[{key}]", f"must be '{expected}'"))
        elif labels[key] != expected:
            faults.append(invalid(f"{field}[{key}]", labels[key], f"must be '{expected}'"))
    if not _matches(spec["selector"], own):
        faults.append(invalid("spec.selector", spec["selector"], "`selector` not auto-generated"))
    return faults


def _selector_faults(spec: Object) -> list[Cause]:
    selector = spec.get("selector")
    faults = [required("spec.selector")] if selector is None else selector_faults(selector, "spec.selector")
    labels = read(spec, "template", "metadata", "labels", default=None)
    if selector is None or not _matches(selector, labels or {}):
        detail = "`selector` does not match template `labels`"
        faults.append(invalid("spec.template.metadata.labels", labels, detail))
    return faults


def _matches(selector: Object, labels: dict[str, str]) -> bool:
    """Tell whether a selector matches; one that cannot be read is told elsewhere."""
    wrong = selector_faults(selector, "")
    try:
        return bool(wrong) or LabelSelector.from_object(selector).matches(labels)
    except BadRequest:
        return True


def _restart_faults(spec: Object) -> list[Cause]:
    field, policy = "spec.template.spec.restartPolicy", read(spec, "template", "spec", "restartPolicy")
    if policy in ("", "Always"):
        return [required(field, 'valid values: "OnFailure", "Never"')]
    if policy not in ("OnFailure", "Never"):
        return [unsupported(field, policy, ("OnFailure", "Never"))]
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        return [invalid(field, policy, 'only "Never" is supported when podFailurePolicy is specified')]
    return []
