"""How the API server reaches a node: for container logs, exec, attach and port-forward.

On real Kubernetes this is the kubelet's HTTPS port. The embedded nodes run in the API server's process and register
a `NodeHandler`; the API server knows no more of them than these methods.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from seaway.client.logs import LogOptions
from seaway.client.streams import StreamRequest, Upgrade
from seaway.client.totals import NodeTotals
from seaway.client.usage import NodeUsage


class NodeHandler(Protocol):
    """What a node answers to the API server. Implemented by `seaway.controlplane.node`, by structure, without importing this."""

    def container_logs(
        self, namespace: str, pod: str, uid: str, container: str, options: LogOptions
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a container's log as a byte stream.

        Raises:
            NotFound: the node has no such container, or no previous instance of it.
            ServiceUnavailable: the node has not seen its pods yet.
            BadRequest: the container is waiting to start.
        """
        ...

    def kept_logs(
        self, pod: str, uid: str, container: str, number: int, options: LogOptions
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open the log of a container of a pod that is gone, as long as it is kept.

        Args:
            pod: its name.
            uid: its uid.
            container: the container's name.
            number: how often it had been started before.
            options: what of it is asked for.

        Raises:
            NotFound: it is not kept.
            ServiceUnavailable: the pod is not gone yet, or that is not known yet.
        """
        ...

    async def usage(self) -> NodeUsage:
        """Measure what the node and its pods use now; may take a second."""
        ...

    async def totals(self) -> NodeTotals:
        """Return what the node has used and holds."""
        ...

    async def stream(
        self,
        request: StreamRequest,
        upgrade: Upgrade,
        connect: Callable[[], tuple[asyncio.StreamReader, asyncio.StreamWriter]],
    ) -> None:
        """Serve exec, attach or port-forward to its end.

        Args:
            request: what is asked for.
            upgrade: how the caller wants to speak.
            connect: takes the connection over, when the request is accepted; called once at most.

        Raises:
            ApiError: it was refused before the connection was taken over.
        """
        ...
