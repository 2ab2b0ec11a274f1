"""A local copy of a collection, kept current by one watch and shared by everybody who reads it.

Objects are shared, also with the API server where it runs in this process: copy before changing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any

from seaway.base.clock import Clock, SystemClock
from seaway.client.client import Client
from seaway.client.watch import Collection, FollowSettings, Snapshot, follow
from seaway.objects.meta import key as object_key
from seaway.objects.resource import Resource

log = logging.getLogger(__name__)
Object = dict[str, Any]
Objects = list[Object]
Handler = Callable[[str, Object, Object | None], None]
"""Called with ADDED, MODIFIED or DELETED, the object (for DELETED its last version) and the one before, if any."""
IndexFunction = Callable[[Object], Iterable[str]]
_IDENTITY = ("name", "namespace", "uid", "resourceVersion")


def identity(obj: Object) -> Object:
    """Return what an informer has to know of an object: for those whose handlers need it once, when it comes."""
    metadata = obj["metadata"]
    return {"metadata": {field: metadata[field] for field in _IDENTITY if field in metadata}}


class Informer:
    """The copy of one collection."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        indices: Mapping[str, IndexFunction] | None = None,
        clock: Clock | None = None,
        settings: FollowSettings | None = None,
        kept: Callable[[Object], Object] = lambda obj: obj,
    ) -> None:
        """Make the copy; nothing is asked for before it runs.

        Args:
            client: of the cluster.
            resource: whose collection it is.
            namespace: None for all of them.
            label_selector: which objects.
            field_selector: which objects.
            indices: by which objects are found.
            clock: measures waits.
            settings: how the collection is followed.
            kept: what is kept of an object when handlers have seen it; it must hold its metadata's name, namespace, uid and
                resourceVersion. Who subscribes when it runs already, and who reads, gets no more.
        """
        self.resource = resource
        self._kept = kept
        self._client = client
        self._collection = Collection(resource, namespace, label_selector, field_selector)
        self._clock = clock or SystemClock()
        self._settings = settings
        self._objects: dict[str, Object] = {}
        self._functions: dict[str, IndexFunction] = dict(indices or {})
        self._indices: dict[str, dict[str, dict[str, Object]]] = {name: {} for name in self._functions}
        self._handlers: list[Handler] = []
        self._synced = asyncio.Event()
        self.resource_version = ""
        """The newest revision seen."""
        self.problem = ""
        """Why the copy is not current, "" where nothing is known against it."""

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Keep the copy current until cancelled; `ready` is called when it is complete for the first time."""
        followed = follow(
            self._client, self._collection, clock=self._clock, settings=self._settings, failed=self._failed
        )
        async with aclosing(followed) as changes:
            async for change in changes:
                self.problem = ""
                if isinstance(change, Snapshot):
                    self._replace(change)
                    if not self._synced.is_set():
                        self._synced.set()
                        ready()
                    continue
                self.resource_version = change.object["metadata"]["resourceVersion"]
                if change.type == "DELETED":
                    self._remove(object_key(change.object), change.object)
                elif change.type in ("ADDED", "MODIFIED"):
                    self._set(change.object)

    def _failed(self, error: Exception) -> None:
        self.problem = str(error) or type(error).__name__

    @property
    def is_synced(self) -> bool:
        """Whether the copy has been complete once."""
        return self._synced.is_set()

    async def synced(self) -> None:
        """Wait until the copy has been complete once."""
        await self._synced.wait()

    def get(self, key: str) -> Object | None:
        """Return the object "namespace/name" (or "name"), None where there is none."""
        return self._objects.get(key)

    def list(self) -> Objects:
        """Return all objects, in no order."""
        return list(self._objects.values())

    def by_index(self, name: str, value: str) -> Objects:
        """Return the objects for which the index function gave `value`."""
        found = self._indices[name].get(value)
        return list(found.values()) if found else []

    def add_index(self, name: str, function: IndexFunction) -> None:
        """Add an index; the same name again must mean the same function and changes nothing."""
        if name in self._functions:
            return
        self._functions[name] = function
        self._indices[name] = {}
        for key, obj in self._objects.items():
            self._index_in(name, key, obj)

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Call `handler` for what is there now (ADDED) and for every change; return what ends that.

        Handlers run inside the event loop and must be quick; one that raises is logged and does not stop the others.
        """
        self._handlers.append(handler)
        for obj in list(self._objects.values()):
            self._call(handler, "ADDED", obj, None)
        return lambda: self._handlers.remove(handler)

    def _replace(self, snapshot: Snapshot) -> None:
        """Make the copy equal to the snapshot, telling handlers the differences."""
        self.resource_version = snapshot.resource_version
        current = {object_key(obj): self._typed(obj) for obj in snapshot.items}
        for key in [key for key in self._objects if key not in current]:
            self._remove(key, self._objects[key])
        for obj in current.values():
            self._set(obj)

    def _typed(self, obj: Object) -> Object:
        """Return a list's item with the type that lists leave out and watches have."""
        if "kind" in obj:
            return obj
        return {"apiVersion": self.resource.api_version, "kind": self.resource.kind, **obj}

    def _set(self, obj: Object) -> None:
        key = object_key(obj)
        old = self._objects.get(key)
        if old is not None:
            metadata, before = obj["metadata"], old["metadata"]
            if before.get("resourceVersion") == metadata.get("resourceVersion"):
                return
            if before.get("uid") != metadata.get("uid"):
                self._remove(key, old)
                old = None
        self._objects[key] = kept = self._kept(obj)
        for name in self._functions:
            if old is not None:
                self._index_out(name, key, old)
            self._index_in(name, key, kept)
        self._notify("ADDED" if old is None else "MODIFIED", obj, old)

    def _remove(self, key: str, last: Object) -> None:
        old = self._objects.pop(key, None)
        if old is None:
            return
        for name in self._functions:
            self._index_out(name, key, old)
        self._notify("DELETED", last, old)

    def _index_in(self, name: str, key: str, obj: Object) -> None:
        index = self._indices[name]
        for value in self._functions[name](obj):
            index.setdefault(value, {})[key] = obj

    def _index_out(self, name: str, key: str, obj: Object) -> None:
        index = self._indices[name]
        for value in self._functions[name](obj):
            entries = index.get(value)
            if entries is not None and entries.pop(key, None) is not None and not entries:
                del index[value]

    def _notify(self, event_type: str, new: Object, old: Object | None) -> None:
        for handler in tuple(self._handlers):
            self._call(handler, event_type, new, old)

    def _call(self, handler: Handler, event_type: str, new: Object, old: Object | None) -> None:
        try:
            handler(event_type, new, old)
        except Exception:
            log.exception("a handler of %s failed on %s", self.resource.group_resource, object_key(new))


