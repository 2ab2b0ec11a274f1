"""The gateway: the only place that a pod talks to. Network and TLS modules are loaded with the first request."""

# ruff: noqa: PTH123
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import time

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    import http.client
    from collections.abc import Callable, Iterator
    from typing import Any

    Send = Callable[[Callable[[bytes], None]], None]
    """A function that hands a body, portion by portion, to the function that it is given. May be called again for a new try."""

PATIENCE = 600.0
"""Seconds to go on trying while the gateway cannot be reached: the server may be restarting."""
_TIMEOUT = 60.0
_PASSING = (429, 500, 502, 503, 504, 507)
"""Answers that may be another one in a while; the last says that the server's disk is full, until someone makes room."""
_PORTION = 1 << 18


class GatewayError(Exception):
    """The gateway refused, or could not be reached in time."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status; 0 where there was no answer."""

    @property
    def refused(self) -> bool:
        """Whether the body itself was refused: sent again it would be refused again."""
        return self.status in (400, 413, 422)


class _Unreachable(Exception):
    """A try that is worth repeating."""


class _BrokenOff(Exception):
    """The connection broke while a body was sent."""


class Gateway:
    """Requests of one run, with its token.

    Args:
        url: "https://host:port".
        ca: PEM text of the CA of its certificate, "" for the system's own.
        token: the run's token.
        timeout: seconds that one step of a request may take.
        sleep: how to wait between tries.
    """

    def __init__(
        self,
        url: str,
        ca: str,
        token: str,
        *,
        timeout: float = _TIMEOUT,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._scheme, _, place = url.partition("://")
        self._place, _, self._path = place.rstrip("/").partition("/")
        self._ca = ca
        self._token = token
        self._timeout = timeout
        self._sleep = sleep

    def fetch(self, path: str, target: str) -> str:
        """Store a file under a path and return its SHA-256; tries again from the start where the connection breaks.

        Raises:
            GatewayError: it was refused, or the gateway stayed away.
        """
        import hashlib

        for last in (False, False, True):
            digest = hashlib.sha256()
            try:
                connection, response = self._patiently(lambda: self._exchange("GET", path, None), PATIENCE)
                try:
                    with open(target, "wb") as file:
                        for portion in _portions(response):
                            digest.update(portion)
                            file.write(portion)
                finally:
                    connection.close()
                return digest.hexdigest()
            except _Unreachable as error:
                if last:
                    raise GatewayError(f"the transfer broke off three times ({error})") from error
        raise AssertionError("unreachable")

    def put(self, path: str, send: Send, *, patience: float = PATIENCE, answer: float | None = None) -> None:
        """Send a body as a stream; tries again from the start where the connection breaks.

        Args:
            path: where to.
            send: the body.
            patience: seconds to go on trying.
            answer: seconds that the gateway may work on the whole body before it answers; None for as long as any step.

        Raises:
            GatewayError: it was refused, or the gateway stayed away.
        """
        connection, response = self._patiently(lambda: self._exchange("PUT", path, send, answer), patience)
        response.read()
        connection.close()

    def _patiently(self, attempt: Callable[[], Any], patience: float) -> Any:
        deadline, delay = time.monotonic() + patience, 0.1
        while True:
            try:
                return attempt()
            except _Unreachable as error:
                if time.monotonic() + delay > deadline:
                    raise GatewayError(f"the gateway at {self._place} cannot be reached ({error})") from error
            self._sleep(delay)
            delay = min(5.0, delay * 2)

    def _exchange(
        self, method: str, path: str, send: Send | None, answer: float | None = None
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        import http.client

        connection = self._connect()
        try:
            connection.putrequest(method, (f"/{self._path}" if self._path else "") + path)
            connection.putheader("Authorization", f"Bearer {self._token}")
            if send is not None:
                connection.putheader("Content-Type", "application/x-tar")
                connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders()
            if send is not None:
                self._send(connection, send)
            if answer is not None:
                _wait_so_long(connection, answer)
            response = connection.getresponse()
            if response.status >= 300:
                text = _reason(response)
                if response.status in _PASSING:
                    raise _Unreachable(text)
                raise GatewayError(text, response.status)
        except http.client.HTTPException as error:
            connection.close()
            raise _Unreachable(repr(error)) from error
        except OSError as error:
            connection.close()
            if "certificate" in str(error).lower():
                raise GatewayError(f"the gateway's certificate is not trusted: {error}") from error
            raise _Unreachable(str(error) or type(error).__name__) from error
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _connect(self) -> http.client.HTTPConnection:
        import http.client

        if self._scheme != "https":
            return http.client.HTTPConnection(self._place, timeout=self._timeout)
        import ssl

        context = ssl.create_default_context(cadata=self._ca or None)
        return http.client.HTTPSConnection(self._place, timeout=self._timeout, context=context)

    @staticmethod
    def _send(connection: http.client.HTTPConnection, send: Send) -> None:
        def sent(data: bytes) -> None:
            try:
                connection.send(data)
            except (
                OSError
            ) as error:  # over TLS any kind of it: SSLEOFError where the server's process was killed
                raise _BrokenOff from error

        def portion(data: bytes) -> None:
            if data:
                sent(b"%x\r\n%b\r\n" % (len(data), data))

        try:
            send(portion)
            sent(b"0\r\n\r\n")
        except _BrokenOff:
            # the server may have answered before it read everything (409, 413): its answer says why
            return
        except OSError as error:
            raise GatewayError(f"a file cannot be sent: {error}") from error


def _wait_so_long(connection: http.client.HTTPConnection, seconds: float) -> None:
    """Wait for an answer, but not for a machine that is gone: it is asked for a sign of life meanwhile."""
    import socket

    place = connection.sock
    if place is None:  # it broke while the body was sent
        return
    place.settimeout(seconds)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            place.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _portions(response: http.client.HTTPResponse) -> Iterator[bytes]:
    import http.client

    try:
        while data := response.read(_PORTION):
            yield data
        if response.length:
            raise _Unreachable(f"{response.length} bytes are missing")
    except (http.client.HTTPException, OSError) as error:
        raise _Unreachable(str(error)) from error


def _reason(response: http.client.HTTPResponse) -> str:
    import json

    body = response.read(10_000).decode("utf-8", "replace")
    try:
        error = json.loads(body)["error"]
        said = " ".join(str(part) for part in (error["message"], error.get("remedy", "")) if part)
    except (ValueError, KeyError, TypeError, AttributeError):
        said = body.strip()[:300]
    return f"the gateway answered {response.status}: {said}"
