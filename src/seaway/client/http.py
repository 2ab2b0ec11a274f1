"""The transport for any cluster: HTTPS with a pool of connections.

Source: Kubernetes API concepts; a watch is one JSON object a line (`application/json;stream=watch`).
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import orjson

from seaway.client.config import Connection
from seaway.client.errors import ConfigError, Unreachable
from seaway.client.request import Request, WatchEvent
from seaway.objects.errors import ApiError, from_status

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of the transport. Times in seconds."""

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    """A call whose answer pauses for longer has failed; watches and logs may pause for ever."""
    pool: int = 64
    """Connections open at most, streams and watches included."""
    kept: int = 16
    """Idle connections kept."""
    user_agent: str = "seaway"


class HttpTransport:
    """Carries requests over HTTPS. Opens no connection before the first request."""

    def __init__(self, connection: Connection, settings: HttpSettings | None = None) -> None:
        self._connection, self._settings = connection, settings or HttpSettings()
        self._http: httpx.AsyncClient | None = None
        self._token: tuple[float, str] | None = None

    async def send(self, request: Request) -> Any:
        """Return the parsed body; see `Transport.send`."""
        async with self._answer(request, self._settings.read_seconds) as response:
            return _body(response, await _content(response))

    def watch(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """Open a watch; see `Transport.watch`."""
        return self._watch(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a byte stream; see `Transport.stream`."""
        return self._stream(request)

    async def close(self) -> None:
        """Close all connections."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    @asynccontextmanager
    async def _watch(self, request: Request) -> AsyncGenerator[AsyncIterator[WatchEvent], None]:
        async with self._answer(request, None) as response:
            events = _events(response)
            try:
                yield events
            finally:
                await events.aclose()

    @asynccontextmanager
    async def _stream(self, request: Request) -> AsyncGenerator[AsyncIterator[bytes], None]:
        async with self._answer(request, None) as response:
            chunks = _chunks(response)
            try:
                yield chunks
            finally:
                await chunks.aclose()

    @asynccontextmanager
    async def _answer(
        self, request: Request, read_seconds: float | None
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send and yield the answer, its body unread; raises ApiError for 400 and above."""
        import httpx  # here, so that the embedded daemon, which calls in-process, need not load it

        http = self._client()
        built = http.build_request(
            request.method,
            self._connection.server + request.path,
            params=request.query,
            content=None if request.body is None else orjson.dumps(request.body),
            headers=await self._headers(request),
            timeout=httpx.Timeout(self._settings.connect_seconds, read=read_seconds),
        )
        try:
            response = await http.send(built, stream=True)
        except httpx.TransportError as error:
            raise _unreachable(self._connection.server, error) from error
        try:
            if response.status_code >= 400:
                raise _error(response, await _content(response))
            yield response
        finally:
            await response.aclose()

    async def _headers(self, request: Request) -> dict[str, str]:
        headers = {"accept": "application/json", "user-agent": self._settings.user_agent}
        if request.body is not None:
            headers["content-type"] = request.content_type
        token = self._connection.token
        if self._connection.token_file is not None:
            token = await asyncio.to_thread(self._read_token, self._connection.token_file)
        if token:
            headers["authorization"] = f"Bearer {token}"
        return headers | dict(request.headers)

    def _read_token(self, path: Path) -> str:
        """Return the token of a file, read again when the file changed."""
        try:
            changed = path.stat().st_mtime
            if self._token is None or self._token[0] != changed:
                self._token = changed, path.read_text().strip()
        except OSError as error:
            raise ConfigError(f"the token cannot be read from {path}: {error.strerror}") from error
        return self._token[1]

    def _client(self) -> httpx.AsyncClient:
        import httpx  # here, so that the embedded daemon, which calls in-process, need not load it

        if self._http is None:
            settings, connection = self._settings, self._connection
            limits = httpx.Limits(max_connections=settings.pool, max_keepalive_connections=settings.kept)
            verify = ssl_context(connection) if connection.server.startswith("https") else False
            self._http = httpx.AsyncClient(
                verify=verify, limits=limits, trust_env=False, follow_redirects=False, proxy=connection.proxy
            )
        return self._http


def ssl_context(connection: Connection) -> ssl.SSLContext:
    """Return the TLS settings of a connection.

    Raises:
        ConfigError: a certificate or key is not valid PEM.
    """
    try:
        authorities = connection.ca.decode() if connection.ca else None
        context = ssl.create_default_context(cadata=authorities)
        if connection.client_certificate and connection.client_key:
            _load_identity(context, connection.client_certificate, connection.client_key)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigError(
            f"a certificate or key for {connection.server} is not valid PEM: {error}"
        ) from error
    if not connection.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_identity(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load certificate and key, which the ssl module takes from files only; the file is 0600 and gone at once."""
    with tempfile.NamedTemporaryFile(prefix="seaway-") as file:
        file.write(certificate.rstrip() + b"\n" + key.rstrip() + b"\n")
        file.flush()
        context.load_cert_chain(file.name)


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
    why = str(error) or type(error).__name__
    hint = "its certificate is not trusted" if "CERTIFICATE_VERIFY" in why else "is the cluster up?"
    return Unreachable(f"no answer from {where}: {why} ({hint})")
