"""Validation of a Job's status, whichever controller writes it.

Source: the job status validation of Kubernetes 1.36 (KEP-4368).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, invalid, invalid_whole, required
from seaway.controlplane.kinds.job_policies import INDEXED, index_intervals
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.objects import meta
from seaway.objects.errors import Cause

_NOT_NEGATIVE = "must be greater than or equal to 0"
_COMPLETE, _FAILED, _TARGET, _MET = "Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"


def validate_status(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a status write; a rule is asked only where what it is about changes."""
    faults = validate_metadata_update(new, old) + _number_faults(new.get("status") or {})
    faults += _end_faults(new, old) + _time_faults(new, old) + _rest_faults(new, old)
    return faults + _index_faults(new, old) + _change_faults(new, old)


def _is(job: Object, *kinds: str) -> bool:
    return any((meta.get_condition(job, kind) or {}).get("status") == "True" for kind in kinds)


def _turned(new: Object, old: Object, *kinds: str) -> bool:
    return any(_is(new, kind) != _is(old, kind) for kind in kinds)


def _changed(new: Object, old: Object, *fields: str) -> bool:
    after, before = new.get("status") or {}, old.get("status") or {}
    empty: dict[str, Any] = {"active": 0, "completedIndexes": ""}
    return any(after.get(field, empty.get(field)) != before.get(field, empty.get(field)) for field in fields)


def _wrong(why: str) -> Cause:
    return invalid_whole("status.conditions", why)


def _number_faults(status: Object) -> list[Cause]:
    faults = [
        invalid(f"status.{field}", status[field], _NOT_NEGATIVE)
        for field in ("active", "succeeded", "failed", "ready", "terminating")
        if (status.get(field) or 0) < 0
    ]
    seen: set[str] = set()
    for kind in ("succeeded", "failed"):
        for index, uid in enumerate(read(status, "uncountedTerminatedPods", kind, default=())):
            field = f"status.uncountedTerminatedPods.{kind}[{index}]"
            if not uid:
                faults.append(invalid(field, uid, "must not be empty"))
            elif uid in seen:
                faults.append(duplicate(field, uid))
            seen.add(uid)
    return faults


