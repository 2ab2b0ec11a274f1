"""What a server answers that stands by: that it lives, whether it could take over, and 503 to everything else."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from seaway.portal.errors import error_response

log = logging.getLogger(__name__)
_ALIVE = ("/healthz", "/api/v1/healthz")
_READY = "/readyz"
RETRY_SECONDS = 1


class ReplicaApp:
    """An ASGI application that hands everything to the leading server's while there is one in this process.

    Args:
        problem: says why this server could not take over now; "" where it could.
    """

    def __init__(self, problem: Callable[[], Awaitable[str]]) -> None:
        self._problem = problem
        self.leading: ASGIApp | None = None
        """The application of the server that leads; None while this one stands by."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self.leading is not None:
            await self.leading(scope, receive, send)
        elif scope["type"] == "http":
            response = await self._answer(Request(scope))
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> PlainTextResponse | ASGIApp:
        path = request.url.path
        if path in _ALIVE:
            return PlainTextResponse("ok")
        headers = {"Retry-After": str(RETRY_SECONDS)}
        if path == _READY:
            problem = await self._problem()
            if not problem:
                return PlainTextResponse("ok: standing by")
            return error_response(503, "Unavailable", f"this server could not take over: {problem}")
        return error_response(
            503, "Unavailable", "this server stands by: another one leads, or is about to",
            remedy="Try again in a second; the service's own address leads to the one that serves", headers=headers,
        )  # fmt: skip
