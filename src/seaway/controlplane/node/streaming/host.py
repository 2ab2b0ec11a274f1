"""The node, as streams see it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from seaway.client.streams import StreamRequest
from seaway.controlplane.node.streaming.command import Command

Connect = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""Opens a connection to a port of the pod. Raises OSError."""


class Host(Protocol):
    """The node, as streams see it."""

    async def start_command(self, request: StreamRequest) -> Command:
        """Start a command in a container, or attach to its program. Raises ApiError."""
        ...

    def connector(self, request: StreamRequest) -> Connect:
        """Return what connects to ports of a pod. Raises ApiError."""
        ...
