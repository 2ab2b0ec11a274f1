"""Routes of workspaces, and of who made and deleted what."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse

from seaway.model.workspace import (
    WorkspaceChange,
    WorkspaceLosses,
    WorkspaceName,
    WorkspaceSpec,
    WorkspaceView,
)
from seaway.platform.workspaces.auditing import as_event
from seaway.platform.workspaces.service import Workspaces
from seaway.portal.access import CurrentCaller, current_caller, only_administrators

MAX_WAIT = 60.0
"""Seconds that one request may wait."""
router = APIRouter(prefix="/api/v1/workspaces", tags=["workspaces"], dependencies=[Depends(current_caller)])
audit_router = APIRouter(
    prefix="/api/v1/audit", tags=["server"], dependencies=[only_administrators("see who did what")]
)


@router.get("")
async def list_workspaces(request: Request) -> list[WorkspaceView]:
    """List the workspaces, the default one first."""
    return list(await _workspaces(request).list())


@router.post("", status_code=201)
async def create_workspace(spec: WorkspaceSpec, caller: CurrentCaller, request: Request) -> WorkspaceView:
    """Make a workspace, and its namespace where that is missing. For administrators."""
    return await _workspaces(request).create(spec, caller)


@router.get("/{name}")
async def get_workspace(name: str, request: Request) -> WorkspaceView:
    """Return one workspace."""
    return await _workspaces(request).get(name)


@router.patch("/{name}")
async def change_workspace(
    name: str, change: WorkspaceChange, caller: CurrentCaller, request: Request
) -> WorkspaceView:
    """Say how much the runs of a workspace may take. For administrators."""
    return await _workspaces(request).change(name, change, caller)


@router.get("/{name}/losses")
async def losses(name: str, caller: CurrentCaller, request: Request) -> WorkspaceLosses:
    """Return what goes when the workspace is deleted; to its owner and to administrators."""
    return await _workspaces(request).losses(name, caller)


@router.get("/{name}/grant", response_class=PlainTextResponse)
async def grant(name: WorkspaceName, request: Request) -> PlainTextResponse:
    """Return what an administrator of the cluster applies to let this server use the namespace (YAML)."""
    return PlainTextResponse(await _workspaces(request).grant(name), media_type="application/yaml")


@router.get("/{name}/wait")
async def wait(name: str, request: Request, timeout: Annotated[float, Query(ge=0)] = 30.0) -> WorkspaceView:
    """Return the workspace when it is not being deleted, or as it is after `timeout` seconds (at most 60); 404 when it is gone."""
    return await _workspaces(request).wait(name, timeout=min(timeout, MAX_WAIT))


@router.delete("/{name}", status_code=202)
async def delete_workspace(
    name: str, caller: CurrentCaller, request: Request, confirm: str | None = None, stop_runs: bool = False
) -> WorkspaceView:
    """Begin to delete a workspace. `confirm` is its name once more, where there is anything to lose."""
    return await _workspaces(request).delete(name, caller, confirm=confirm, stop_runs=stop_runs)


@audit_router.get("")
async def audited(
    request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[dict[str, Any]]:
    """Return who made and deleted what on this server, and was refused it, as events of audit.k8s.io/v1, oldest first."""
    return [as_event(entry) for entry in await _workspaces(request).audited(limit)]


def _workspaces(request: Request) -> Workspaces:
    workspaces: Workspaces = request.app.state.server.workspaces
    return workspaces
