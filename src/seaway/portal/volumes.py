"""Routes of volumes: storage of a workspace that runs mount."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from seaway.model.volume import VolumeSpec, VolumeView
from seaway.platform.volumes.service import Volumes
from seaway.portal.access import CurrentCaller, current_caller

router = APIRouter(prefix="/api/v1/volumes", tags=["volumes"], dependencies=[Depends(current_caller)])


@router.get("")
async def list_volumes(request: Request, workspace: str | None = None) -> list[VolumeView]:
    """List the volumes of a workspace, of the default one without a name."""
    return list(await _volumes(request).list(workspace))


@router.post("", status_code=201)
async def create_volume(spec: VolumeSpec, caller: CurrentCaller, request: Request) -> VolumeView:
    """Make a volume; its storage may come when the first run needs it."""
    return await _volumes(request).create(spec, caller)


@router.delete("/{name}", status_code=202)
async def remove_volume(
    name: str,
    caller: CurrentCaller,
    request: Request,
    workspace: str | None = None,
    confirm: str | None = None,
) -> VolumeView:
    """Remove a volume with all that is in it, for good; `confirm` is its name once more."""
    return await _volumes(request).remove(name, caller, workspace=workspace, confirm=confirm)


def _volumes(request: Request) -> Volumes:
    volumes: Volumes = request.app.state.server.volumes
    return volumes
