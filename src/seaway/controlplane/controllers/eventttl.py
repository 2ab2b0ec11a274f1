"""Events go an hour after they were written last, or they would fill memory and disk.

Source: kube-apiserver's --event-ttl, which starts anew with each write of an event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.client.client import Client
from seaway.controlplane.controllers.context import Context
from seaway.objects.builtin import EVENTS
from seaway.objects.errors import Conflict, Expired, NotFound
from seaway.objects.meta import name, namespace, resource_version, uid
from seaway.reconcile.controller import Controller, Outcome, RequeueAfter

Object = dict[str, Any]
KEY = "all"
AT_ONCE = 500
"""So many are deleted before others get their turn: after a night there may be thousands."""
PAUSE = 1.0
"""Seconds between two such lots."""
LEAST = 60.0
"""Seconds between two looks at least: nobody counts on the second at which an event goes."""


def written(event: Object) -> float:
    """Return when an event was written last, as far as it says so itself (seconds since the epoch)."""
    said = (
        event["metadata"].get("creationTimestamp"),
        event.get("eventTime"),
        event.get("lastTimestamp"),
        (event.get("series") or {}).get("lastObservedTime"),
    )
    return max((parse_rfc3339(time) for time in said if time), default=0.0)


def build(context: Context) -> Controller:
    """Return the controller. It keeps no event: it reads them when the oldest is due."""
    client, clock, lifetime = context.client, context.clock, context.settings.event_ttl

    async def reconcile(_: str) -> Outcome:
        now, oldest, deleted = clock.now(), clock.now(), 0
        async for event in _events(client):
            told = written(event)
            if told + lifetime > now:
                oldest = min(oldest, told)
                continue
            if deleted == AT_ONCE:
                return RequeueAfter(PAUSE)
            deleted += 1
            await _delete(client, event)
        return RequeueAfter(max(min(LEAST, lifetime), oldest + lifetime - clock.now()))

    return Controller("event-ttl", (), reconcile, clock=clock, keys=(KEY,))


async def _events(client: Client) -> AsyncIterator[Object]:
    """Yield all events, page by page; the rest is left to the next look where it takes too long."""
    token: str | None = None
    while True:
        try:
            page = await client.list(EVENTS, limit=AT_ONCE, continue_=token)
        except Expired:
            return
        for event in page.get("items") or ():
            yield event
        token = page["metadata"].get("continue") or None
        if token is None:
            return


async def _delete(client: Client, event: Object) -> None:
    try:
        await client.delete(
            EVENTS, name(event), namespace(event), uid=uid(event), resource_version=resource_version(event)
        )
    except (Conflict, NotFound):
        return  # written anew meanwhile, or gone
