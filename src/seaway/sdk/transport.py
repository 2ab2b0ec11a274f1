"""HTTP for one caller: a connection that is kept, TLS against the server's own CA, errors as `SeawayError`.

The standard library's client: httpx would cost the command line more time to import than a request takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import IO, Any
from urllib.parse import urlencode

from seaway import __version__
from seaway.sdk.connection import Endpoint, connect, is_stale, reason
from seaway.sdk.errors import ConnectionBroken, SeawayError
from seaway.sdk.versions import HEADER, LEVEL, parse_version, remedy_for

CHUNK = 64 * 1024
"""Bytes read at once."""
MAX_ERROR_BODY = 64 * 1024
AWAY = frozenset({502, 503, 504})
"""Statuses of a server that is being replaced, and of a proxy before one: asking again later is right."""


class HttpClient:
    """Sends requests one after the other over one kept connection. Not for several threads."""

    def __init__(
        self, locate: Callable[[], Endpoint], *, timeout: float = 30.0, language: str = "en"
    ) -> None:
        """Locate is asked again for each new connection: a server that was restarted may have moved."""
        self._locate = locate
        self._timeout, self._language = timeout, language
        self._connection: HTTPConnection | None = None
        self._endpoint: Endpoint | None = None
        self.connections = 0
        """How many connections were made so far: it changes where the server went away."""

    def open(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HTTPResponse:
        """Send a request and return the open answer, which must be read to its end or closed with `close`.

        Raises:
            SeawayError: the server refused; `status`, `code`, `field` and `remedy` are its own. Or it is none of ours, or
                of a release that this client cannot speak to.
            ServerUnreachable: no server answers.
            ConnectionBroken: it went away before it answered.
        """
        connection = self._connect()
        target = path + ("?" + urlencode({k: v for k, v in query.items() if v is not None}) if query else "")
        sent = {
            "Authorization": f"Bearer {self._endpoint.token if self._endpoint else ''}",
            "Accept-Language": self._language,
            **(headers or {}),
        }
        if connection.sock is not None:
            connection.sock.settimeout(self._timeout if timeout is None else timeout)
        try:
            connection.request(method, target, body=body, headers=sent)
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            early = (
                self._early_refusal(connection)
                if isinstance(error, BrokenPipeError | ConnectionResetError)
                else None
            )
            self.close()
            if early is not None:
                raise early from error
            raise ConnectionBroken(f"the server did not answer: {reason(error)}") from error
        if response.status >= 400:
            raise self._refusal(response)
        self._check_version(response)
        return response

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return the parsed answer; None for an empty one."""
        data = self.read(method, path, **options)
        return json.loads(data) if data else None

    def read(self, method: str, path: str, **options: Any) -> bytes:
        """Send a request and return the whole answer. One that changes nothing is sent once more where the connection broke."""
        try:
            return self._read(method, path, **options)
        except ConnectionBroken as error:
            if method not in ("GET", "HEAD") or isinstance(error.__cause__, TimeoutError):
                raise
            return self._read(method, path, **options)

    def stream(self, method: str, path: str, **options: Any) -> Iterator[bytes]:
        """Send a request and yield its answer as it comes.

        Raises:
            ConnectionBroken: the answer broke off before its end.
        """
        return self.chunks(self.open(method, path, **options))

    def chunks(self, response: HTTPResponse) -> Iterator[bytes]:
        """Yield an open answer as it comes.

        Raises:
            ConnectionBroken: it broke off before its end.
        """
        try:
            while chunk := response.read1(CHUNK):
                yield chunk
            if response.length:
                raise ConnectionBroken(f"the server's answer broke off: {response.length} bytes are missing")
        except (OSError, HTTPException) as error:
            raise ConnectionBroken(f"the server's answer broke off: {reason(error)}") from error
        finally:
            if not response.isclosed():
                response.close()
                self.close()

    def close(self) -> None:
        """Drop the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, method: str, path: str, **options: Any) -> bytes:
        response = self.open(method, path, **options)
        try:
            return response.read()
        except (OSError, HTTPException) as error:
            raise ConnectionBroken(f"the server's answer broke off: {reason(error)}") from error
        finally:
            if not response.isclosed():  # it holds the socket, also when the connection is closed
                response.close()
                self.close()

    def _connect(self) -> HTTPConnection:
        if self._connection is not None and is_stale(self._connection):
            self.close()
        if self._connection is None:
            endpoint = self._locate()
            self._connection, self._endpoint = connect(endpoint, self._timeout), endpoint
            self.connections += 1
        return self._connection

    def _check_version(self, response: HTTPResponse) -> None:
        assert self._endpoint is not None
        server = parse_version(response.headers.get(HEADER))
        if server is not None and not remedy_for(server):
            return
        response.close()
        self.close()
        if server is None:
            raise not_ours(self._endpoint.url, response.status)
        raise SeawayError(
            f"the server at {self._endpoint.url} is Seaway {server.release} (REST API {server.oldest} to "
            f"{server.newest}), which this Seaway {__version__} (REST API {LEVEL}) cannot speak to",
            code="OtherVersion",
            remedy=remedy_for(server),
        )

    def _refusal(self, response: HTTPResponse) -> SeawayError:
        assert self._endpoint is not None
        try:
            body = response.read(MAX_ERROR_BODY)
        except (OSError, HTTPException):
            body = b""
        if not response.isclosed() or response.will_close:
            response.close()
            self.close()
        return refusal(response.status, body, self._endpoint)

    def _early_refusal(self, connection: HTTPConnection) -> SeawayError | None:
        """A server that refuses a large body answers and closes before all of it is sent: read that answer."""
        if connection.sock is None or self._endpoint is None:
            return None
        response = HTTPResponse(connection.sock)
        try:
            response.begin()
            if response.status < 400:
                return None
            return refusal(response.status, response.read(MAX_ERROR_BODY), self._endpoint)
        except (OSError, HTTPException, ValueError):
            return None


def refusal(status: int, body: bytes, endpoint: Endpoint) -> SeawayError:
    """Turn an answer of 400 and above into the error that it carries."""
    try:
        error = json.loads(body)["error"]
        remedy = str(error.get("remedy") or "")
        if status == 401 and endpoint.context:
            remedy = f"seaway login {endpoint.url} (with a token that an administrator gave you)"
        return SeawayError(
            str(error["message"]),
            code=str(error["code"]),
            field=str(error.get("field") or ""),
            remedy=remedy,
            status=status,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return not_ours(endpoint.url, status)


def not_ours(url: str, status: int) -> SeawayError:
    """Return the error for an answer that no server of ours gives: a proxy's page, another program's."""
    away = status in AWAY
    return SeawayError(
        f"what answers at {url} (with status {status}) is "
        + ("no Seaway server, or one that is away just now" if away else "no Seaway server"),
        code="Unexpected",
        remedy="Try again in a moment" if away else "Check the address; a proxy on the way may have answered",
        status=status,
    )
