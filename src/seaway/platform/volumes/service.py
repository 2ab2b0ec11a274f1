"""Making, listing and removing the volumes of workspaces, and whether a run may mount them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.model.volume import VolumeSpec, VolumeView
from seaway.objects import errors as cluster
from seaway.objects.builtin import EVENTS, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.resource import Resource
from seaway.platform.callers import Caller
from seaway.platform.database import audit, workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.records import AuditRecord
from seaway.platform.engine.engine import Engine
from seaway.platform.engine.namespaces import Namespaces
from seaway.platform.errors import Conflict, Forbidden, Invalid, PlatformError, Unavailable
from seaway.platform.volumes import claims
from seaway.platform.volumes.refusals import (
    check_confirmed,
    check_may_remove,
    in_use,
    no_rights,
    no_volume,
    require_mountable,
    taken,
)
from seaway.platform.volumes.use import VolumeUse
from seaway.platform.workloads import labels
from seaway.platform.workspaces.refusals import away, require_open

_KIND = "volumes"
Object = dict[str, Any]


class Volumes:
    """The volumes of a server's workspaces: the cluster knows them, nothing is kept here.

    Args:
        database: knows the workspaces, and who did what.
        client: of the cluster.
        namespaces: makes those that are missing.
        use: knows which runs use them.
        clock: where time comes from.
        default: the namespace of runs that name no workspace.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        namespaces: Namespaces,
        use: VolumeUse,
        clock: Clock,
        *,
        default: str,
    ) -> None:
        self._database, self._client, self._namespaces = database, client, namespaces
        self._use, self._clock, self._default = use, clock, default

    @asynccontextmanager
    async def mountable(self, namespace: str, names: Collection[str]) -> AsyncIterator[None]:
        """Take in a run inside the block: its volumes are there, and are not removed meanwhile.

        Args:
            namespace: of its workspace.
            names: of its volumes.

        Raises:
            Invalid: a volume is not there, or not offered to runs.
            Conflict: one is being removed.
            Forbidden: this server may not see what there is.
            Unavailable: the cluster does not answer.
        """
        with self._use.coming(namespace, names):
            if names:
                found = await self._listed(PERSISTENT_VOLUME_CLAIMS, namespace)
                require_mountable(sorted(names), found, namespace)
            yield

    async def list(self, workspace: str | None = None) -> Sequence[VolumeView]:
        """Return those of a workspace, the default one without a name.

        Raises:
            NotFound: there is no such workspace.
            Forbidden: this server may not see what there is.
            Unavailable: the cluster does not answer.
        """
        namespace = await self._open(workspace)
        found = await self._listed(PERSISTENT_VOLUME_CLAIMS, namespace, label_selector=claims.SELECTOR)
        return await self._views(namespace, [claim for claim in found if claims.is_volume(claim)])

    async def create(self, spec: VolumeSpec, caller: Caller) -> VolumeView:
        """Make a volume. Its storage may come when the first run needs it.

        Raises:
            NotFound: there is no such workspace.
            Conflict: the name is taken, or the cluster allows no more storage.
            Forbidden: this server may not make it.
            Invalid: the cluster refuses what is asked for.
            Unavailable: the cluster does not answer.
        """
        namespace = await self._open(spec.workspace)
        try:
            made = await self._made(claims.manifest(spec, namespace, caller.user), namespace)
        except PlatformError as error:
            await self._note(caller, "create", namespace, spec.name, error.status, error.message)
            raise
        await self._note(caller, "create", namespace, spec.name, 201)
        (view,) = await self._views(namespace, [made])
        return view

    async def remove(
        self, name: str, caller: Caller, *, workspace: str | None = None, confirm: str | None = None
    ) -> VolumeView:
        """Remove a volume with all that is in it.

        Args:
            name: which one.
            caller: who asks.
            workspace: where; None for the default one.
            confirm: its name once more.

        Raises:
            NotFound: there is none of that name, or no such workspace.
            Forbidden: it is somebody else's, or this server may not remove it.
            Conflict: somebody uses it, or its name was not given.
            Unavailable: the cluster does not answer, or which runs there are is not known yet.
        """
        namespace = await self._open(workspace)
        claim = await self._found(name, namespace)
        try:
            check_may_remove(caller, claim, await self._owner(namespace))
        except Forbidden as error:
            await self._note(caller, "delete", namespace, name, error.status, error.message)
            raise
        with self._use.going(namespace, name):
            if pods := claims.users_of(name, await self._listed_others(namespace)):
                raise in_use(name, namespace, pods=pods)
            check_confirmed(name, confirm)
            await self._delete(claim, namespace)
        await self._note(caller, "delete", namespace, name, 200)
        return claims.view_of(claim, (), (), ()).model_copy(update={"state": "removing", "message": ""})

    async def _made(self, manifest: Object, namespace: str) -> Object:
        name = manifest["metadata"]["name"]
        try:
            return await self._client.create(PERSISTENT_VOLUME_CLAIMS, manifest)
        except cluster.AlreadyExists:
            there = await self._listed(PERSISTENT_VOLUME_CLAIMS, namespace)
            raise taken(next((one for one in there if one["metadata"]["name"] == name), None), name, namespace) from None  # fmt: skip
        except cluster.NotFound as error:
            waits = await self._namespaces.make(namespace, error)
            raise Unavailable(waits.message, remedy="Try again in a moment.") from error
        except cluster.Forbidden as error:
            if "quota" in error.message:
                raise Conflict(
                    f"the cluster allows no more storage in {namespace}: {error.message}", field="size",
                    remedy="Ask for less, remove a volume, or have the quota raised.",
                ) from error  # fmt: skip
            raise no_rights("make", namespace) from error
        except (cluster.Invalid, cluster.BadRequest) as error:
            raise Invalid(f"the cluster refuses the volume: {error.message}", field="name") from error
        except (cluster.ApiError, ClientError) as error:
            raise away(error) from error

    async def _delete(self, claim: Object, namespace: str) -> None:
        name, uid = claim["metadata"]["name"], claim["metadata"]["uid"]
        try:
            await self._client.delete(PERSISTENT_VOLUME_CLAIMS, name, namespace, uid=uid)
        except (cluster.NotFound, cluster.Conflict):
            raise no_volume(name, namespace) from None
        except cluster.Forbidden as error:
            raise no_rights("delete", namespace) from error
        except (cluster.ApiError, ClientError) as error:
            raise away(error) from error

    async def _views(self, namespace: str, found: Sequence[Object]) -> Sequence[VolumeView]:
        waiting = any((claim.get("status") or {}).get("phase") != "Bound" for claim in found)
        about = f"involvedObject.kind={PERSISTENT_VOLUME_CLAIMS.kind}"
        events = await self._listed(EVENTS, namespace, field_selector=about) if waiting else []
        pods = await self._listed_others(namespace) if found else []
        return [
            claims.view_of(claim, events, self._use.runs_with(namespace, claim["metadata"]["name"]), pods)
            for claim in sorted(found, key=lambda claim: str(claim["metadata"]["name"]))
        ]

    async def _found(self, name: str, namespace: str) -> Object:
        for claim in await self._listed(PERSISTENT_VOLUME_CLAIMS, namespace, label_selector=claims.SELECTOR):
            if claim["metadata"]["name"] == name and claims.is_volume(claim):
                return claim
        raise no_volume(name, namespace)

    async def _listed_others(self, namespace: str) -> Sequence[Object]:
        return await self._listed(PODS, namespace, label_selector=f"!{labels.RUN_UID}")

    async def _listed(self, resource: Resource, namespace: str, **selection: str) -> Sequence[Object]:
        try:
            items, _ = await self._client.list_all(resource, namespace, **selection)  # type: ignore[arg-type]
        except cluster.Forbidden as error:
            raise no_rights("list", namespace) from error
        except (cluster.ApiError, ClientError) as error:
            raise away(error) from error
        return items

    async def _open(self, workspace: str | None) -> str:
        """Return the namespace of a workspace in which things may be done. Raises NotFound, Conflict."""
        namespace = workspace or self._default
        await self._database.read(partial(require_open, name=namespace, default=self._default))
        return namespace

    async def _owner(self, namespace: str) -> str:
        found = await self._database.read(partial(workspaces.one, name=namespace))
        return found.owner if found is not None else ""

    async def _note(
        self, caller: Caller, verb: str, namespace: str, name: str, code: int, reason: str = ""
    ) -> None:
        entry = AuditRecord(self._clock.now(), caller.user, verb, _KIND, f"{namespace}/{name}", code, reason)
        await self._database.write(partial(audit.add, entry=entry))


def open_volumes(
    database: Database, client: Client, namespaces: Namespaces, engine: Engine, clock: Clock, default: str
) -> Volumes:
    """Return the volumes of a server, whose engine knows which runs use them."""
    use = VolumeUse(engine.states, lambda: engine.knows_all)
    return Volumes(database, client, namespaces, use, clock, default=default)
