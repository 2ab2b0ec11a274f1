"""What an answer holds is let go of with it, also where its end is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from seaway.controlplane.apiserver.asgi import AsgiApplication
from seaway.controlplane.apiserver.messages import ApiRequest, ApiResponse
from seaway.controlplane.apiserver.server import ApiServer

SCOPE = {"type": "http", "method": "GET", "path": "/log", "headers": [], "query_string": b""}


class Streaming:
    """A server that answers with a stream of one piece that has no end."""

    def __init__(self) -> None:
        self.journal: list[str] = []

    async def handle(self, _: ApiRequest) -> ApiResponse:
        @asynccontextmanager
        async def opened() -> AsyncIterator[AsyncIterator[bytes]]:
            yield self._pieces()
            self.journal.append("not reached: it is cancelled")

        return ApiResponse(200, stream=opened)

    async def _pieces(self) -> AsyncIterator[bytes]:
        try:
            yield b"a piece"
            yield b"another"
        finally:
            self.journal.append("closed")


@pytest.mark.parametrize("cancelled", [1, 2, 3])
async def test_a_stream_is_closed_however_often_its_end_is_cancelled(cancelled: int) -> None:
    server, sent = Streaming(), asyncio.Event()

    async def receive() -> dict[str, Any]:
        return await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        """Take one piece, and let go slowly."""
        if message.get("body"):
            sent.set()
            try:
                await asyncio.Future()
            finally:
                await asyncio.sleep(0)

    application = AsgiApplication(cast("ApiServer", server))
    answering = asyncio.ensure_future(application(SCOPE, receive, send))
    await sent.wait()
    for _ in range(cancelled):
        answering.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(answering, return_exceptions=True)
    assert server.journal == ["closed"]
