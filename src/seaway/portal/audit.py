"""The route to which a cluster's API server sends its audit events, so that history can say who did what."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from seaway.platform.server import Server
from seaway.portal.access import reporter

router = APIRouter(prefix="/api/v1/audit", tags=["server"], dependencies=[Depends(reporter)])


class EventList(BaseModel):
    """An `EventList` of audit.k8s.io/v1, as the webhook backend of kube-apiserver sends it."""

    items: list[dict[str, Any]]


@router.post("", status_code=204)
async def audited(events: EventList, request: Request) -> Response:
    """Take note of who deleted, bound, evicted, scaled or changed what; all else in it is left out."""
    server: Server = request.app.state.server
    for event in events.items:
        server.audited(event)
    return Response(status_code=204)
