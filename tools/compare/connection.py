"""A plain HTTP connection to an API server: no client library between a call and its bytes."""

from __future__ import annotations

import http.client
import json
import select
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.compare.calls import Answer

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server listens and who calls it."""

    url: str
    ca: Path
    certificate: Path
    key: Path


class Connection:
    """One kept-alive connection. Not for several threads."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._context = ssl.create_default_context(cafile=str(endpoint.ca))
        self._context.load_cert_chain(endpoint.certificate, endpoint.key)
        self._http = self._open()

    def send(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """Send a request and return its whole answer."""
        if hung_up(self._http):
            self._http.close()
        self._http.request(method, _target(path, query), body, dict(headers))
        response = self._http.getresponse()
        data = response.read()
        return Answer(response.status, _headers(response), _parsed(data))

    @contextmanager
    def stream(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Iterator[Iterator[Any]]:
        """Open a GET on a connection of its own (a watch) and iterate over the JSON values of its lines."""
        connection = self._open()
        try:
            connection.request("GET", _target(path, query), headers=dict(headers or {}))
            response = connection.getresponse()
            yield (json.loads(line) for line in iter(response.readline, b"") if line.strip())
        finally:
            connection.close()

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def _open(self) -> http.client.HTTPSConnection:
        netloc = urllib.parse.urlsplit(self.endpoint.url).netloc
        return http.client.HTTPSConnection(netloc, timeout=_SECONDS, context=self._context)


def hung_up(connection: http.client.HTTPSConnection) -> bool:
    """Return whether the server has closed a connection that waits for its next request."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])


def _target(path: str, query: Mapping[str, str]) -> str:
    quoted = urllib.parse.quote(path, safe="/%:@")
    return f"{quoted}?{urllib.parse.urlencode(query)}" if query else quoted


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}\n{value}" if lower in headers else value
    return headers


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")
