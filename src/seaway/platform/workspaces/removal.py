"""Deleting workspaces, beside the server's other work: what a process that was killed left undone, the next one goes on with.

The row in the database goes last. Until then each look compares what is left: runs that have not ended are stopped, ended
ones put into the bin, then the namespace goes where this server made it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import ApiError, Conflict, Forbidden, NotFound
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.records import WorkspaceRecord
from seaway.platform.engine.engine import Engine
from seaway.platform.engine.namespaces import Namespaces
from seaway.platform.errors import PlatformError
from seaway.platform.history.signal import Signal
from seaway.platform.workspaces.contents import Object, key_of

log = logging.getLogger(__name__)
_BACKOFF = Backoff(0.2, 1.5, 5.0)
_HISTORY = 5.0
"""Seconds that history may take to see the end of what was in a namespace that is gone."""
_RUNS = 200
"""Runs that are put into the bin in one transaction."""


class Removal:
    """Deletes the workspaces whose rows say so."""

    def __init__(
        self,
        database: Database,
        client: Client,
        engine: Engine,
        view: ClusterView,
        namespaces: Namespaces,
        clock: Clock,
    ) -> None:
        self._database, self._client, self._engine = database, client, engine
        self._view, self._namespaces, self._clock = view, namespaces, clock
        self._asked = asyncio.Event()
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._gone: dict[str, float] = {}
        """Since when the namespaces are gone of workspaces that are still being deleted."""
        self.waits_for: dict[str, str] = {}
        """By workspace: in a sentence, what its deletion waits for."""
        self.changed = Signal()
        """Notified when a workspace is gone."""

    def wake(self) -> None:
        """Look again now at what is to be deleted."""
        self._asked.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Delete what is to be deleted, for ever."""
        ready()
        self._asked.set()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._asked.wait()
                self._asked.clear()
                for workspace in await self._database.read(workspaces.every):
                    if workspace.deleting is not None and workspace.name not in self._jobs:
                        work = self._remove(workspace)
                        self._jobs[workspace.name] = group.create_task(work, name=f"delete {workspace.name}")

    async def _remove(self, workspace: WorkspaceRecord) -> None:
        looks, name = 0, workspace.name
        try:
            while not await self._try(workspace):
                looks += 1
                await self._clock.sleep(_BACKOFF.delay(looks))
            log.info("the workspace %s is deleted", name)
        finally:
            self._jobs.pop(name, None)
            self.waits_for.pop(name, None)
            self._gone.pop(name, None)
            self.changed.notify()

    async def _try(self, workspace: WorkspaceRecord) -> bool:
        try:
            return await self._step(workspace)
        except (ApiError, ClientError, DatabaseError, PlatformError) as error:
            self.waits_for[workspace.name] = f"it is tried again: {error}"
            log.warning("the workspace %s cannot be deleted yet: %s", workspace.name, error)
            return False

    async def _step(self, workspace: WorkspaceRecord) -> bool:
        """Do what can be done now; True where nothing is left."""
        name = workspace.name
        live = await self._database.read(partial(workspaces.live_runs, namespace=name))
        for uid in live:
            await self._engine.requests.stop(uid)
        if live:
            self.waits_for[name] = f"waits for {len(live)} run{'s' if len(live) > 1 else ''} to stop"
            return False
        binning = partial(workspaces.bin_runs, namespace=name, at=self._clock.now(), limit=_RUNS)
        while await self._database.write(binning):
            continue
        if not await self._namespace_is_gone(workspace) or not self._end_was_seen(name):
            return False
        await self._database.write(partial(workspaces.remove, name=name, key=workspace.key))
        self._view.remove(name)
        self._namespaces.forget(name)
        return True

    async def _namespace_is_gone(self, workspace: WorkspaceRecord) -> bool:
        """Delete the namespace where this server made it; True where it is gone, or not this server's to delete."""
        name = workspace.name
        try:
            found = await self._client.get(NAMESPACES, name)
        except (NotFound, Forbidden):  # who may not see it has not made it
            return True
        if key_of(found) != workspace.key:
            return True
        if not found["metadata"].get("deletionTimestamp"):
            try:
                await self._client.delete(NAMESPACES, name, uid=found["metadata"]["uid"])
            except (NotFound, Conflict):  # gone, or another one of the name: the next look tells
                return False
            except Forbidden:
                self.waits_for[name] = (
                    "this server may not delete its namespace (any more): an administrator of the cluster may: "
                    f"kubectl delete namespace {name}"
                )
                return False
        self.waits_for[name] = what_holds(found)
        return False

    def _end_was_seen(self, name: str) -> bool:
        """Whether history has seen the end of what was in a namespace that is gone; it is not waited for long."""
        since = self._gone.setdefault(name, self._clock.monotonic())
        return self._clock.monotonic() - since > _HISTORY or not self._view.shows_anything(name)


def what_holds(namespace: Object) -> str:
    """Say what a namespace that is being deleted waits for. Pure."""
    conditions = (namespace.get("status") or {}).get("conditions") or ()
    wanted = ("NamespaceFinalizersRemaining", "NamespaceContentRemaining", "NamespaceDeletionContentFailure")
    for kind in wanted:
        for condition in conditions:
            if condition.get("type") == kind and condition.get("status") == "True":
                return f"waits for its namespace to end: {condition.get('message', '')}"
    return "waits for its namespace to end"
