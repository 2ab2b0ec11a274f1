"""Routes of the room that runs take."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from seaway.model.usage import UsageView, WorkspaceUsageView
from seaway.portal.access import CurrentCaller, Service

router = APIRouter(prefix="/api/v1/usage", tags=["server"])


@router.get("")
async def usage(caller: CurrentCaller, service: Service) -> list[UsageView]:
    """Return what users' runs take on the server: administrators see everybody, others themselves."""
    found = await service.usage.of_all()
    return [view for view in found if caller.admin or view.user == caller.user]


@router.get("/workspaces")
async def usage_of_workspaces(_: CurrentCaller, service: Service) -> list[WorkspaceUsageView]:
    """Return what the runs in each workspace take on the server."""
    return list(await service.usage.of_workspaces())


@router.get("/room", status_code=204)
async def room(
    caller: CurrentCaller, service: Service, size: Annotated[int, Query(ge=0)], workspace: str | None = None
) -> Response:
    """Tell before an upload whether so many bytes more are accepted of the caller for a run in a workspace: 204, or 507 with the reason."""
    await service.usage.check(caller.user, workspace, size)
    return Response(status_code=204)
