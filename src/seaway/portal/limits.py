"""How large a body may be: counted as it comes in, whatever the client says of it."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seaway.portal.errors import error_response

JSON_LIMIT = 32 * 1024 * 1024
"""Bytes of a JSON body: a graph of 100,000 short tasks fits."""
CODE = "/api/v1/code/"
CODE_LIMIT = 100 * 1024 * 1024
"""Bytes of a code snapshot, where the server has no limit of its own."""
UPLOAD_LIMITS = {
    CODE: CODE_LIMIT,
    "/api/v1/environments/": 16 * 1024 * 1024,
    "/gateway/": 64 * 1024 * 1024 * 1024,
}
"""Bytes of a body by the beginning of its path."""

DISCARDED = 512 * 1024 * 1024
"""Bytes of a refused body that are read and thrown away at most."""


class BodyLimits:
    """Refuse a body over its path's limit: at once where its length is announced, else when it passes the limit."""

    def __init__(self, app: ASGIApp, code_limit: int = CODE_LIMIT) -> None:
        self._app = app
        self._limits = {**UPLOAD_LIMITS, CODE: code_limit}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = body_limit(scope["path"], self._limits)
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > limit:
            await _discard(receive)
            response = error_response(413, "TooLarge", _too_large(limit), headers={"Connection": "close"})
            await response(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                if message.get("more_body"):
                    await _discard(receive)
                raise HTTPException(413, _too_large(limit), headers={"Connection": "close"})
            return message

        await self._app(scope, counted, send)


async def _discard(receive: Receive) -> None:
    """Read what a client still sends: one whose connection is cut while it sends never sees the answer."""
    discarded = 0
    while discarded < DISCARDED:
        message = await receive()
        discarded += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


def body_limit(path: str, limits: Mapping[str, int] = UPLOAD_LIMITS) -> int:
    """Return how many bytes a request to a path may carry."""
    return next((limit for start, limit in limits.items() if path.startswith(start)), JSON_LIMIT)


def _too_large(limit: int) -> str:
    return f"the body is larger than {limit // 1024 // 1024} MiB"
