"""Routes of the room that runs take."""

from __future__ import annotations

from fastapi import APIRouter

from seaway.model.usage import UsageView
from seaway.portal.access import CurrentCaller, Service

router = APIRouter(prefix="/api/v1/usage", tags=["server"])


@router.get("")
async def usage(caller: CurrentCaller, service: Service) -> list[UsageView]:
    """Return what users' runs take on the server: administrators see everybody, others themselves."""
    found = await service.usage.of_all()
    return [view for view in found if caller.admin or view.user == caller.user]
