"""batch: cron jobs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from seaway.controlplane.kinds import batch
from seaway.controlplane.kinds.cells import AGE, NAME, NONE, at, read, since
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.job_validation import template_spec_faults
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schedules import BadSchedule, parse_schedule
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_text
from seaway.controlplane.kinds.workloads import (
    default_template,
    negative_faults,
    set_missing,
    template_columns,
)
from seaway.objects.builtin import CRON_JOBS
from seaway.objects.errors import Cause

CONCURRENCY_POLICIES = ("Allow", "Forbid", "Replace")
LONGEST_NAME = 52
"""A job's name adds eleven characters, and its pods' names must be labels."""


def default(cron_job: Object) -> None:
    """Fill in that runs may overlap, and how many ended jobs are kept."""
    spec = cron_job.get("spec")
    if not isinstance(spec, dict):
        return
    if not spec.get("concurrencyPolicy"):
        spec["concurrencyPolicy"] = "Allow"
    set_missing(spec, "suspend", False)
    set_missing(spec, "successfulJobsHistoryLimit", 3)
    set_missing(spec, "failedJobsHistoryLimit", 1)
    template = spec.get("jobTemplate")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        default_template(template["spec"])  # the rest is filled in when a job is made


def prepare_create(cron_job: Object) -> None:
    """Begin without status."""
    cron_job["status"] = {}


def schedule_faults(schedule: str, field: str) -> list[Cause]:
    """Return the faults of a schedule: five fields, or a word such as "@hourly".

    Source: crontab(5), as Kubernetes reads it.
    """
    if "TZ" in schedule:
        return [invalid(field, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")]
    try:
        parse_schedule(schedule)
    except BadSchedule as error:
        return [invalid(field, schedule, str(error))]
    return []


def validate(cron_job: Object) -> list[Cause]:
    """Return the faults of a CronJob."""
    spec = cron_job.get("spec") or {}
    faults = validate_metadata(cron_job)
    name = read(cron_job, "metadata", "name")
    if len(name) > LONGEST_NAME:
        faults.append(invalid("metadata.name", name, f"must be no more than {LONGEST_NAME} characters"))
    schedule = spec.get("schedule")
    faults += schedule_faults(schedule, "spec.schedule") if schedule else [required("spec.schedule")]
    zone = spec.get("timeZone")
    if zone == "":
        faults.append(invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string"))
    elif zone is not None and (zone == "Local" or zone not in available_timezones()):
        faults.append(invalid("spec.timeZone", zone, f"unknown time zone {zone}"))
    policy = spec.get("concurrencyPolicy")
    if policy not in CONCURRENCY_POLICIES:
        faults.append(unsupported("spec.concurrencyPolicy", policy, CONCURRENCY_POLICIES))
    limits = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    return faults + negative_faults(spec, "spec", limits) + _template_faults(spec.get("jobTemplate") or {})


def _template_faults(template: Object) -> list[Cause]:
    """Return the faults that a job of this template would have."""
    job: Object = {
        "metadata": {"name": "job", "namespace": "default"},
        "spec": _copied(template.get("spec") or {}),
    }
    if job["spec"].get("manualSelector"):
        field = "spec.jobTemplate.spec.manualSelector"
        return [unsupported(field, True, ("nil", "false"))]
    batch.default(job)
    job["spec"].pop("selector", None)
    return [
        replace(fault, field=f"spec.jobTemplate.{fault.field}") for fault in template_spec_faults(job["spec"])
    ]


def _copied(spec: Object) -> Object:
    copied: Object = {**spec}
    if isinstance(copied.get("template"), dict):
        copied["template"] = {**copied["template"]}
    return copied


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: everything may change."""
    return validate_metadata_update(new, old)


def _last(cron_job: Object, now: float) -> str:
    last = read(cron_job, "status", "lastScheduleTime")
    return since(last, now) if last else NONE


def _active(cron_job: Object, _now: float) -> Any:
    return len(read(cron_job, "status", "active", default=()))


CRON_JOB = Kind(
    CRON_JOBS,
    schema_of(CRON_JOBS),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_create=prepare_create,
    columns=(
        NAME,
        Column("Schedule", at("spec", "schedule"), description="When it makes a job, as crontab writes it."),
        Column("Timezone", at("spec", "timeZone", default=NONE), description="Where the schedule's clock hangs."),
        Column("Suspend", lambda obj, _: str(read(obj, "spec", "suspend", default=False)), type="boolean", description="Whether it makes none now."),
        Column("Active", _active, type="integer", description="Jobs that run now."),
        Column("Last Schedule", _last, description="Time since it last made a job."),
        AGE,
        *template_columns("spec", "jobTemplate", "spec", "template"),
        Column("Selector", lambda obj, _: selector_text(read(obj, "spec", "jobTemplate", "spec", "selector", default={})), priority=1, description="Labels of its pods."),
    ),
    has_status=True,
)  # fmt: skip
