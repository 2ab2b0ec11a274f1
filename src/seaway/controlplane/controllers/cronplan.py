"""What a cron job needs next: pure, from it, its jobs and the time to a plan.

Source: batch/v1 CronJob: concurrencyPolicy, startingDeadlineSeconds, history limits; KEP-19 (the second controller).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from email.utils import format_datetime
from typing import Any

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.jobplan import Report
from seaway.controlplane.controllers.schedule import Schedule, zone_of
from seaway.controlplane.kinds.schedules import BadSchedule
from seaway.objects.meta import copy, get_condition, name, owner_reference, uid

Object = dict[str, Any]
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_MANY = 100
"""More times missed than this are told."""
_RECHECK = 60.0
"""Seconds after which it is looked at again at the latest: a machine that slept does not count them."""
_LATE = 0.1
"""Seconds after a time at which it is looked at, so that it has passed by every clock."""


@dataclass(slots=True)
class CronPlan:
    """What to do, in this order: replace, create (and note it in the status), delete, write the status."""

    status: Object
    replace: list[Object] = field(default_factory=list)
    """References to running jobs that go before the next one starts."""
    create: Object | None = None
    scheduled: str = ""
    """The time of the job to create, for `status.lastScheduleTime`."""
    delete: list[Object] = field(default_factory=list)
    """Ended jobs beyond the history limits."""
    reports: list[Report] = field(default_factory=list)
    again: float | None = None
    """Seconds until it is due again."""


def plan_cron_job(
    cron_job: Object,
    jobs: Sequence[Object],
    now: float,
    *,
    missing: Collection[str] = (),
    local: tzinfo = UTC,
    changed: float = 0.0,
) -> CronPlan:
    """Return the plan for a cron job.

    Args:
        cron_job: as stored.
        jobs: all that it controls.
        now: seconds since the epoch.
        missing: uids of active jobs that are known to be gone.
        local: the zone of schedules without one.
        changed: when its schedule was last seen to change: times before do not count.
    """
    plan = CronPlan(copy(cron_job.get("status") or {}))
    _follow_jobs(plan, jobs, missing)
    if not cron_job["metadata"].get("deletionTimestamp"):
        _schedule(plan, cron_job, now, local, changed)
    spec = cron_job["spec"]
    for kind, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
        if (kept := spec.get(limit)) is not None:
            ended = sorted((job for job in jobs if ending_of(job) == kind), key=_started)
            plan.delete += ended[: max(0, len(ended) - kept)]
    if not plan.status.get("active"):
        plan.status.pop("active", None)
    return plan


def ending_of(job: Object) -> str:
    """Return "Complete" or "Failed" of a job that ended, "" of another."""
    kinds = ("Complete", "Failed")
    return next((k for k in kinds if (get_condition(job, k) or {}).get("status") == "True"), "")


def _started(job: Object) -> tuple[bool, str, str]:
    start = (job.get("status") or {}).get("startTime")
    return start is None, start or "", name(job)


def _follow_jobs(plan: CronPlan, jobs: Sequence[Object], missing: Collection[str]) -> None:
    """Bring the list of active jobs up to date."""
    status = plan.status
    active = {entry["uid"]: entry for entry in status.get("active") or ()}
    for job in jobs:
        ending = ending_of(job)
        if not ending and uid(job) not in active:
            why = f"Saw a job that the controller did not create or forgot: {name(job)}"
            plan.reports.append(Report("Warning", "UnexpectedJob", why))
        elif ending:
            if active.pop(uid(job), None):
                why = f"Saw completed job: {name(job)}, condition: {ending}"
                plan.reports.append(Report("Normal", "SawCompletedJob", why))
            end, last = (job.get("status") or {}).get("completionTime"), status.get("lastSuccessfulTime")
            if end and (last is None or parse_rfc3339(end) > parse_rfc3339(last)):
                status["lastSuccessfulTime"] = end
    for gone in [entry for entry in active.values() if entry["uid"] in missing]:
        del active[gone["uid"]]
        plan.reports.append(Report("Normal", "MissingJob", f"Active job went missing: {gone['name']}"))
    status["active"] = list(active.values())


def _schedule(plan: CronPlan, cron_job: Object, now: float, local: tzinfo, changed: float) -> None:
    """Decide whether a job is due, and when to look again."""
    spec = cron_job["spec"]
    try:
        zone = zone_of(spec.get("timeZone"), local)
    except (KeyError, ValueError, OSError) as error:  # the machine's zones changed since it was created
        why = f'invalid timeZone: "{spec["timeZone"]}": {error}'
        plan.reports.append(Report("Warning", "UnknownTimeZone", why))
        return
    if spec.get("suspend"):
        return
    try:
        schedule = Schedule(spec["schedule"], zone)
    except BadSchedule as error:
        why = f'unparseable schedule: "{spec["schedule"]}" : {error}'
        plan.reports.append(Report("Warning", "UnparseableSchedule", why))
        return
    last = plan.status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    since = max(parse_rfc3339(last), changed)
    following = schedule.next(schedule.latest(since, now) or since)
    if following is None:
        why = f"invalid schedule: {spec['schedule']} : time difference between two schedules is less than 1 second"
        plan.reports.append(Report("Warning", "InvalidSchedule", why))
        return
    plan.again = max(following + _LATE - now, _LATE)
    deadline = spec.get("startingDeadlineSeconds")
    start = since if deadline is None else max(since, now - deadline)
    due = schedule.latest(start, now)
    if due is None:
        late = schedule.latest(since, now)
        if late is None:
            plan.again = min(plan.again, _RECHECK)
        else:
            shown = format_datetime(datetime.fromtimestamp(late, UTC))
            why = f"Missed scheduled time to start a job: {shown}"
            plan.reports.append(Report("Warning", "MissSchedule", why))
        return
    if _missed(schedule, start, now) > _MANY:
        why = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        plan.reports.append(Report("Warning", "TooManyMissedTimes", why))
    _start(plan, cron_job, due, zone)


def _missed(schedule: Schedule, start: float, now: float) -> int:
    """Return about how many times were missed: as many as the distance of the first two fits."""
    first = schedule.next(start)
    second = schedule.next(first) if first is not None else None
    if first is None or second is None or second > now:
        return 0
    return int((now - first) / (second - first)) + 1


def _start(plan: CronPlan, cron_job: Object, due: float, zone: tzinfo) -> None:
    """Plan a job, as far as those that still run allow it."""
    job_name = f"{name(cron_job)}-{int(due) // 60}"
    active, policy = plan.status["active"], cron_job["spec"].get("concurrencyPolicy")
    if any(entry["name"] == job_name for entry in active):
        return
    if policy == "Forbid" and active:
        why = "Not starting job because prior execution is running and concurrency policy is Forbid"
        plan.reports.append(Report("Normal", "JobAlreadyActive", why))
        return
    if policy == "Replace":
        plan.replace, plan.status["active"] = active, []
    plan.create = _job(cron_job, job_name, due, zone)
    plan.scheduled = rfc3339(due)


def _job(cron_job: Object, job_name: str, due: float, zone: tzinfo) -> Object:
    template = copy(cron_job["spec"]["jobTemplate"])
    metadata = template.get("metadata") or {}
    shown = zone if cron_job["spec"].get("timeZone") else UTC
    when = datetime.fromtimestamp(due, shown).isoformat().replace("+00:00", "Z")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name,
            "namespace": cron_job["metadata"]["namespace"],
            "labels": metadata.get("labels") or {},
            "annotations": {**(metadata.get("annotations") or {}), SCHEDULED: when},
            "ownerReferences": [owner_reference(cron_job)],
        },
        "spec": template["spec"],
    }
