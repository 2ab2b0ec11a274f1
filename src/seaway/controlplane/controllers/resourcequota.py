"""What namespaces use is counted anew: when a quota changes, when something that it counts goes, and from time to time.

The API server charges quotas for what is created; this controller gives back. It reads the quota first and its objects
then, and replaces exactly the revision that it read: whatever was charged in between makes it count again.

Source: kube-controller-manager's resourcequota controller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seaway.client.discovery import discover
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.kinds import quota_usage
from seaway.objects.builtin import BUILTIN_RESOURCES, RESOURCE_QUOTAS
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import key as object_key
from seaway.objects.meta import namespace
from seaway.objects.quantity import parse_quantity
from seaway.objects.resource import Resource
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter

Object = dict[str, Any]
AGAIN = 300.0
"""Seconds after which a quota is counted anew in any case."""
SOON = 0.05
"""Seconds that several things which go together have, to be counted once."""
_ENDED = ("Succeeded", "Failed")


class QuotaCounter:
    """Counts. What is watched follows from what quotas count."""

    name = "resourcequota"

    def __init__(self, context: Context) -> None:
        self._client, self._informers, self._clock = context.client, context.informers, context.clock
        self._quotas = context.informers.informer(RESOURCE_QUOTAS)
        self._watched: dict[str, Callable[[], None]] = {}
        self._counter = Controller(self.name, (), self.reconcile, clock=context.clock)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Count until cancelled."""
        end = self._quotas.subscribe(self._quota_changed)
        try:
            await self._counter.run(ready)
        finally:
            for stop in (end, *self._watched.values()):
                stop()
            self._watched.clear()

    def _quota_changed(self, event_type: str, new: Object, old: Object | None) -> None:
        if event_type != "DELETED" and (old is None or not _is_told(new)):
            self._counter.queue.add(object_key(new))

    def _object_changed(self, resource: Resource, event_type: str, new: Object, old: Object | None) -> None:
        if event_type != "DELETED" and not (old is not None and _gives_back(resource, new, old)):
            return
        for quota in self._quotas.list():
            hard = (quota.get("spec") or {}).get("hard") or {}
            if namespace(quota) == namespace(new) and quota_usage.counted(resource, hard):
                self._counter.queue.add_after(object_key(quota), SOON)

    async def reconcile(self, key: str) -> Outcome:
        """Count what one quota bounds."""
        if self._quotas.get(key) is None:
            return DONE
        place, _, name = key.partition("/")
        try:
            quota = await self._client.get(RESOURCE_QUOTAS, name, place)
            hard = (quota.get("spec") or {}).get("hard") or {}
            objects = []
            for resource in await self._counted(hard):
                listed = await self._client.list(resource, place)
                objects.append((resource, listed.get("items") or []))
            used = quota_usage.recount(quota, objects, self._clock.now())
            status = {"hard": hard, "used": used}
            if not _same(quota.get("status") or {}, status):
                await self._client.replace(RESOURCE_QUOTAS, {**quota, "status": status}, "status")
        except NotFound:
            return DONE
        except Conflict:
            return RequeueAfter(SOON)
        return RequeueAfter(AGAIN)

    async def _counted(self, hard: Object) -> list[Resource]:
        """Return the resources that a quota counts, and watch them from now on."""
        found = [resource for resource in BUILTIN_RESOURCES if _is_counted(resource, hard)]
        known = {name for resource in found for name in quota_usage.counted(resource, hard)}
        if any(name not in known for name in hard):
            built_in = {resource.group_resource for resource in BUILTIN_RESOURCES}
            found += [
                resource
                for resource in await discover(self._client)
                if resource.group_resource not in built_in and _is_counted(resource, hard)
            ]
        for resource in found:
            self._watch(resource)
        return found

    def _watch(self, resource: Resource) -> None:
        if resource.group_resource in self._watched:
            return

        def handler(event_type: str, new: Object, old: Object | None) -> None:
            self._object_changed(resource, event_type, new, old)

        self._watched[resource.group_resource] = self._informers.informer(resource).subscribe(handler)


def _is_counted(resource: Resource, hard: Object) -> bool:
    ignored = resource.group_resource in quota_usage.NEVER_COUNTED
    return resource.namespaced and not ignored and bool(quota_usage.counted(resource, hard))


def _is_told(quota: Object) -> bool:
    """Tell whether the status says what the specification asks for."""
    hard, status = (quota.get("spec") or {}).get("hard") or {}, quota.get("status") or {}
    return bool(status.get("hard") == hard)


def _gives_back(resource: Resource, new: Object, old: Object) -> bool:
    """Tell whether a change may make an object use less."""
    if resource.group_resource == "pods":
        ended = [(obj.get("status") or {}).get("phase") in _ENDED for obj in (new, old)]
        return ended == [True, False] or new.get("spec") != old.get("spec")
    return new.get("spec") != old.get("spec")


def _same(status: Object, wanted: Object) -> bool:
    return all(_amounts(status.get(name) or {}) == _amounts(wanted[name]) for name in ("hard", "used"))


def _amounts(listed: Object) -> Object:
    return {name: parse_quantity(amount) for name, amount in listed.items()}


def build(context: Context) -> QuotaCounter:
    """Return the controller."""
    return QuotaCounter(context)
