"""A server that is a dictionary: enough of list, watch and writes to read from and write to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.request import Request, WatchEvent
from seaway.objects.errors import AlreadyExists, Conflict, Expired, NotFound
from seaway.objects.patch import merge_patch


def within(path: str, collection: str) -> bool:
    """Tell whether an object's path lies in a collection, of one namespace or of all."""
    parent, plural = path.rsplit("/", 1)[0], collection.rsplit("/", 1)[1]
    everywhere = "/namespaces/" not in collection
    return parent == collection or (everywhere and parent.endswith(f"/{plural}"))


class DictionaryServer:
    """Keeps objects by path; every watcher gets every later change of its collection."""

    def __init__(self) -> None:
        self.objects: dict[str, dict] = {}
        self.revision = 0
        self.failures: list[Exception] = []
        """Raised by the next writes."""
        self.watchers: list[tuple[str, asyncio.Queue]] = []
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Any:
        self.requests.append(request)
        await asyncio.sleep(0)
        if request.method == "GET":
            return self._read(request.path)
        if self.failures:
            raise self.failures.pop(0)
        return getattr(self, f"_{request.method.lower()}")(request)

    def _read(self, path: str) -> dict:
        if path in self.objects:
            return self.objects[path]
        if path.rsplit("/", 1)[-1] in ("pods", "events", "leases"):
            items = [obj for key, obj in self.objects.items() if within(key, path)]
            return {"metadata": {"resourceVersion": str(self.revision)}, "items": items}
        raise NotFound(path)

    def _post(self, request: Request) -> dict:
        path = f"{request.path}/{request.body['metadata']['name']}"
        if path in self.objects:
            raise AlreadyExists(path)
        return self.put(path, request.body, "ADDED")

    def _patch(self, request: Request) -> dict:
        return self.put(request.path, merge_patch(self._read(request.path), request.body), "MODIFIED")

    def _put(self, request: Request) -> dict:
        current = self._read(request.path)["metadata"]["resourceVersion"]
        if request.body["metadata"].get("resourceVersion", current) != current:
            raise Conflict(request.path)
        return self.put(request.path, request.body, "MODIFIED")

    def put(self, path: str, obj: dict, event: str) -> dict:
        """Store an object and tell watchers."""
        self.revision += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        known = self.objects.get(path, {}).get("metadata", {}).get("uid")
        metadata.setdefault("uid", known or f"uid-{self.revision}")
        self.objects[path] = stored = {**obj, "metadata": metadata}
        self._tell(path, WatchEvent(event, stored))
        return stored

    def remove(self, path: str) -> None:
        """Remove an object and tell watchers."""
        self.revision += 1
        obj = self.objects.pop(path)
        last = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        self._tell(path, WatchEvent("DELETED", last))

    def forget_history(self) -> None:
        """End all watches as a compaction does."""
        for _, queue in self.watchers:
            queue.put_nowait(Expired("too old"))

    def _tell(self, path: str, event: WatchEvent) -> None:
        for prefix, queue in self.watchers:
            if within(path, prefix):
                queue.put_nowait(event)

    @asynccontextmanager
    async def watch(self, request: Request) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        entry = (request.path, asyncio.Queue())
        self.watchers.append(entry)
        events = self._events(entry[1])
        try:
            yield events
        finally:
            self.watchers.remove(entry)
            await events.aclose()

    async def _events(self, queue: asyncio.Queue) -> Any:
        while True:
            event = await queue.get()
            if isinstance(event, Exception):
                raise event
            yield event

    def stream(self, request: Request) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        return


@pytest.fixture
def server() -> DictionaryServer:
    return DictionaryServer()


@pytest.fixture
def client(server: DictionaryServer) -> Client:
    return Client(server)
