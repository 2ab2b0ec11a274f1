"""Jobs: the thin shell around `jobplan.py`. Writes the status before it lets counted pods go."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Any

from seaway.base.elapsed import Elapsed
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.jobfailures import JobLimits
from seaway.controlplane.controllers.jobplan import JobPlan, is_finished, is_managed_elsewhere, plan_job
from seaway.controlplane.controllers.jobpods import FINALIZER
from seaway.objects.builtin import JOBS, PODS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.objects.meta import (
    controller_of,
    deletion_timestamp,
    finalizers,
    key,
    name,
    namespace,
    owner_references,
    split_key,
    uid,
)
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.sources import Source, controller_keys

Object = dict[str, Any]
COMPONENT = "job-controller"
OWNER = "owner"
"""Name of the index of pods by the namespace and name of the job in their owner references."""

ORPHAN = "pod:"
"""Before the key of a pod instead of a job's."""


def build(context: Context) -> Controller:
    """Return the controller."""
    return JobController(context).controller


class JobController:
    """Carries out plans."""

    def __init__(self, context: Context) -> None:
        self._client, self._clock, self._recorder = context.client, context.clock, context.recorder
        self._limits = JobLimits(context.settings.job_backoff, context.settings.job_backoff_cap)
        self._elapsed = Elapsed(context.clock)
        self._jobs = context.informers.informer(JOBS)
        self._pods = context.informers.informer(PODS, indices={OWNER: _job_keys})
        sources = (Source(self._jobs), Source(self._pods, _keys))
        settings = ControllerSettings(workers=context.settings.workers)
        self.controller = Controller("job", sources, self.reconcile, clock=context.clock, settings=settings)

    async def reconcile(self, job_key: str) -> Outcome:
        """Bring one job forward, or let one pod go that no job controls any more."""
        if job_key.startswith(ORPHAN):
            pod = self._pods.get(job_key.removeprefix(ORPHAN))
            if pod is not None and controller_of(pod) is None:
                await self._release([pod])
            return DONE
        job = self._jobs.get(job_key)
        pods = self._pods.by_index(OWNER, job_key)
        strangers = [pod for pod in pods if job is None or (controller_of(pod) or {}).get("uid") != uid(job)]
        if strangers and await self._is_gone(job_key, strangers):
            await self._release(strangers)
        if job is None or is_finished(job):
            self._elapsed.forget(job_key)
        if job is None or is_managed_elsewhere(job):
            return DONE
        mine = [pod for pod in pods if (controller_of(pod) or {}).get("uid") == uid(job)]
        if is_finished(job) or deletion_timestamp(job) is not None:
            await self._release(mine)
            return DONE
        since = partial(self._elapsed.since, job_key)
        plan = plan_job(job, mine, self._clock.now(), self._limits, since)
        return await self._carry_out(job, plan)

    async def _carry_out(self, job: Object, plan: JobPlan) -> Outcome:
        if plan.status != (job.get("status") or {}):
            job = await self._client.replace(JOBS, {**job, "status": plan.status}, "status")
        for report in plan.reports:
            self._report(job, *report)
        await self._release(plan.release)
        await self._release(plan.stop)
        for pod in (*plan.stop, *plan.delete):
            await self._delete(job, pod)
        await self._create(job, plan.create)
        return DONE if plan.again is None else RequeueAfter(max(plan.again, 0.01))

    async def _is_gone(self, job_key: str, pods: list[Object]) -> bool:
        """Ask the server whether the job that controls the pods is really gone: the copy may be behind."""
        if all(FINALIZER not in finalizers(pod) for pod in pods):
            return False
        within, job_name = split_key(job_key)
        try:
            current = await self._client.get(JOBS, job_name, within)
        except NotFound:
            return True
        return all((controller_of(pod) or {}).get("uid") != uid(current) for pod in pods)

    async def _release(self, pods: Iterable[Object]) -> None:
        """Take the tracking finalizer off."""
        await asyncio.gather(*(self._release_one(pod) for pod in pods if FINALIZER in finalizers(pod)))

    async def _release_one(self, pod: Object) -> None:
        rest = [finalizer for finalizer in finalizers(pod) if finalizer != FINALIZER]
        metadata = {
            "uid": uid(pod),
            "resourceVersion": pod["metadata"]["resourceVersion"],
            "finalizers": rest,
        }
        try:
            await self._client.patch(PODS, name(pod), {"metadata": metadata}, namespace(pod))
        except NotFound:
            return

    async def _delete(self, job: Object, pod: Object) -> None:
        try:
            await self._client.delete(PODS, name(pod), namespace(pod), uid=uid(pod), propagation="Background")
        except NotFound:
            return
        self._report(job, "Normal", "SuccessfulDelete", f"Deleted pod: {name(pod)}")

    async def _create(self, job: Object, pods: list[Object]) -> None:
        """Create pods, one alone first: what fails for one fails for all (quota, a bad template)."""
        size = 1
        while pods:
            batch, pods = pods[:size], pods[size:]
            await asyncio.gather(*(self._create_one(job, pod) for pod in batch))
            size *= 2

    async def _create_one(self, job: Object, pod: Object) -> None:
        try:
            await self._client.create(PODS, pod)
        except AlreadyExists:
            await self._check_own(job, pod)
        except ApiError as error:
            self._report(job, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        else:
            self._report(job, "Normal", "SuccessfulCreate", f"Created pod: {name(pod)}")

    async def _check_own(self, job: Object, pod: Object) -> None:
        """Accept a pod that exists already where it is this job's: the copy is behind."""
        existing = await self._client.get(PODS, name(pod), namespace(pod))
        if not any(reference["uid"] == uid(job) for reference in owner_references(existing)):
            message = f"the pod {key(pod)} exists and does not belong to the job; delete or rename it"
            self._report(job, "Warning", "FailedCreate", f"Error creating: {message}")
            raise ApiError(message)

    def _report(self, job: Object, event_type: str, reason: str, message: str) -> None:
        self._recorder.event(job, event_type, reason, message, component=COMPONENT)


_job_keys = controller_keys(JOBS)


def _keys(pod: Object) -> Iterable[str]:
    """Return the key of the job that controls the pod, or the pod's own where it is tracked for nobody."""
    if controller_of(pod) is None and FINALIZER in finalizers(pod):
        return (ORPHAN + key(pod),)
    return _job_keys(pod)
