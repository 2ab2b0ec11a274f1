"""What goes in and out of the API server: values, without any web framework.

Two adapters speak them: `asgi` over TLS and `inprocess` for the parts of the same process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from seaway.controlplane.apiserver.content import Content
from seaway.controlplane.apiserver.users import User

Object = dict[str, Any]

JSON = "application/json"
YAML = "application/yaml"
TEXT = "text/plain; charset=utf-8"


@dataclass(slots=True)
class Connection:
    """What carried a request that wants to change the protocol."""

    head: bytes
    """Of the request, as HTTP/1.1."""
    query: Mapping[str, list[str]]
    """All values of each parameter."""
    take: Callable[[], tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    """Takes it over: from then on nothing else reads or writes it."""


@dataclass(slots=True)
class ApiRequest:
    """One call. Either `body` (bytes, as sent) or `object` (a JSON value, shared: not to be changed) or neither."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    """First value of each parameter; the repeated ones of `impersonate-extra` live in headers."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case; a repeated header's values are joined with a comma."""
    body: bytes = b""
    object: Any = None
    content_type: str = JSON
    user: User | None = None
    """Whoever the transport vouches for: the peer's certificate, or an in-process part. None: read the headers."""
    connection: Connection | None = None
    """Set where the caller asks to change the protocol of a connection that allows it."""
    raw_query: str = ""
    """The query as it came, for those that it is handed on to."""


@dataclass(slots=True)
class WatchItem:
    """One event of a watch: its object as bytes and parsed, both shared between watchers."""

    type: str
    content: Content


StreamOpener = Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


@dataclass(slots=True)
class ApiResponse:
    """One answer: a content, or a watch, or a byte stream."""

    status: int
    content: Content | None = None
    content_type: str = JSON
    headers: list[tuple[str, str]] = field(default_factory=list)
    events: AsyncIterator[WatchItem] | None = None
    """A watch: ends by itself after its time; close it (aclose) when the caller leaves."""
    stream: StreamOpener | None = None
    """A byte stream (container logs)."""
    upgrade: Callable[[], Awaitable[None]] | None = None
    """Takes the connection over and serves it to its end; raises ApiError before it does."""
