"""What every answer says of the server, and what the log says of every request: never a token, a body or a query."""

from __future__ import annotations

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seaway import __version__
from seaway.portal.errors import error_response
from seaway.portal.measures import HttpMeasures
from seaway.sdk.versions import HEADER, said_by_server

logger = logging.getLogger(__name__)

_READING = ("GET", "HEAD", "OPTIONS")
_REFUSED = (401, 403, 429)


class Requests:
    """Adds the version to every answer, logs and counts every request."""

    def __init__(self, app: ASGIApp, measures: HttpMeasures) -> None:
        self._app, self._measures = app, measures
        self._version = (HEADER.lower().encode(), said_by_server(__version__).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if (
            scope["type"] != "http" or scope.get("client") is None
        ):  # nobody sent it: the server's own, see `warming`
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def versioned(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._measures.began(scope, status, time.perf_counter() - began)
                message = {**message, "headers": [*message.get("headers", ()), self._version]}
            await send(message)

        try:
            await (_refuse if _holds_nul(scope) else self._app)(scope, receive, versioned)
        finally:
            if status:
                self._measures.ended(scope)
            logger.log(
                level(scope["method"], scope["path"], status),
                "%s %s by %s from %s: %d in %.0f ms",
                scope["method"],
                _path(scope),
                _who(scope),
                (scope.get("client") or ("?",))[0],
                status,
                (time.perf_counter() - began) * 1000,
            )


def _holds_nul(scope: Scope) -> bool:
    return "\0" in scope["path"] or b"%00" in scope.get("query_string", b"")


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for what nothing can be called: PostgreSQL cannot even be asked for it."""
    response = error_response(
        400, "BadRequest", "the address holds a NUL character (%00)", remedy="Leave it out"
    )
    await response(scope, receive, send)


def level(method: str, path: str, status: int) -> int:
    """Return how loudly a request is logged: refusals and changes are seen, what is read and what pods do is not."""
    if status in _REFUSED:
        return logging.WARNING
    changing = method not in _READING and path.startswith("/api/")
    return logging.INFO if changing and status < 400 else logging.DEBUG


def _path(scope: Scope) -> str:
    """As it was sent, so that no decoded character can begin a line of its own."""
    raw: Any = scope.get("raw_path") or scope["path"].encode()
    return bytes(raw).partition(b"?")[0].decode("ascii", "backslashreplace")


def _who(scope: Scope) -> str:
    caller = scope.get("state", {}).get("caller")
    return caller.user if caller is not None else "nobody"
