"""Finished jobs go after their ttlSecondsAfterFinished. Source: Kubernetes' TTL-after-finished controller."""

from __future__ import annotations

from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import JOBS
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import deletion_timestamp, get_condition, name, namespace, resource_version, uid
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

Object = dict[str, Any]


def expires_at(job: Object) -> float | None:
    """Return when a job is to go (seconds since the epoch), None for never or not yet known."""
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None or deletion_timestamp(job) is not None:
        return None
    for kind in ("Complete", "Failed"):
        condition = get_condition(job, kind)
        if condition is not None and condition["status"] == "True":
            return parse_rfc3339(condition["lastTransitionTime"]) + float(seconds)
    return None


def build(context: Context) -> Controller:
    """Return the controller."""
    jobs = context.informers.informer(JOBS)

    async def reconcile(key: str) -> Outcome:
        job = jobs.get(key)
        due = expires_at(job) if job is not None else None
        if job is None or due is None:
            return DONE
        left = due - context.clock.now()
        if left > 0:
            return RequeueAfter(left)
        try:
            await context.client.delete(
                JOBS,
                name(job),
                namespace(job),
                propagation="Foreground",
                uid=uid(job),
                resource_version=resource_version(job),
            )
        except NotFound:
            return DONE
        except Conflict:
            return RequeueAfter(1.0)
        return DONE

    return Controller("ttl-after-finished", (Source(jobs),), reconcile, clock=context.clock)
