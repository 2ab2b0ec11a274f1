"""Cron jobs: the thin shell around `cronplan.py`. A job's name follows from its time, so none is made twice."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.cronplan import CronPlan, ending_of, plan_cron_job
from seaway.objects.builtin import CRON_JOBS, JOBS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.objects.meta import controller_of, name, namespace, split_key, uid
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.sources import Source, controller_keys

Object = dict[str, Any]
COMPONENT = "cronjob-controller"
OWNER = "cron job"
"""Name of the index of jobs by the namespace and name of the cron job that controls them."""


def build(context: Context) -> Controller:
    """Return the controller."""
    return CronJobController(context).controller


class CronJobController:
    """Carries out plans."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock, self._recorder = context.client, context.clock, context.recorder
        self._local = context.settings.time_zone
        self._schedules: dict[str, tuple[tuple[str, str | None], float]] = {}
        keys = controller_keys(CRON_JOBS)
        self._cron_jobs = context.informers.informer(CRON_JOBS)
        self._jobs = context.informers.informer(JOBS, indices={OWNER: keys})
        sources = (Source(self._cron_jobs), Source(self._jobs, keys))
        settings = ControllerSettings(workers=context.settings.workers)
        self.controller = Controller(
            "cronjob", sources, self.reconcile, clock=context.clock, settings=settings
        )

    async def reconcile(self, key: str) -> Outcome:
        """Bring one cron job forward."""
        cron_job = self._cron_jobs.get(key)
        if cron_job is None:
            self._schedules.pop(key, None)
            return DONE
        jobs = [job for job in self._jobs.by_index(OWNER, key) if _owner(job) == uid(cron_job)]
        listed = {entry["uid"] for entry in _active(cron_job)}
        if any(uid(job) not in listed and not ending_of(job) for job in jobs):
            within, short = split_key(key)
            cron_job = await self._client.get(CRON_JOBS, short, within)  # the copy may be behind
        missing = await self._missing(cron_job, {uid(job) for job in jobs})
        now, changed = self._clock.now(), self._changed(key, cron_job)
        plan = plan_cron_job(cron_job, jobs, now, missing=missing, local=self._local, changed=changed)
        return await self._carry_out(cron_job, plan)

    def _changed(self, key: str, cron_job: Object) -> float:
        """Return when the schedule was last seen to change, 0 for never: a new one does not start what it would have."""
        schedule: tuple[str, str | None] = (cron_job["spec"]["schedule"], cron_job["spec"].get("timeZone"))
        changed: float
        known, changed = self._schedules.get(key, (schedule, 0.0))
        changed = changed if known == schedule else self._clock.now()
        self._schedules[key] = (schedule, changed)
        return changed

    async def _missing(self, cron_job: Object, known: set[str]) -> set[str]:
        """Return the uids of active jobs that the server does not have either."""
        missing = set()
        for entry in _active(cron_job):
            if entry["uid"] not in known:
                try:
                    found = await self._client.get(JOBS, entry["name"], entry["namespace"])
                except NotFound:
                    missing.add(entry["uid"])
                else:
                    if uid(found) != entry["uid"]:
                        missing.add(entry["uid"])
        return missing

    async def _carry_out(self, cron_job: Object, plan: CronPlan) -> Outcome:
        for report in plan.reports:
            self._report(cron_job, *report)
        for reference in plan.replace:
            await self._delete(cron_job, reference["name"], reference["namespace"], reference["uid"])
        if plan.create is not None and (made := await self._create(cron_job, plan.create)):
            reference = {
                "apiVersion": "batch/v1", "kind": "Job", "name": name(made), "namespace": namespace(made), "uid": uid(made),
                "resourceVersion": made["metadata"]["resourceVersion"],
            }  # fmt: skip
            plan.status["active"] = [*(plan.status.get("active") or ()), reference]
            plan.status["lastScheduleTime"] = plan.scheduled
        for job in plan.delete:
            await self._delete(cron_job, name(job), namespace(job), uid(job))
        if plan.status != (cron_job.get("status") or {}):
            await self._client.replace(CRON_JOBS, {**cron_job, "status": plan.status}, "status")
        return DONE if plan.again is None else RequeueAfter(plan.again)

    async def _create(self, cron_job: Object, job: Object) -> Object | None:
        """Create a job; return it, also where it was created before and not noted, None where it is another's."""
        try:
            made = await self._client.create(JOBS, job)
        except AlreadyExists:
            found = await self._client.get(JOBS, name(job), namespace(job))
            return found if _owner(found) == uid(cron_job) else None
        except ApiError as error:
            self._report(cron_job, "Warning", "FailedCreate", f"Error creating job: {error.message}")
            raise
        self._report(cron_job, "Normal", "SuccessfulCreate", f"Created job {name(made)}")
        return made

    async def _delete(self, cron_job: Object, job: str, within: str, job_uid: str) -> None:
        try:
            await self._client.delete(JOBS, job, within, uid=job_uid, propagation="Background")
        except NotFound:
            return
        except ApiError as error:
            self._report(cron_job, "Warning", "FailedDelete", f"Deleted job: {error.message}")
            raise
        self._report(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {job}")

    def _report(self, cron_job: Object, event_type: str, reason: str, message: str) -> None:
        self._recorder.event(cron_job, event_type, reason, message, component=COMPONENT)


def _active(cron_job: Object) -> list[Object]:
    found: list[Object] = (cron_job.get("status") or {}).get("active") or []
    return found


def _owner(job: Object) -> str | None:
    return (controller_of(job) or {}).get("uid")
