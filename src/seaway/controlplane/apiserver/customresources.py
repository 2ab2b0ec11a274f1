"""Kinds that come and go: custom resource definitions, served as soon as they are stored.

Source: Kubernetes' "Extend the Kubernetes API with CustomResourceDefinitions".
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from seaway.base.tasks import cancel_all
from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.registry import Registry
from seaway.controlplane.apiserver.served import KindTable, Served
from seaway.controlplane.apiserver.users import ADMIN
from seaway.controlplane.apiserver.writing import DeleteOptions, Write, WriteOptions
from seaway.controlplane.kinds.custom import kinds_of, resources_of
from seaway.controlplane.store.log import Store
from seaway.objects.builtin import CUSTOM_RESOURCE_DEFINITIONS
from seaway.objects.errors import MethodNotAllowed, NotFound

logger = logging.getLogger(__name__)
Object = dict[str, Any]
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_MANAGER = WriteOptions("seaway-apiserver")


class CustomResources:
    """Keeps the table of kinds in step with the stored definitions; deletes a definition's objects with it.

    It is an admission step (definitions get a finalizer; a definition that is going takes no new objects) and a
    registry's listener.
    """

    def __init__(self, store: Store, table: KindTable, lookup: StoreLookup) -> None:
        self._store = store
        self._table = table
        self._lookup = lookup
        self._cleaning: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}

    def load(self, registry: Registry) -> None:
        """Serve every stored definition, and go on with those that are going."""
        for definition in self._lookup.list(CUSTOM_RESOURCE_DEFINITIONS):
            self._table.add(kinds_of(definition), custom=True)
            if definition["metadata"].get("deletionTimestamp"):
                self._start_cleaning(registry, definition)

    def __call__(self, attributes: Attributes) -> None:
        """Admit a write."""
        if attributes.operation != "CREATE":
            return
        if attributes.is_a(CUSTOM_RESOURCE_DEFINITIONS):
            metadata = attributes.object["metadata"]
            finalizers = metadata.get("finalizers") or []
            if CLEANUP not in finalizers:
                metadata["finalizers"] = [*finalizers, CLEANUP]
        elif attributes.served.custom and attributes.resource.group_resource in self._cleaning:
            raise MethodNotAllowed("create not allowed while custom resource definition is terminating")

    def listener(self, registry: Registry) -> Any:
        """Return the function that a registry calls after each write."""

        def changed(served: Served, old: Object | None, new: Object | None) -> None:
            if served.custom:
                if new is None and served.resource.group_resource in self._cleaning:
                    self._cleaning[served.resource.group_resource][1].set()
            elif served.resource.plural == CUSTOM_RESOURCE_DEFINITIONS.plural:
                self._definition_changed(registry, old, new)

        return changed

    def _definition_changed(self, registry: Registry, old: Object | None, new: Object | None) -> None:
        if new is None:
            if old is not None:
                self._table.remove(resources_of(old))
            return
        if old is not None and old["spec"] != new["spec"]:
            self._table.remove(resources_of(old))
        if old is None or old["spec"] != new["spec"]:
            self._table.add(kinds_of(new), custom=True)
        if new["metadata"].get("deletionTimestamp"):
            self._start_cleaning(registry, new)

    def _start_cleaning(self, registry: Registry, definition: Object) -> None:
        name = definition["metadata"]["name"]
        if name in self._cleaning or CLEANUP not in (definition["metadata"].get("finalizers") or ()):
            return
        wake = asyncio.Event()
        task = asyncio.get_running_loop().create_task(self._clean(registry, definition, wake))
        self._cleaning[name] = (task, wake)

        def ended(done: asyncio.Task[None]) -> None:
            self._cleaning.pop(name, None)
            if not done.cancelled() and (error := done.exception()) is not None:
                logger.error("the objects of %s could not be deleted", name, exc_info=error)

        task.add_done_callback(ended)

    async def _clean(self, registry: Registry, definition: Object, wake: asyncio.Event) -> None:
        """Delete all objects of a definition, wait until their finalizers let them go, then let it go itself."""
        name = definition["metadata"]["name"]
        # Whichever version, also one that is not served: all are stored in the same place.
        served = next(one for one in self._table if one.resource.group_resource == name)
        while True:
            wake.clear()
            for record in self._store.list(served.prefix).records:
                metadata = record.object["metadata"]
                if metadata.get("deletionTimestamp"):
                    continue
                write = Write(served.base, metadata.get("namespace") or "", metadata["name"], ADMIN, _MANAGER)
                try:
                    await registry.delete(write, DeleteOptions())
                except NotFound:
                    continue
            if not self._store.count(served.prefix):
                break
            await wake.wait()
        await self._release(registry, name)

    async def _release(self, registry: Registry, name: str) -> None:
        definitions = self._table.find(
            CUSTOM_RESOURCE_DEFINITIONS.group,
            CUSTOM_RESOURCE_DEFINITIONS.version,
            CUSTOM_RESOURCE_DEFINITIONS.plural,
        )
        assert definitions is not None, "definitions are a built-in kind"

        def let_go(definition: Object) -> Object:
            metadata = dict(definition["metadata"])
            metadata["finalizers"] = [f for f in metadata.get("finalizers") or () if f != CLEANUP]
            return {**definition, "metadata": metadata}

        try:
            await registry.adjust(Write(definitions, "", name, ADMIN, _MANAGER), let_go)
        except NotFound:
            logger.info("%s was gone already", name)

    async def stop(self) -> None:
        """Stop what is being cleaned; the next start goes on with it."""
        tasks = [task for task, _ in self._cleaning.values()]
        await cancel_all(tasks)
