"""HTTP for one caller: a connection that is kept, TLS against the server's own CA, errors as `SeawayError`.

The standard library's client: httpx would cost the command line more time to import than a request takes.
"""

from __future__ import annotations

import json
import select
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import IO, Any
from urllib.parse import urlencode, urlsplit

from seaway.sdk.errors import ConnectionBroken, SeawayError, ServerUnreachable

CHUNK = 64 * 1024
"""Bytes read at once."""
MAX_ERROR_BODY = 64 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is, and what it takes to speak to it."""

    url: str
    """For example "https://127.0.0.1:7443"."""
    token: str
    ca: str | None = None
    """PEM text of the CA that signed its certificate; None for the system's own."""


class HttpClient:
    """Sends requests one after the other over one kept connection. Not for several threads."""

    def __init__(self, locate: Callable[[], Endpoint], *, timeout: float = 30.0) -> None:
        """Locate is asked again for each new connection: a server that was restarted may have moved."""
        self._locate = locate
        self._timeout = timeout
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
            SeawayError: the server refused; `status`, `code`, `field` and `remedy` are its own.
            ServerUnreachable: no server answers.
            ConnectionBroken: it went away before it answered.
        """
        connection = self._connect()
        target = path + ("?" + urlencode({k: v for k, v in query.items() if v is not None}) if query else "")
        sent = {
            "Authorization": f"Bearer {self._endpoint.token if self._endpoint else ''}",
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
            raise ConnectionBroken(f"the server did not answer: {_reason(error)}") from error
        if response.status >= 400:
            raise self._refusal(response)
        return response

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return the parsed answer; None for an empty one."""
        data = self.read(method, path, **options)
        return json.loads(data) if data else None

    def read(self, method: str, path: str, **options: Any) -> bytes:
        """Send a request and return the whole answer."""
        response = self.open(method, path, **options)
        try:
            return response.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise ConnectionBroken(f"the server's answer broke off: {_reason(error)}") from error

    def stream(self, method: str, path: str, **options: Any) -> Iterator[bytes]:
        """Send a request and yield its answer as it comes.

        Raises:
            ConnectionBroken: the answer broke off before its end.
        """
        response = self.open(method, path, **options)
        try:
            while chunk := response.read1(CHUNK):
                yield chunk
        except (OSError, HTTPException) as error:
            raise ConnectionBroken(f"the server's answer broke off: {_reason(error)}") from error
        finally:
            if not response.isclosed():
                self.close()

    def close(self) -> None:
        """Drop the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> HTTPConnection:
        if self._connection is not None and _is_stale(self._connection):
            self.close()
        if self._connection is None:
            endpoint = self._locate()
            connection = _connection(endpoint, self._timeout)
            try:
                connection.connect()
            except ssl.SSLCertVerificationError as error:
                raise ServerUnreachable(
                    f"the server at {endpoint.url} is not the one that this home belongs to: {error.verify_message}",
                    remedy="Another program may have taken its port: seaway down, then seaway up",
                ) from error
            except OSError as error:
                raise ServerUnreachable(f"no server answers at {endpoint.url}: {_reason(error)}") from error
            self._connection, self._endpoint = connection, endpoint
            self.connections += 1
        return self._connection

    def _refusal(self, response: HTTPResponse) -> SeawayError:
        try:
            body = response.read(MAX_ERROR_BODY)
        except (OSError, HTTPException):
            body = b""
        if not response.isclosed() or response.will_close:
            self.close()
        return refusal(response.status, body)

    def _early_refusal(self, connection: HTTPConnection) -> SeawayError | None:
        """A server that refuses a large body answers and closes before all of it is sent: read that answer."""
        if connection.sock is None:
            return None
        response = HTTPResponse(connection.sock)
        try:
            response.begin()
            return refusal(response.status, response.read(MAX_ERROR_BODY)) if response.status >= 400 else None
        except (OSError, HTTPException, ValueError):
            return None


def refusal(status: int, body: bytes) -> SeawayError:
    """Turn an answer of 400 and above into the error that it carries."""
    try:
        error = json.loads(body)["error"]
        return SeawayError(
            str(error["message"]),
            code=str(error["code"]),
            field=str(error.get("field") or ""),
            remedy=str(error.get("remedy") or ""),
            status=status,
        )
    except (ValueError, KeyError, TypeError):
        return SeawayError(f"the server answered with status {status}", code="Unexpected", status=status)


def _connection(endpoint: Endpoint, timeout: float) -> HTTPConnection:
    parts = urlsplit(endpoint.url)
    if parts.scheme == "http":
        return HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    if endpoint.ca is None:
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=endpoint.ca)
    return HTTPSConnection(parts.hostname or "", parts.port, timeout=timeout, context=context)


def _is_stale(connection: HTTPConnection) -> bool:
    """An idle connection that has something to read was closed by the server."""
    if connection.sock is None:
        return True
    try:
        readable, _, _ = select.select([connection.sock], [], [], 0)
    except (OSError, ValueError):
        return True
    return bool(readable)


def _reason(error: Exception) -> str:
    if isinstance(error, socket.timeout | TimeoutError):
        return "it took too long"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
