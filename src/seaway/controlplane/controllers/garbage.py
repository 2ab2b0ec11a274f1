"""Garbage collection: objects whose owners are gone go too; owners wait for, or let go, their dependents.

The shell around `graph.py`: one informer for every resource served, custom ones included, and one queue of uids. What
the graph does not know is looked up at the server before anything is deleted for lack of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from seaway.client.client import Client
from seaway.client.discovery import discover
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.graph import (
    FOREGROUND,
    ORPHAN,
    Action,
    Node,
    OwnerGraph,
    blocks,
    decide,
    owner_state,
    policy,
    remaining_references,
)
from seaway.objects.builtin import BUILTIN_RESOURCES, CUSTOM_RESOURCE_DEFINITIONS, EVENTS, EVENTS_V1
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import deletion_timestamp, finalizers, name, namespace, owner_references, uid
from seaway.objects.resource import Resource
from seaway.reconcile.controller import DONE, Controller, ControllerSettings, Outcome, RequeueAfter
from seaway.reconcile.sources import Source, always

log = logging.getLogger(__name__)
Object = dict[str, Any]
_NEEDED = {"list", "watch", "delete"}
_IGNORED = {EVENTS.group_resource, EVENTS_V1.group_resource}
_WAIT = 0.5
"""Seconds until an owner that waits for dependents is looked at again, should an event have been missed."""


class GarbageCollector:
    """Keeps the graph and does what it says."""

    name = "garbage"

    def __init__(self, context: Context) -> None:
        self._client: Client = context.client
        self._informers = context.informers
        self._graph = OwnerGraph()
        self._watched: dict[tuple[str, str], tuple[Resource, Callable[[], None]]] = {}
        settings = ControllerSettings(workers=context.settings.workers)
        definitions = context.informers.informer(CUSTOM_RESOURCE_DEFINITIONS)
        self._objects = Controller("garbage", (), self.reconcile, clock=context.clock, settings=settings)
        self._resources = Controller(
            "garbage resources",
            (Source(definitions, always("all")),),
            self._watch_resources,
            clock=context.clock,
            keys=("all",),
        )

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Collect until cancelled; `ready` is called when everything served now is watched."""
        try:
            await self._watch_resources("all")
            async with asyncio.TaskGroup() as group:
                group.create_task(self._resources.run(), name="garbage resources")
                group.create_task(self._objects.run(ready), name="garbage")
        finally:
            for _, end in self._watched.values():
                end()
            self._watched.clear()

    async def _watch_resources(self, _: str) -> Outcome:
        """Watch what is served now and no longer what is not."""
        served = {
            (resource.group, resource.plural): resource
            for resource in await discover(self._client)
            if set(resource.verbs) >= _NEEDED and resource.group_resource not in _IGNORED
        }
        for known in [key for key, (resource, _) in self._watched.items() if served.get(key) != resource]:
            await self._unwatch(known)
        for identity, resource in served.items():
            if identity not in self._watched:
                self._watch(identity, resource)
        return DONE

    def _watch(self, identity: tuple[str, str], resource: Resource) -> None:
        def handler(event_type: str, new: Object, old: Object | None) -> None:
            self._observe(resource, event_type, new, old)

        informer = self._informers.informer(_known(resource))
        self._watched[identity] = resource, informer.subscribe(handler)

    async def _unwatch(self, identity: tuple[str, str]) -> None:
        resource, end = self._watched.pop(identity)
        end()
        for own in [own for own, node in self._graph.nodes.items() if node.resource == resource]:
            self._graph.remove(own)
        await self._informers.stop(_known(resource))

    def _observe(self, resource: Resource, event_type: str, new: Object, old: Object | None) -> None:
        """Keep the graph and queue whom a change concerns."""
        own = uid(new)
        if event_type == "DELETED":
            self._graph.remove(own)
            self._enqueue_dependents(own)
        else:
            self._graph.set(resource, new)
            if owner_references(new) or _is_held(new):
                self._objects.queue.add(own)
            if _is_held(new) and old is not None and not _is_held(old):
                self._enqueue_dependents(own)
        for reference in (*owner_references(new), *(owner_references(old) if old else ())):
            owner = self._graph.nodes.get(reference["uid"])
            if owner is not None and _is_held(owner.object):
                self._objects.queue.add(reference["uid"])

    def _enqueue_dependents(self, owner: str) -> None:
        for own in self._graph.dependents.get(owner, ()):
            self._objects.queue.add(own)

    async def reconcile(self, own: str) -> Outcome:
        """Do what follows for one object."""
        node = self._graph.nodes.get(own)
        if node is None:
            return DONE
        obj = node.object
        if deletion_timestamp(obj) is not None:
            if ORPHAN in finalizers(obj):
                return await self._orphan_dependents(node)
            if FOREGROUND in finalizers(obj):
                return await self._foreground(node)
            return DONE
        references = owner_references(obj)
        states = {
            reference["uid"]: owner_state(await self._owner(node, reference)) for reference in references
        }
        action = decide(list(states.values()), has_dependents=self._has_dependents(own))
        if action is Action.DISOWN:
            await self._disown(node, remaining_references(obj, lambda reference: states[reference["uid"]]))
        elif action is not Action.KEEP:
            how = "Foreground" if action is Action.DELETE_FOREGROUND else policy(obj)
            await self._delete(node, how)
        return DONE

    def _has_dependents(self, own: str) -> bool:
        return any(blocks(dependent.object, own) for dependent in self._graph.dependents_of(own))

    async def _owner(self, node: Node, reference: Object) -> Object | None:
        """Return the owner that a reference names, None where it certainly is not there."""
        known = self._graph.nodes.get(reference["uid"])
        if known is not None:
            return known.object if _can_own(known.object, node.object) else None
        group, slash, version = reference["apiVersion"].rpartition("/")
        resource = self._resource(group if slash else "", version, reference["kind"])
        if resource is None:
            served = await discover(self._client)
            resource = next((r for r in served if (r.group, r.kind) == (group, reference["kind"])), None)
        if resource is None:
            return {"metadata": reference}  # a kind nobody serves: better kept than wrongly deleted
        if resource.namespaced and not namespace(node.object):
            return {
                "metadata": reference
            }  # a cluster-scoped object cannot have it; a fault of whoever wrote it
        try:
            owner = await self._client.get(resource, reference["name"], namespace(node.object) or None)
        except NotFound:
            return None
        return owner if uid(owner) == reference["uid"] else None

    def _resource(self, group: str, version: str, kind: str) -> Resource | None:
        for resource, _ in self._watched.values():
            if (resource.group, resource.version, resource.kind) == (group, version, kind):
                return resource
        return None

    async def _orphan_dependents(self, node: Node) -> Outcome:
        """Take the object's references off its dependents, then let it go."""
        own = uid(node.object)
        for dependent in self._graph.dependents_of(own):
            rest = [r for r in owner_references(dependent.object) if r["uid"] != own]
            await self._disown(dependent, rest)
        await self._drop_finalizer(node, ORPHAN)
        return DONE

    async def _foreground(self, node: Node) -> Outcome:
        """Let the object go where no dependent blocks it; else see to the dependents."""
        own = uid(node.object)
        dependents = self._graph.dependents_of(own)
        if not any(blocks(dependent.object, own) for dependent in dependents):
            await self._drop_finalizer(node, FOREGROUND)
            return DONE
        for dependent in dependents:
            if deletion_timestamp(dependent.object) is None:
                self._objects.queue.add(uid(dependent.object))
        return RequeueAfter(_WAIT)

    async def _disown(self, node: Node, references: list[Object]) -> None:
        metadata = {"uid": uid(node.object), "resourceVersion": node.object["metadata"]["resourceVersion"]}
        await self._patch(node, {"metadata": {**metadata, "ownerReferences": references or None}})

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        rest = [present for present in finalizers(node.object) if present != finalizer]
        metadata = {"uid": uid(node.object), "resourceVersion": node.object["metadata"]["resourceVersion"]}
        await self._patch(node, {"metadata": {**metadata, "finalizers": rest or None}})

    async def _patch(self, node: Node, patch: Object) -> None:
        try:
            await self._client.patch(node.resource, name(node.object), patch, namespace(node.object) or None)
        except NotFound:
            return

    async def _delete(self, node: Node, how: str) -> None:
        obj = node.object
        log.debug("%s %s goes: its owners are gone", node.resource.group_resource, name(obj))
        version = obj["metadata"]["resourceVersion"]
        try:
            await self._client.delete(
                node.resource,
                name(obj),
                namespace(obj) or None,
                propagation=how,
                uid=uid(obj),
                resource_version=version,
            )
        except NotFound:
            return
        except Conflict:
            self._objects.queue.add_after(uid(obj), 0.05)


def build(context: Context) -> GarbageCollector:
    """Return the controller."""
    return GarbageCollector(context)


def _known(resource: Resource) -> Resource:
    """Return the built-in constant for a discovered resource, so that its informer is shared; else itself."""
    return next(
        (r for r in BUILTIN_RESOURCES if (r.group, r.version, r.plural) == _identity(resource)), resource
    )


def _identity(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural


def _is_held(obj: Object) -> bool:
    """Tell whether an object being deleted waits for this controller."""
    return deletion_timestamp(obj) is not None and any(f in finalizers(obj) for f in (FOREGROUND, ORPHAN))


def _can_own(owner: Object, dependent: Object) -> bool:
    """Tell whether the owner is cluster-scoped or in the dependent's namespace: others count as absent."""
    return namespace(owner) in ("", namespace(dependent))
