"""Making, listing and deleting workspaces, for those who may."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.model.workspace import WorkspaceChange, WorkspaceLosses, WorkspaceSpec, WorkspaceView
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import AlreadyExists, ApiError
from seaway.objects.errors import Forbidden as NoRight
from seaway.objects.errors import NotFound as NoObject
from seaway.platform.bin import DAY
from seaway.platform.callers import Caller
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import audit, workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.records import AuditRecord, WorkspaceRecord
from seaway.platform.database.usage import BYTES, FILES
from seaway.platform.database.workspaces import RunsOf
from seaway.platform.engine.namespaces import Namespaces, namespace_manifest
from seaway.platform.errors import Conflict, Forbidden
from seaway.platform.growing import WORKSPACE
from seaway.platform.usage import Usage, warnings
from seaway.platform.workspaces.contents import Contents, contents, is_ours, summary
from seaway.platform.workspaces.refusals import (
    away,
    check_consent,
    check_owner,
    no_rights,
    no_workspace,
    not_ended,
    taken,
)
from seaway.platform.workspaces.removal import Removal
from seaway.platform.workspaces.rights import Rights

_KIND = "workspaces"
_LIMITS = {"storage_limit": BYTES, "storage_files": FILES}
"""What a change may say, and of which measure."""


class Workspaces:
    """The workspaces of a server.

    Args:
        database: knows them.
        client: of the cluster.
        view: shows what is in their namespaces.
        namespaces: makes those anew that somebody deleted.
        removal: deletes them.
        usage: says what their runs may take.
        clock: where time comes from.
        default: the namespace of runs that name no workspace.
        bin_seconds: how long runs stay in the bin.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        view: ClusterView,
        namespaces: Namespaces,
        removal: Removal,
        usage: Usage,
        clock: Clock,
        *,
        default: str,
        bin_seconds: float,
    ) -> None:
        self._database, self._client, self._view, self._namespaces = database, client, view, namespaces
        self._removal, self._clock, self._default, self._bin_seconds = removal, clock, default, bin_seconds
        self._rights, self._usage = Rights(client), usage

    async def load(self) -> None:
        """Look at the workspaces that the database knows; those that are being deleted included."""
        for workspace in await self._database.read(workspaces.every):
            self._follow(workspace)

    async def list(self) -> Sequence[WorkspaceView]:
        """Return all of them, the default one first."""
        known = [one for one in await self._database.read(workspaces.every) if one.name != self._default]
        return await self._views({self._default: None, **{one.name: one for one in known}})

    async def get(self, name: str) -> WorkspaceView:
        """Return one. Raises NotFound."""
        found = None if name == self._default else await self._known(name)
        (view,) = await self._views({name: found})
        return view

    async def create(self, spec: WorkspaceSpec, caller: Caller) -> WorkspaceView:
        """Make a workspace, and its namespace where that is missing.

        Raises:
            Forbidden: the caller is no administrator, or this server may not make or use the namespace.
            Conflict: there is a workspace of that name, or its namespace is being deleted.
            Unavailable: the cluster does not answer.
        """
        name = spec.name
        await self._require_administrator(caller, "create", name, "workspaces are made by administrators")
        if name == self._default:
            raise taken(name)
        workspace = WorkspaceRecord(name, uuid.uuid4().hex, spec.owner or caller.user, self._clock.now())
        there = await self._is_there(name, caller)
        entry = self._entry(caller, "create", name, 201)

        def work(connection: Connection) -> None:
            workspaces.add(connection, workspace)
            workspaces.set_limit(connection, name, BYTES, spec.storage_limit)
            workspaces.set_limit(connection, name, FILES, spec.storage_files)
            audit.add(connection, entry)

        try:
            await self._database.write(work)
        except IntegrityError:
            raise taken(name) from None
        self._usage.growth.limits_changed()
        if not there:
            await self._make(workspace, caller)
        self._follow(workspace)
        return await self.get(name)

    async def change(self, name: str, change: WorkspaceChange, caller: Caller) -> WorkspaceView:
        """Say how much the runs of a workspace may take.

        Raises:
            Forbidden: the caller is no administrator.
            NotFound: there is none of that name.
        """
        await self._require_administrator(
            caller, "update", name, "what a workspace may take is said by administrators"
        )
        wanted = {
            measure: getattr(change, field) for field, measure in _LIMITS.items() if field in change.model_fields_set
        }  # fmt: skip
        said = [f"most {what}: {'the default' if most is None else most}" for what, most in wanted.items()]
        entry = self._entry(caller, "update", name, 200, ", ".join(said))

        def work(connection: Connection) -> None:
            if name != self._default and workspaces.one(connection, name) is None:
                raise no_workspace(name)
            for measure, most in wanted.items():
                workspaces.set_limit(connection, name, measure, most)
            audit.add(connection, entry)

        await self._database.write(work)
        self._usage.growth.limits_changed()
        return await self.get(name)

    async def losses(self, name: str, caller: Caller) -> WorkspaceLosses:
        """Return what goes when a workspace is deleted.

        Raises:
            NotFound: there is none of that name.
            Conflict: it is the default one.
            Forbidden: it is somebody else's.
            Unavailable: the cluster does not answer.
        """
        workspace = await self._deletable(name)
        check_owner(caller, workspace)
        return await self._losses(workspace)

    async def _losses(self, workspace: WorkspaceRecord) -> WorkspaceLosses:
        name = workspace.name
        runs = (await self._database.read(partial(workspaces.runs_of, namespaces=[name])))[name]
        users = await self._database.read(partial(workspaces.owners, namespace=name))
        goes = await is_ours(self._client, workspace)
        found = await contents(self._client, name) if goes else Contents()
        return WorkspaceLosses(
            name=name, live=runs.live, runs=runs.live + runs.ended, users=tuple(users), outputs=runs.outputs,
            checkpoints=runs.checkpoints, logs=runs.logs, bin_days=self._bin_seconds / DAY, namespace_goes=goes,
            pods=found.pods, claims=found.claims, others=found.others, unseen=found.unseen,
        )  # fmt: skip

    async def delete(
        self, name: str, caller: Caller, *, confirm: str | None = None, stop_runs: bool = False
    ) -> WorkspaceView:
        """Begin to delete a workspace; one that is being deleted stays so.

        Args:
            name: which one.
            caller: who asks.
            confirm: its name once more, where there is anything to lose.
            stop_runs: stop the runs that have not ended.

        Raises:
            NotFound: there is none of that name.
            Conflict: it is the default one, its name was not given or a wrong one, or runs have not ended.
            Forbidden: it is somebody else's, or this server may not delete its namespace.
            Unavailable: the cluster does not answer.
        """
        workspace = await self._deletable(name)
        try:
            check_owner(caller, workspace)
        except Forbidden as refused:
            await self._note(caller, "delete", name, 403, refused.message)
            raise
        if workspace.deleting is not None:
            return await self.get(name)
        losses = await self._losses(workspace)
        check_consent(losses, confirm, stop_runs=stop_runs)
        if losses.namespace_goes and not await self._rights.may("", "namespaces", "delete", name=name):
            raise Forbidden(
                f"this server may not delete the namespace {name} that it made", field="workspace",
                remedy=f"Install it with rbac.workspaces=true again, or: kubectl delete namespace {name}",
            )  # fmt: skip
        entry = self._entry(caller, "delete", name, 202, summary(losses))

        def work(connection: Connection) -> None:
            if not stop_runs and (live := workspaces.live_runs(connection, name)):
                raise not_ended(name, len(live))
            workspaces.begin_deletion(connection, name, self._clock.now(), caller.user)
            audit.add(connection, entry)

        await self._database.write(work)
        self._namespaces.forget(name)
        self._removal.wake()
        return await self.get(name)

    async def wait(self, name: str, *, timeout: float) -> WorkspaceView:
        """Return a workspace when it is not being deleted, or as it is after `timeout` seconds. Raises NotFound when it is gone."""
        try:
            async with asyncio.timeout(timeout):
                while True:
                    change = self._removal.changed.next()
                    view = await self.get(name)
                    if view.state != "deleting":
                        return view
                    await asyncio.shield(change)
        except TimeoutError:
            return await self.get(name)

    async def grant(self, name: str) -> str:
        """Return what an administrator of the cluster applies to let this server use a namespace. Raises Unavailable."""
        return await self._rights.grant(name)

    async def audited(self, limit: int) -> Sequence[AuditRecord]:
        """Return who made and deleted workspaces, and was refused it; the last ones, oldest first."""
        return await self._database.read(partial(audit.last, limit=limit))

    def _follow(self, workspace: WorkspaceRecord) -> None:
        if workspace.deleting is None:
            self._namespaces.know(workspace.name, workspace.key)
        self._view.add(workspace.name)

    async def _deletable(self, name: str) -> WorkspaceRecord:
        if name == self._default:
            raise Conflict(
                f"{name} is the default workspace, which cannot be deleted", field="workspace",
                remedy="Remove its runs: `seaway rm RUN`.",
            )  # fmt: skip
        return await self._known(name)

    async def _known(self, name: str) -> WorkspaceRecord:
        found = await self._database.read(partial(workspaces.one, name=name))
        if found is None:
            raise no_workspace(name)
        return found

    async def _is_there(self, name: str, caller: Caller) -> bool:
        """Return whether the namespace is there and can be used; False where it is to be made."""
        try:
            found = await self._client.get(NAMESPACES, name)
        except NoObject:
            if await self._rights.may("", "namespaces", "create"):
                return False
            await self._note(caller, "create", name, 403, "the server may not make namespaces")
            raise no_rights(name, f"there is no namespace {name}, and this server may make none") from None
        except NoRight:
            found = None
        except (ApiError, ClientError) as error:
            raise away(error) from error
        if missing := await self._rights.missing(name):
            said = (
                "may not be in the namespace"
                if found is not None
                else "does not see, and may not use, a namespace"
            )
            await self._note(caller, "create", name, 403, "the server has no rights in the namespace")
            raise no_rights(name, f"this server {said} {name}: it lacks {', '.join(missing[:3])}")
        if found is not None and found["metadata"].get("deletionTimestamp"):
            raise Conflict(
                f"the namespace {name} is being deleted", field="name", remedy="Try again when it is gone."
            )
        return True

    async def _make(self, workspace: WorkspaceRecord, caller: Caller) -> None:
        name = workspace.name
        try:
            await self._client.create(NAMESPACES, namespace_manifest(name, workspace.key))
        except AlreadyExists:
            return  # somebody was faster: it is used, and stays when the workspace goes
        except (ApiError, ClientError) as error:
            await self._database.write(partial(workspaces.remove, name=name, key=workspace.key))
            await self._note(caller, "create", name, 403 if isinstance(error, NoRight) else 503, str(error))
            if isinstance(error, ClientError):
                raise away(error) from error
            raise no_rights(name, f"the namespace {name} cannot be made: {error.message}") from error

    async def _require_administrator(self, caller: Caller, verb: str, name: str, who: str) -> None:
        if not caller.admin:
            await self._note(caller, verb, name, 403, "no administrator")
            raise Forbidden(f"{who}, and {caller.user} is none", remedy="Ask an administrator of the server.")

    async def _views(self, known: Mapping[str, WorkspaceRecord | None]) -> Sequence[WorkspaceView]:
        runs = await self._database.read(partial(workspaces.runs_of, namespaces=[*known]))
        limits = await self._database.read(workspaces.limits)
        own = {name: (limits.get((name, BYTES)), limits.get((name, FILES))) for name in known}
        return [self._view_of(one, runs[name], *own[name]) for name, one in known.items()]

    def _view_of(
        self, workspace: WorkspaceRecord | None, runs: RunsOf, limit: int | None, files: int | None
    ) -> WorkspaceView:
        name = self._default if workspace is None else workspace.name
        total = runs.outputs + runs.checkpoints + runs.logs + runs.code
        most = self._usage.limits[WORKSPACE, BYTES] if limit is None else limit
        most_files = self._usage.limits[WORKSPACE, FILES] if files is None else files
        deleting = workspace is not None and workspace.deleting is not None
        return WorkspaceView(
            name=name, default=workspace is None, owner="" if workspace is None else workspace.owner,
            state="deleting" if deleting else "active",
            message=self._removal.waits_for.get(name, "") if deleting else self._view.problem_of(name),
            created=None if workspace is None else datetime.fromtimestamp(workspace.created, UTC),
            live=runs.live, runs=runs.live + runs.ended, binned=runs.binned, outputs=runs.outputs,
            checkpoints=runs.checkpoints, logs=runs.logs, code=runs.code,
            total=total, storage_limit=most or None, own_limit=limit is not None,
            files=runs.files, storage_files=most_files or None, own_files=files is not None,
            warning=warnings(total, most, runs.files, most_files),
        )  # fmt: skip

    async def _note(self, caller: Caller, verb: str, name: str, code: int, reason: str) -> None:
        await self._database.write(partial(audit.add, entry=self._entry(caller, verb, name, code, reason)))

    def _entry(self, caller: Caller, verb: str, name: str, code: int, reason: str = "") -> AuditRecord:
        return AuditRecord(self._clock.now(), caller.user, verb, _KIND, name, code, reason)