class Informers:
    """One informer for each collection, however many ask for it."""

    def __init__(
        self, client: Client, clock: Clock | None = None, settings: FollowSettings | None = None
    ) -> None:
        self._client, self._clock, self._settings = client, clock or SystemClock(), settings
        self._informers: dict[Collection, Informer] = {}
        self._tasks: dict[Collection, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def informer(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        indices: Mapping[str, IndexFunction] | None = None,
    ) -> Informer:
        """Return the collection's informer, made on first use and started at once where the factory runs already."""
        collection = Collection(resource, namespace, label_selector, field_selector)
        informer = self._informers.get(collection)
        if informer is None:
            informer = Informer(
                self._client,
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                clock=self._clock,
                settings=self._settings,
            )
            self._informers[collection] = informer
            self._start(collection, informer)
        for name, function in (indices or {}).items():
            informer.add_index(name, function)
        return informer

    async def stop(self, resource: Resource) -> None:
        """Stop the informers of a resource that is no longer served."""
        for collection in [c for c in self._informers if c.resource == resource]:
            del self._informers[collection]
            if task := self._tasks.pop(collection, None):
                task.cancel()

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Run all informers until cancelled; `ready` is called when all that exist now are complete."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for collection, informer in self._informers.items():
                    self._start(collection, informer)
                for informer in tuple(self._informers.values()):
                    await informer.synced()
                ready()
                await asyncio.Event().wait()
        finally:
            self._group = None
            self._tasks.clear()

    def _start(self, collection: Collection, informer: Informer) -> None:
        if self._group is not None and collection not in self._tasks:
            name = f"informer {collection.resource.group_resource}"
            self._tasks[collection] = self._group.create_task(informer.run(), name=name)
