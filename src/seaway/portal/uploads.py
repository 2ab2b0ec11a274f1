"""Routes of what a run needs: code snapshots and locks of requirements, named by their digests."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from seaway.platform.errors import NotFound
from seaway.portal.access import CurrentCaller, Service, current_caller

router = APIRouter(prefix="/api/v1", tags=["uploads"], dependencies=[Depends(current_caller)])

_ARCHIVE = {
    "requestBody": {
        "required": True,
        "content": {"application/gzip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_TEXT = {"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.head("/code/{digest}", status_code=204)
async def has_code(digest: str, service: Service) -> Response:
    """Tell whether a code snapshot is here: 204, or 404."""
    if not await service.has_code(digest):
        raise NotFound(f"no code snapshot {digest} was uploaded", field="digest", remedy="PUT it")
    return Response(status_code=204)


@router.put("/code/{digest}", status_code=204, openapi_extra=_ARCHIVE)
async def put_code(
    digest: str, caller: CurrentCaller, request: Request, service: Service, workspace: str | None = None
) -> Response:
    """Upload a code snapshot (tar.gz) under the SHA-256 of its bytes, for a run in a workspace."""
    await service.usage.check(caller.user, workspace, _announced(request))
    await service.put_code(digest, request.stream())
    return Response(status_code=204)


@router.head("/environments/{digest}", status_code=204)
async def has_environment(digest: str, service: Service) -> Response:
    """Tell whether a lock is here: 204, or 404."""
    if not await service.has_environment(digest):
        raise NotFound(f"no environment {digest} was uploaded", field="digest", remedy="PUT it")
    return Response(status_code=204)


@router.put("/environments/{digest}", status_code=204, openapi_extra=_TEXT)
async def put_environment(
    digest: str, caller: CurrentCaller, request: Request, service: Service, workspace: str | None = None
) -> Response:
    """Upload a lock of requirements (UTF-8 text) under the SHA-256 of its bytes, for a run in a workspace."""
    await service.usage.check(caller.user, workspace, _announced(request))
    await service.put_environment(digest, request.stream())
    return Response(status_code=204)


def _announced(request: Request) -> int:
    """Return how many bytes follow, 0 where that is not said: nothing of the body has been read."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else 0
