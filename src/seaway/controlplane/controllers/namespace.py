"""Namespaces being deleted: everything in them goes first, then the finalizer, then they do.

Source: Kubernetes' namespace lifecycle controller and its status conditions.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from seaway.base.clock import Clock, rfc3339
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.discovery import discover
from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import ApiError, Conflict, MethodNotAllowed, NotFound
from seaway.objects.meta import copy, deletion_timestamp, finalizers, name, set_condition, uid
from seaway.objects.resource import Resource
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

log = logging.getLogger(__name__)
Object = dict[str, Any]
FINALIZER = "kubernetes"
AGAIN = Backoff(initial=0.05, cap=5.0)
"""Waits before a namespace whose content is still going is looked at again."""
_NEEDED = {"list", "delete"}


class Left(NamedTuple):
    """What one resource still has in a namespace."""

    resource: Resource
    remaining: int
    finalizers: dict[str, int]
    """How many objects wait for each finalizer."""
    error: str = ""


def content_conditions(left: Sequence[Left]) -> list[tuple[str, str, str, str]]:
    """Return the namespace's conditions (type, status, reason, message) while its content goes."""
    errors = [f"{item.resource.group_resource}: {item.error}" for item in left if item.error]
    remaining = [
        f"{item.resource.group_resource} has {item.remaining} resource instances"
        for item in left
        if item.remaining
    ]
    waiting: dict[str, int] = {}
    for item in left:
        for finalizer, count in item.finalizers.items():
            waiting[finalizer] = waiting.get(finalizer, 0) + count
    held = [f"{finalizer} in {count} resource instances" for finalizer, count in sorted(waiting.items())]
    content = ("True", "SomeResourcesRemain", f"Some resources are remaining: {', '.join(remaining)}")
    gone = ("False", "ContentRemoved", "All content successfully removed")
    kept = (
        "True",
        "SomeFinalizersRemain",
        f"Some content in the namespace has finalizers remaining: {', '.join(held)}",
    )
    free = ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished")
    failed = ("True", "ContentDeletionFailed", f"Failed to delete all resource types: {'; '.join(errors)}")
    deleted = ("False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization")
    return [
        ("NamespaceDeletionContentFailure", *(failed if errors else deleted)),
        ("NamespaceContentRemaining", *(content if remaining else gone)),
        ("NamespaceFinalizersRemaining", *(kept if held else free)),
    ]


def build(context: Context) -> Controller:
    """Return the controller."""
    namespaces = context.informers.informer(NAMESPACES)
    deleter = _Deleter(context.client, context.clock)

    async def reconcile(key: str) -> Outcome:
        namespace = namespaces.get(key)
        if namespace is None or deletion_timestamp(namespace) is None:
            return DONE
        if FINALIZER not in ((namespace.get("spec") or {}).get("finalizers") or ()):
            return DONE
        return await deleter.delete(namespace)

    settings = ControllerSettings(workers=context.settings.workers)
    return Controller("namespace", (Source(namespaces),), reconcile, clock=context.clock, settings=settings)


class _Deleter:
    def __init__(self, client: Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._tries: dict[str, int] = {}
        """How often each namespace was looked at in vain."""

    async def delete(self, namespace: Object) -> Outcome:
        """Delete what is left; finalize where nothing is."""
        resources = [r for r in await discover(self._client) if r.namespaced and set(r.verbs) >= _NEEDED]
        left = await asyncio.gather(*(self._clear(resource, name(namespace)) for resource in resources))
        if any(item.remaining or item.error for item in left):
            await self._say(namespace, left)
            tries = self._tries[uid(namespace)] = self._tries.get(uid(namespace), 0) + 1
            return RequeueAfter(AGAIN.delay(tries))
        self._tries.pop(uid(namespace), None)
        spec = namespace.get("spec") or {}
        rest = [finalizer for finalizer in spec.get("finalizers") or () if finalizer != FINALIZER]
        try:
            await self._client.replace(
                NAMESPACES, {**namespace, "spec": {**spec, "finalizers": rest}}, "finalize"
            )
        except NotFound:
            return DONE
        return DONE

    async def _clear(self, resource: Resource, namespace: str) -> Left:
        """Delete all objects of a resource; return what is left of it."""
        try:
            found = (await self._client.list(resource, namespace)).get("items") or []
            if any(deletion_timestamp(obj) is None for obj in found):
                await self._delete_all(resource, namespace, found)
                found = (await self._client.list(resource, namespace)).get("items") or []
        except (NotFound, MethodNotAllowed):
            return Left(resource, 0, {})  # no longer served
        except ApiError as error:
            return Left(resource, 0, {}, error.message)
        waiting: dict[str, int] = {}
        for obj in found:
            for finalizer in finalizers(obj):
                waiting[finalizer] = waiting.get(finalizer, 0) + 1
        return Left(resource, len(found), waiting)

    async def _delete_all(self, resource: Resource, namespace: str, found: Sequence[Object]) -> None:
        if "deletecollection" in resource.verbs:
            await self._client.delete_collection(resource, namespace, propagation="Background")
            return
        for obj in found:
            try:
                await self._client.delete(resource, name(obj), namespace, propagation="Background")
            except NotFound:
                continue

    async def _say(self, namespace: Object, left: Sequence[Left]) -> None:
        """Write the conditions where they changed."""
        conditions = copy((namespace.get("status") or {}).get("conditions") or [])
        now = rfc3339(self._clock.now())
        changed = [set_condition(conditions, *condition, now=now) for condition in content_conditions(left)]
        if not any(changed):
            return
        status = {**(namespace.get("status") or {}), "conditions": conditions}
        try:
            await self._client.replace(NAMESPACES, {**namespace, "status": status}, "status")
        except (Conflict, NotFound) as error:
            log.debug("namespace %s: %s", name(namespace), error)
