"""Routes of what runs now, and what it uses."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from seaway.model.attempt_usage import LiveAttempt
from seaway.portal.access import Service, current_caller

router = APIRouter(prefix="/api/v1/live", tags=["runs"], dependencies=[Depends(current_caller)])


@router.get("")
async def live(service: Service, workspace: str | None = None, user: str | None = None) -> list[LiveAttempt]:
    """Return the attempts whose programs run now with what they use, the oldest runs first."""
    return list(service.live(workspace=workspace, user=user))
