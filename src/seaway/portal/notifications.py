"""Routes of notifications: who is told of what."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from seaway.model.notification import NotificationSpec, NotificationView
from seaway.platform.notifications.service import Notifications
from seaway.portal.access import CurrentCaller, current_caller

router = APIRouter(
    prefix="/api/v1/notifications", tags=["notifications"], dependencies=[Depends(current_caller)]
)


@router.post("", status_code=201)
async def add_notification(
    spec: NotificationSpec, caller: CurrentCaller, request: Request
) -> NotificationView:
    """Add a way to tell somebody. For administrators: the server itself calls what the URL names."""
    return await _notifications(request).add(spec, caller)


@router.get("")
async def list_notifications(caller: CurrentCaller, request: Request) -> list[NotificationView]:
    """List the ways to tell somebody: all of them to administrators, to others their own. No URL is shown."""
    return list(await _notifications(request).list(caller))


@router.post("/{name}/test", status_code=204)
async def test_notification(name: str, caller: CurrentCaller, request: Request) -> Response:
    """Send a message now; answers when it arrived, or why it did not."""
    await _notifications(request).test(name, caller)
    return Response(status_code=204)


@router.delete("/{name}", status_code=204)
async def remove_notification(name: str, caller: CurrentCaller, request: Request) -> Response:
    """Remove a way to tell somebody, and what was still to be sent."""
    await _notifications(request).remove(name, caller)
    return Response(status_code=204)


def _notifications(request: Request) -> Notifications:
    notifications: Notifications = request.app.state.server.notifications
    return notifications
