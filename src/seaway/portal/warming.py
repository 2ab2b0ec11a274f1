"""What a server makes when it is asked for the first time, made before anybody asks: routes, connections, statements.

It takes as long as twenty requests do; while it is under way a caller waits no longer than without it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message

from seaway.base.tasks import cancel_all

logger = logging.getLogger(__name__)

_NO_RUN = "/api/v1/runs/-"
"""No run is called so: what is asked of it costs the same however large the runs are."""
_PAGES = (
    ("/api/v1/runs", b"all=true&limit=1"),
    (_NO_RUN, b""),
    (f"{_NO_RUN}/why", b""),
    (f"{_NO_RUN}/timeline", b""),
    (f"{_NO_RUN}/logs", b""),
    ("/api/v1/search", b"words=word&run=-"),
)


@asynccontextmanager
async def warming(app: ASGIApp, token: str) -> AsyncIterator[None]:
    """Ask an application for its pages in the background, once, until the block is left.

    Args:
        app: the application.
        token: an administrator's.
    """
    task = asyncio.create_task(_warm(app, token), name="warming up")
    try:
        yield
    finally:
        await cancel_all([task])


async def _warm(app: ASGIApp, token: str) -> None:
    try:
        for path, query in _PAGES:
            await _ask(app, path, query, token)
            await asyncio.sleep(0)  # whoever has asked meanwhile comes first
    except Exception:
        logger.exception("the first requests will take longer: what they need could not be made before")
    gc.freeze()  # what was made stays: nobody has to look through it again


async def _ask(app: ASGIApp, path: str, query: bytes, token: str) -> None:
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "https", "path": path,
        "raw_path": path.encode(), "query_string": query, "root_path": "", "client": None, "server": None, "state": {},
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_: Message) -> None:
        return None

    await app(scope, receive, send)
