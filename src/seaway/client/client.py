"""The client: requests built in `build.py`, sent over a transport.

Objects that come back may be shared with the server and its other clients (in-process transport): copy before
changing. Objects handed in are not changed by the client and may not be changed by the caller afterwards.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Unpack

from seaway.client import build
from seaway.client.logs import LogOptions
from seaway.client.request import MERGE_PATCH, Request, Transport, WatchEvent
from seaway.objects.errors import Expired
from seaway.objects.resource import Resource

Object = dict[str, Any]
Objects = list[Object]
PAGE_SIZE = 500


class Client:
    """Calls one API server as one user.

    Every method raises `seaway.objects.errors.ApiError` for an answer of 400 and above,
    `seaway.client.errors.Unreachable` where no answer came, and ValueError where a name or namespace is missing.
    """

    def __init__(self, transport: Transport, *, field_manager: str = "seaway") -> None:
        self.transport = transport
        self.field_manager = field_manager

    async def send(self, request: Request) -> Any:
        """Send a request built elsewhere; return the parsed body, or text where the answer is text."""
        return await self.transport.send(request)

    async def get(
        self, resource: Resource, name: str, namespace: str | None = None, *, subresource: str | None = None
    ) -> Object:
        """Return one object."""
        return await self._send(build.get(resource, name, namespace, subresource=subresource))

    async def list(
        self, resource: Resource, namespace: str | None = None, **options: Unpack[build.ListOptions]
    ) -> Object:
        """Return one list object: `items`, and in `metadata` the resourceVersion and the continue token."""
        return await self._send(build.list_(resource, namespace, **options))

    async def list_all(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        page_size: int = PAGE_SIZE,
        **selection: Unpack[build.Selection],
    ) -> tuple[Objects, str]:
        """Return all objects, read page by page, and the resourceVersion of the whole.

        A continue token that expires on the way starts one more read, in one piece.
        """
        items: Objects = []
        token: str | None = None
        while True:
            try:
                page = await self.list(resource, namespace, limit=page_size, continue_=token, **selection)
            except Expired:
                if token is None:
                    raise
                page, items = await self.list(resource, namespace, **selection), []
            items += page.get("items") or ()
            metadata = page.get("metadata") or {}
            token = metadata.get("continue") or None
            if token is None:
                return items, metadata.get("resourceVersion", "")

    async def create(
        self, resource: Resource, obj: Object, namespace: str | None = None, *, dry_run: bool = False
    ) -> Object:
        """Create the object; return it as stored. Raises AlreadyExists where the name is taken."""
        manager = self.field_manager
        return await self._send(
            build.create(resource, obj, namespace, field_manager=manager, dry_run=dry_run)
        )

    async def replace(self, resource: Resource, obj: Object, subresource: str | None = None) -> Object:
        """Replace the object (or its status); raises Conflict where its resourceVersion is stale."""
        manager = self.field_manager
        return await self._send(build.replace(resource, obj, subresource=subresource, field_manager=manager))

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Any,
        namespace: str | None = None,
        *,
        content_type: str = MERGE_PATCH,
        subresource: str | None = None,
    ) -> Object:
        """Patch the object; `content_type` is one of the constants of `seaway.client.request`."""
        request = build.patch(
            resource,
            name,
            patch,
            namespace,
            content_type=content_type,
            subresource=subresource,
            field_manager=self.field_manager,
        )
        return await self._send(request)

    async def apply(
        self, resource: Resource, obj: Object, *, force: bool = False, subresource: str | None = None
    ) -> Object:
        """Apply the object server-side; raises Conflict where another manager owns a field and `force` is not set."""
        manager = self.field_manager
        request = build.apply(resource, obj, field_manager=manager, force=force, subresource=subresource)
        return await self._send(request)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        **options: Unpack[build.DeleteOptions],
    ) -> Object:
        """Delete the object; return it, or a Status."""
        return await self._send(build.delete(resource, name, namespace, **options))

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str | None = None,
        **options: Unpack[build.CollectionDeleteOptions],
    ) -> Object:
        """Delete all objects of the collection that the selectors match."""
        return await self._send(build.delete_collection(resource, namespace, **options))

    async def create_subresource(
        self, resource: Resource, name: str, subresource: str, obj: Object, namespace: str | None = None
    ) -> Object:
        """Post to a subresource: binding, eviction, token."""
        manager = self.field_manager
        request = build.create_subresource(resource, name, subresource, obj, namespace, field_manager=manager)
        return await self._send(request)

    def watch(
        self, resource: Resource, namespace: str | None = None, **options: Unpack[build.WatchOptions]
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """Open one watch; the iterator ends when the server closes it. `watch.follow` is the one that goes on."""
        return self.transport.watch(build.watch(resource, namespace, **options))

    def logs(
        self, name: str, namespace: str, container: str | None = None, options: LogOptions | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a container's log, in chunks of bytes as they come."""
        return self.transport.stream(build.logs(name, namespace, container, options or LogOptions()))

    def kept_logs(
        self,
        name: str,
        namespace: str,
        *,
        node: str,
        uid: str,
        container: str,
        attempt: int,
        options: LogOptions,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open the log of a pod that is gone, where its node keeps it; kubelets do not.

        Args:
            name: of the pod.
            namespace: its namespace.
            node: where it was.
            uid: its uid.
            container: the container's name.
            attempt: how often it had been started before.
            options: what of it.
        """
        asked = build.kept_logs(
            name, namespace, node=node, uid=uid, container=container, attempt=attempt, options=options
        )
        return self.transport.stream(asked)

    async def close(self) -> None:
        """Release the transport's connections."""
        await self.transport.close()

    async def _send(self, request: Request) -> Object:
        answer: Object = await self.transport.send(request)
        return answer
