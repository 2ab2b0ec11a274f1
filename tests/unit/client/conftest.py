"""A transport that plays a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from seaway.client.request import Request, WatchEvent


class ScriptedTransport:
    """Answers lists and watches with what the test laid out, in order; keeps the requests."""

    def __init__(self) -> None:
        self.lists: list[Any] = []
        self.watches: list[list[Any]] = []
        self.requests: list[Request] = []

    async def send(self, request: Request) -> Any:
        self.requests.append(request)
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @asynccontextmanager
    async def watch(self, request: Request) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        self.requests.append(request)
        yield self._play(self.watches.pop(0))

    async def _play(self, script: list[Any]) -> AsyncIterator[WatchEvent]:
        for step in script:
            if isinstance(step, Exception):
                raise step
            yield step

    def stream(self, request: Request) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        return


@pytest.fixture
def transport() -> ScriptedTransport:
    return ScriptedTransport()


@pytest.fixture
def pod() -> Callable[..., dict]:
    def make(name: str, version: int, **more: Any) -> dict:
        metadata = {"name": name, "namespace": "ns", "uid": f"uid-{name}", "resourceVersion": str(version)}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, **more}

    return make


@pytest.fixture
def listed() -> Callable[..., dict]:
    def make(version: int, *items: dict, token: str = "") -> dict:
        metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
        return {"metadata": metadata, "items": list(items)}

    return make
