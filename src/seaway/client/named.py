"""A client that takes kinds by name and manifests as text, for people rather than controllers: tests, scripts.

What it returns is the caller's own, also where the transport shares objects with the server.
"""

from __future__ import annotations

import copy
from typing import Any

from seaway.client.client import Client
from seaway.client.manifests import Manifests, apply_all, read_manifests, resource_named
from seaway.client.waiting import Question, wait_for
from seaway.objects.resource import Resource

Object = dict[str, Any]


class NamedClient:
    """Calls one cluster.

    Every method raises `ApiError` for what the server refuses and `ManifestError` for what cannot be understood.

    Args:
        client: sends the requests.
    """

    def __init__(self, client: Client) -> None:
        self.client = client

    async def apply(self, source: Manifests, namespace: str) -> list[Object]:
        """Apply manifests server-side; return what is stored."""
        objects = copy.deepcopy(read_manifests(source))
        return copy.deepcopy(await apply_all(self.client, objects, namespace))

    async def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return one object."""
        resource, place = await self._locate(kind, namespace)
        return copy.deepcopy(await self.client.get(resource, name, place))

    async def list(self, kind: str, namespace: str | None, selector: str | None) -> list[Object]:
        """Return the objects of a namespace (None: of all) that a label selector matches."""
        resource, place = await self._locate(kind, namespace)
        items, _ = await self.client.list_all(resource, place, label_selector=selector)
        return [_own(resource, item) for item in items]

    async def delete(self, kind: str, name: str, namespace: str) -> None:
        """Ask for an object's deletion."""
        resource, place = await self._locate(kind, namespace)
        await self.client.delete(resource, name, place)

    async def wait(
        self, kind: str, name: str, wanted: str | Question, namespace: str, seconds: float
    ) -> Object | None:
        """Return the object as soon as it is as wanted; see `seaway.client.waiting.wait_for`."""
        resource, place = await self._locate(kind, namespace)
        found = await wait_for(self.client, resource, name, wanted, place, seconds=seconds)
        return None if found is None else _own(resource, found)

    async def logs(self, pod: str, namespace: str, container: str | None) -> str:
        """Return what a container has printed."""
        async with self.client.logs(pod, namespace, container) as chunks:
            return b"".join([chunk async for chunk in chunks]).decode(errors="replace")

    async def _locate(self, kind: str, namespace: str | None) -> tuple[Resource, str | None]:
        resource = await resource_named(self.client, kind)
        return resource, namespace if resource.namespaced else None


def _own(resource: Resource, item: Object) -> Object:
    """Return a copy of a list's item that says what it is, as objects read alone do."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **copy.deepcopy(item)}
