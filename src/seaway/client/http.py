"""The transport for any cluster: HTTPS with a pool of connections.

Source: Kubernetes API concepts; a watch is one JSON object a line (`application/json;stream=watch`).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import orjson

from seaway.base.clock import Clock, SystemClock
from seaway.client.connection import Connection
from seaway.client.credentials import Credentials, Identity
from seaway.client.errors import ConfigError, NotSent, Unreachable
from seaway.client.pool import Handshake, Pool, open_pool
from seaway.client.request import Request, WatchEvent
from seaway.client.retry import RetrySettings, retry_wait
from seaway.objects.errors import ApiError, Unauthorized, from_status

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of the transport. Times in seconds."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    """A call whose answer pauses for longer has failed; watches and logs may pause for ever."""
    pool: int = 64
    """Calls at once, and their connections; streams and watches have connections of their own, as many as are opened."""
    kept: int = 16
    """Idle connections kept."""
    user_agent: str = "seaway"
    retry: RetrySettings = RetrySettings()  # noqa: RUF009 - frozen, shared on purpose


class _Refused(Unauthorized):
    """What was shown is not accepted, but asking for credentials again may give others."""


class HttpTransport:
    """Carries requests over HTTPS. Opens no connection before the first request."""

    def __init__(
        self,
        connection: Connection,
        settings: HttpSettings | None = None,
        *,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._connection, self._settings = connection, settings or HttpSettings()
        self._clock, self._chance = clock or SystemClock(), chance
        self._credentials = Credentials(connection, self._clock)
        self._current: Pool | None = None

    async def send(self, request: Request) -> Any:
        """Return the parsed body; see `Transport.send`. What can be repeated without harm is, a few times."""
        tries, began, refused = 1, self._clock.monotonic(), False
        while True:
            try:
                return await self._send(request)
            except _Refused:
                if refused:
                    raise
                refused = True
            except (ApiError, Unreachable) as error:
                passed = self._clock.monotonic() - began
                wait = retry_wait(request, error, tries, passed, self._chance(), self._settings.retry)
                if wait is None:
                    raise
                log.debug("%s %s is sent again in %.1f s: %s", request.method, request.path, wait, error)
                await self._clock.sleep(wait)
                tries += 1

    def watch(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """Open a watch; see `Transport.watch`."""
        return self._watch(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a byte stream; see `Transport.stream`."""
        return self._stream(request)

    async def close(self) -> None:
        """Close all connections."""
        if self._current is not None:
            pool, self._current = self._current, None
            await pool.close()

    @asynccontextmanager
    async def _watch(self, request: Request) -> AsyncGenerator[AsyncIterator[WatchEvent], None]:
        opening = self._settings.read_seconds  # a server begins its answer to a watch at once
        async with self._answer(request, streams=True, opening=opening) as response:
            events = _events(response)
            try:
                yield events
            finally:
                await events.aclose()

    @asynccontextmanager
    async def _stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes], None]:
        follows = (
            "follow",
            "true",
        ) in request.query  # a log that is followed may be quiet for ever, from its beginning
        read = None if follows else self._settings.read_seconds
        async with self._answer(request, streams=True, read=read, opening=None) as response:
            chunks = _chunks(response)
            try:
                yield chunks
            finally:
                await chunks.aclose()

    async def _send(self, request: Request) -> Any:
        read = self._settings.read_seconds
        async with self._answer(request, streams=False, read=read, opening=None) as response:
            return _body(response, await _content(response))

    @asynccontextmanager
    async def _answer(
        self, request: Request, *, streams: bool, opening: float | None, read: float | None = None
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send and yield the answer, its body unread; raises ApiError for 400 and above.

        Args:
            request: what to send.
            streams: the answer goes on for long, on a connection that no call waits for.
            opening: longest wait for the answer's beginning, None where `read` bounds it.
            read: longest pause while something is read, None for any.
        """
        shown = await self._credentials.current()
        pool = self._pool(shown)
        with pool.used():
            response = await self._exchange(pool, request, shown, streams, opening, read)
            try:
                if response.status_code >= 400:
                    error = _error(response, await _content(response))
                    if isinstance(error, Unauthorized) and self._credentials.refused(shown):
                        raise _Refused(error.message) from error
                    raise error
                yield response
            finally:
                await response.aclose()

    async def _exchange(
        self,
        pool: Pool,
        request: Request,
        shown: Identity,
        streams: bool,
        opening: float | None,
        read: float | None,
    ) -> httpx.Response:
        """Send a request; return the answer's beginning."""
        import httpx  # here, so that the embedded daemon, which calls in-process, need not load it

        http = pool.streams if streams else pool.calls
        built = http.build_request(
            request.method,
            self._connection.server + request.path,
            params=request.query,
            content=None if request.body is None else orjson.dumps(request.body),
            headers=self._headers(request, shown),
            timeout=httpx.Timeout(self._settings.connect_seconds, read=read),
        )
        handshake = Handshake()
        built.extensions["trace"] = handshake.follow
        if self._connection.server_name:
            built.extensions["sni_hostname"] = self._connection.server_name
        try:
            async with asyncio.timeout(opening):
                return await http.send(built, stream=True)
        except (httpx.TransportError, TimeoutError) as error:
            raise _unreachable(self._connection.server, error) from error
        finally:
            await handshake.close()

    def _headers(self, request: Request, shown: Identity) -> list[tuple[str, str]]:
        headers = {"accept": "application/json", "user-agent": self._settings.user_agent}
        if request.body is not None:
            headers["content-type"] = request.content_type
        if shown.token:
            headers["authorization"] = f"Bearer {shown.token}"
        return [*(headers | dict(request.headers)).items(), *self._connection.impersonate]

    def _pool(self, shown: Identity) -> Pool:
        """Return the connections for an identity: those before it are closed when nobody uses them any more."""
        key = (shown.ca, shown.certificate, shown.key)
        if self._current is None or self._current.key != key:
            try:
                settings = self._settings
                pool = open_pool(self._connection, shown, at_once=settings.pool, kept=settings.kept)
            except ConfigError as error:
                if self._connection.ca_file is None and self._connection.plugin is None:
                    raise
                raise NotSent(str(error)) from error  # half written perhaps: the next look finds it whole
            if self._current is not None:
                self._current.retire()
            self._current = pool
        return self._current


async def _content(response: httpx.Response) -> bytes:
    return b"".join([chunk async for chunk in _chunks(response)])


async def _chunks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    import httpx  # here, so that the embedded daemon, which calls in-process, need not load it

    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except httpx.TransportError as error:
        raise _unreachable(str(response.url.copy_with(query=None)), error) from error


async def _events(response: httpx.Response) -> AsyncGenerator[WatchEvent, None]:
    """Yield the events of a watch, one JSON object a line whatever the chunks are."""
    rest = b""
    async for chunk in _chunks(response):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield _event(line)


def _event(line: bytes) -> WatchEvent:
    try:
        value = orjson.loads(line)
        event = WatchEvent(value["type"], value["object"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Unreachable("the watch sent a line that is no event; it is opened again") from error
    if event.type == "ERROR":
        raise from_status(int(event.object.get("code") or 500), event.object)
    return event


def _body(response: httpx.Response, content: bytes) -> Any:
    if "json" not in response.headers.get("content-type", ""):
        return content.decode(errors="replace")
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Unreachable(f"{response.url.host} answered with JSON that is cut off or broken") from error


def _error(response: httpx.Response, content: bytes) -> ApiError:
    """Return the error meant: a Status, or whatever a proxy in between said."""
    try:
        status = orjson.loads(content)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = content[:200].decode(errors="replace").strip()
        status = {"message": f"HTTP {response.status_code} from {response.url.host}: {text}"}
    error = from_status(response.status_code, cast("dict[str, Any]", status))
    if error.retry_after is None and (after := response.headers.get("retry-after", "")).isdigit():
        error.retry_after = int(after)
    return error


def _unreachable(where: str, error: Exception) -> Unreachable:
    import httpx  # loaded already, where this is reached

    why = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY" in why:
        return Unreachable(f"no answer from {where}: {why} (its certificate is not trusted)")
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    return (Unreachable if sent else NotSent)(f"no answer from {where}: {why} (is the cluster up?)")
