"""Bodies that may turn out not to be readable to their end."""

from __future__ import annotations

import logging

from fastapi.responses import StreamingResponse
from starlette.types import Send

from seaway.platform.errors import PlatformError

logger = logging.getLogger(__name__)


class CheckedStream(StreamingResponse):
    """A body that is broken off where its rest cannot be read or is damaged, so that no receiver takes it for whole."""

    async def stream_response(self, send: Send) -> None:
        """Send the body; the server closes the connection of one that is left without its end."""
        try:
            await super().stream_response(send)
        except PlatformError as error:
            logger.error("what was being sent is broken off: %s", error.message)