def _end_faults(new: Object, old: Object) -> list[Cause]:
    """Return the faults of conditions that do not go together."""
    complete, failed, target, met = (_is(new, kind) for kind in (_COMPLETE, _FAILED, _TARGET, _MET))
    by_policy = read(new, "spec", "successPolicy", default=None) is not None
    rules = (
        (
            _turned(new, old, _COMPLETE, _FAILED) and complete and failed,
            "cannot set Complete=True and Failed=true conditions",
        ),
        (
            _turned(new, old, _COMPLETE, _TARGET) and complete and target,
            "cannot set Complete=True and FailureTarget=true conditions",
        ),
        (
            (_turned(new, old, _FAILED) or _changed(new, old, "failedIndexes")) and failed and not target,
            "cannot set Failed=True condition without the FailureTarget=true condition",
        ),
        (
            _turned(new, old, _COMPLETE, _MET) and complete and not met,
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (met and failed, "cannot set SuccessCriteriaMet=True and Failed=true conditions"),
        (met and target, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"),
        (
            by_policy and complete and not met,
            "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True",
        ),
    )
    return [_wrong(why) for is_broken, why in rules if is_broken]


def _time_faults(new: Object, old: Object) -> list[Cause]:
    status, field = new.get("status") or {}, "status.completionTime"
    start, end = status.get("startTime"), status.get("completionTime")
    faults: list[Cause] = []
    if _turned(new, old, _COMPLETE) or _changed(new, old, "completionTime"):
        if end and not _is(new, _COMPLETE):
            why = "cannot set completionTime when there is no Complete=True condition"
            faults.append(invalid(field, end, why))
        if not end and _is(new, _COMPLETE):
            faults.append(required(field, "completionTime is required for Complete jobs"))
    moved = _changed(new, old, "startTime", "completionTime")
    if moved and start and end and parse_rfc3339(end) < parse_rfc3339(start):
        faults.append(invalid(field, end, "must be equal to or after `startTime`"))
    return faults


def _rest_faults(new: Object, old: Object) -> list[Cause]:
    """Return the faults of what a job says of its pods, above all one that is over."""
    status, spec = new.get("status") or {}, new.get("spec") or {}
    active, ready = status.get("active") or 0, status.get("ready")
    faults: list[Cause] = []
    if ready is not None and ready > active and _changed(new, old, "ready", "active"):
        faults.append(invalid("status.ready", ready, "cannot set more ready pods than active"))
    finished = _is(new, _COMPLETE, _FAILED)
    turned = finished != _is(old, _COMPLETE, _FAILED)
    if not finished:
        return faults
    faults += [
        invalid(f"status.{field}", status[field], f"{field}>0 is invalid for finished job")
        for field in ("active", "terminating")
        if (status.get(field) or 0) > 0 and (turned or _changed(new, old, field))
    ]
    never_ran = spec.get("suspend") is True and spec.get("completions") == 0
    if not status.get("startTime") and (turned or _changed(new, old, "startTime")) and not never_ran:
        faults.append(required("status.startTime", "startTime is required for finished job"))
    uncounted = status.get("uncountedTerminatedPods") or {}
    if any(uncounted.values()) and (turned or _changed(new, old, "uncountedTerminatedPods")):
        why = "must be empty for finished job"
        shown = {"Succeeded": uncounted.get("succeeded"), "Failed": uncounted.get("failed")}
        faults.append(invalid("status.uncountedTerminatedPods", shown, why))
    return faults


def _index_faults(new: Object, old: Object) -> list[Cause]:
    status, spec = new.get("status") or {}, new.get("spec") or {}
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    moved, failing = _changed(new, old, "completedIndexes"), _changed(new, old, "failedIndexes")
    completions, per_index = spec.get("completions"), spec.get("backoffLimitPerIndex") is not None
    known, wrong = index_intervals(completed, completions or 0)
    given, unread = index_intervals(failed or "", completions or 0)
    faults: list[Cause] = []
    if moved and completions is not None and wrong:
        why = f"error parsing completedIndexes: {wrong}"
        faults.append(invalid("status.completedIndexes", completed, why))
    if failing and completions is not None and per_index and unread:
        faults.append(invalid("status.failedIndexes", failed, f"error parsing failedIndexes: {unread}"))
    if moved and completed and spec.get("completionMode") != INDEXED:
        why = "cannot set non-empty completedIndexes when non-indexed completion mode"
        faults.append(invalid("status.completedIndexes", completed, why))
    if failing and failed is not None and not per_index:
        why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        faults.append(invalid("status.failedIndexes", failed, why))
    if (moved or failing) and completions is not None and failed is not None:
        faults += _overlap_faults(failed, known, given)
    return faults


def _overlap_faults(
    failed: str, completed: Sequence[tuple[int, int]], given: Sequence[tuple[int, int]]
) -> list[Cause]:
    at = 0
    for first, last in given:
        while at < len(completed) and completed[at][1] < first:
            at += 1
        if at < len(completed) and completed[at][0] <= last:
            why = f"failedIndexes and completedIndexes overlap at index: {max(first, completed[at][0])}"
            return [invalid("status.failedIndexes", failed, why)]
    return []


def _change_faults(new: Object, old: Object) -> list[Cause]:
    """Return the faults of what may not be taken back."""
    after, before, spec = new.get("status") or {}, old.get("status") or {}, new.get("spec") or {}
    faults = [
        _wrong(f"cannot disable the terminal {kind}=True condition")
        for kind in (_FAILED, _COMPLETE, _TARGET)
        if _is(old, kind) and not _is(new, kind)
    ]
    elastic = spec.get("completionMode") == INDEXED and spec.get("completions") == spec.get("parallelism")
    faults += [
        invalid(f"status.{field}", after.get(field) or 0, f"cannot decrease the {field} counter")
        for field in (("failed",) if elastic else ("failed", "succeeded"))
        if (after.get(field) or 0) < (before.get(field) or 0)
    ]
    end, ended = after.get("completionTime"), before.get("completionTime")
    if end and ended and end != ended:
        faults.append(invalid("status.completionTime", end, "field is immutable"))
    resumes = _is(old, "Suspended") and (meta.get_condition(new, "Suspended") or {}).get("status") == "False"
    start, started = after.get("startTime"), before.get("startTime")
    if started and start != started and not spec.get("suspend") and not resumes:
        why = "field is immutable for unsuspended job once set"
        faults.append(invalid("status.startTime", start, why))
    if _is(old, _MET) and not _is(new, _MET):
        faults.append(_wrong("cannot disable the SuccessCriteriaMet=True condition"))
    if _is(old, _COMPLETE) and not _is(old, _MET) and _is(new, _MET):
        why = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions"
        faults.append(_wrong(why))
    return faults
