"""An HTTP proxy for tests that lets TLS through (CONNECT), to the names that it is told and to nothing else."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class ConnectProxy:
    """What the proxy knows, and what it was asked."""

    known: Mapping[str, tuple[str, int]]
    """Where "host:port" leads to; names are the proxy's own, nobody else has to resolve them."""
    authorization: str | None = None
    """The header Proxy-Authorization that it wants."""
    port: int = 0
    asked: list[str] = field(default_factory=list)


@contextmanager
def connect_proxy(known: Mapping[str, tuple[str, int]]) -> Iterator[ConnectProxy]:
    """Run a proxy on a free port of 127.0.0.1."""
    proxy = ConnectProxy(known)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.asked.append(self.path)
            target = proxy.known.get(self.path)
            if proxy.authorization not in (None, self.headers.get("Proxy-Authorization")):
                self.send_error(407)
            elif target is None:
                self.send_error(502)
            else:
                self.send_response(200)
                self.end_headers()
                splice(self.connection, socket.create_connection(target))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_address[1]
        serving = threading.Thread(target=server.serve_forever, name="proxy")
        serving.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            serving.join(20)


def splice(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes between two connections until one ends; both are closed then."""

    def copy(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=copy, args=(other, one), name="proxy connection")
    back.start()
    copy(one, other)
    back.join(20)
    one.close()
    other.close()
