"""The transport of the parts that live in the API server's own process: no encoding, objects shared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from seaway.client.request import Request, WatchEvent
from seaway.controlplane.apiserver.messages import ApiRequest, ApiResponse
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.users import User
from seaway.objects.errors import from_status


class InProcessTransport:
    """Implements `seaway.client.request.Transport` by calling the server's core.

    The server sees the same request as over HTTP (authorization, admission and validation included); what it answers
    is shared with the store's cache and with other callers: copy before changing.
    """

    def __init__(self, server: ApiServer, user: User) -> None:
        self._server = server
        self._user = user

    async def send(self, request: Request) -> Any:
        """Return the parsed body. Raises ApiError for an answer of 400 and above."""
        response = await self._call(request)
        if response.stream is not None:
            async with response.stream() as chunks:
                return b"".join([chunk async for chunk in chunks]).decode(errors="replace")
        return response.content.parsed() if response.content is not None else None

    @asynccontextmanager
    async def watch(self, request: Request) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Open a watch. Raises ApiError where it is refused or ends with an ERROR event."""
        response = await self._call(request)
        assert response.events is not None, "not a watch request"
        events = response.events

        async def follow() -> AsyncIterator[WatchEvent]:
            async for event in events:
                parsed = event.content.parsed()
                if event.type == "ERROR":
                    raise from_status(int(parsed.get("code") or 500), parsed)
                yield WatchEvent(event.type, parsed)

        following = follow()
        try:
            yield following
        finally:
            await following.aclose()  # type: ignore[attr-defined]  # an async generator behind its iterator type
            await events.aclose()  # type: ignore[attr-defined]

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a byte stream. Raises ApiError where it is refused."""
        response = await self._call(request)
        if response.stream is None:
            content = response.content

            async def whole() -> AsyncIterator[bytes]:
                if content is not None:
                    yield content.encoded()

            yield whole()
            return
        async with response.stream() as chunks:
            yield chunks

    async def close(self) -> None:
        """Nothing is held."""

    async def _call(self, request: Request) -> ApiResponse:
        response = await self._server.handle(
            ApiRequest(
                request.method, request.path, dict(reversed(request.query)), dict(request.headers),
                object=request.body, content_type=request.content_type, user=self._user,
            )
        )  # fmt: skip
        if response.status >= 400:
            status = response.content.parsed() if response.content is not None else {}
            raise from_status(
                response.status, status if isinstance(status, dict) else {"message": str(status)}
            )
        return response
