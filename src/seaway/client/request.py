"""A request is a value, a transport sends it.

All rules of how a verb becomes HTTP live in `Client`'s pure builders; a transport only carries. Two exist: HTTP for
any cluster (`seaway.client.http`) and in-process for the embedded one (`seaway.controlplane.apiserver.inprocess`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a Kubernetes API server."""

    method: str
    """Upper case: GET, POST, PUT, PATCH, DELETE."""
    path: str
    """Without query, for example "/api/v1/namespaces/default/pods"."""
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    """A JSON value, not encoded; None for none. Whoever receives it may not change it."""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = field(default=())
    """Further headers, names in lower case."""


class WatchEvent(NamedTuple):
    """One event of a watch. The object is shared between watchers: copy before changing."""

    type: str
    """ADDED, MODIFIED, DELETED, BOOKMARK; an ERROR event is raised as `ApiError` instead."""
    object: dict[str, Any]


class Transport(Protocol):
    """Carries requests to one API server as one user.

    Every method raises `ApiError` for an answer of 400 and above and `seaway.client.errors.Unreachable` where no answer came.
    """

    async def send(self, request: Request) -> Any:
        """Return the parsed JSON body (a str where the answer is plain text). Shared: copy before changing."""
        ...

    def watch(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """Open a watch; the iterator ends when the server closes it. An ERROR event is raised as its `ApiError`."""
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a byte stream (logs, proxies), in chunks as they come."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
