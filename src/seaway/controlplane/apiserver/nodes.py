"""How the API server reaches a node: for container logs now, exec and port-forward later.

On real Kubernetes this is the kubelet's HTTPS port. The embedded nodes run in the API server's process and register
a `NodeHandler`; the API server knows no more of them than these methods.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from seaway.client.logs import LogOptions


class NodeHandler(Protocol):
    """What a node answers to the API server. Implemented by `seaway.controlplane.node`, by structure, without importing this."""

    def container_logs(
        self, namespace: str, pod: str, uid: str, container: str, options: LogOptions
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a container's log as a byte stream.

        Raises:
            NotFound: the node has no such container, or no previous instance of it.
            BadRequest: the container is waiting to start.
        """
        ...
