"""Routes of Kubernetes' own objects: why a pod, a job or a node is as it is. For administrators: logs are read for it."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends

from seaway.model.verdict import Explanation
from seaway.portal.access import Service, administrator

router = APIRouter(prefix="/api/v1/objects", tags=["objects"], dependencies=[Depends(administrator)])


@router.get("/{kind}/{name}/why")
async def why(kind: Literal["pod", "job", "node"], name: str, service: Service) -> Explanation:
    """Say what is the matter with it, with evidence and one next step."""
    return await service.why_object(kind, name)
