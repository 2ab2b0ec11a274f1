"""The API server: one core for every way in."""

from __future__ import annotations

from collections.abc import Sequence

from seaway.controlplane.apiserver.messages import ApiRequest, ApiResponse
from seaway.controlplane.apiserver.nodes import NodeHandler
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.store.log import Store


class ApiServer:
    """Serves kinds from a store. `await server.start()` makes the bootstrap objects; then call `handle`."""

    def __init__(self, store: Store, kinds: Sequence[Kind], settings: object, clock: object) -> None: ...

    async def start(self) -> None:
        """Make the objects that every cluster has, load custom resources."""
        raise NotImplementedError

    async def handle(self, request: ApiRequest) -> ApiResponse:
        """Answer one request; errors are answers too (a `Status`)."""
        raise NotImplementedError

    def register_node(self, name: str, handler: NodeHandler) -> None:
        """Make a node's logs reachable."""
        raise NotImplementedError

    def unregister_node(self, name: str) -> None:
        """Forget a node."""
        raise NotImplementedError
