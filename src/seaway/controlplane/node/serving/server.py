"""The node's HTTPS server: what of it a path means, and who answers.

Source: the paths of the kubelet's server (`containerLogs`, `exec`, `attach`, `portForward`, `pods`,
`metrics`, `healthz`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol

import orjson

from seaway.base.measures import CONTENT_TYPE, text
from seaway.base.tasks import cancel_all
from seaway.client.errors import Unreachable
from seaway.client.logs import LogOptions
from seaway.client.streams import ATTACH, EXEC, FORWARD, StreamRequest, upgrade_of
from seaway.client.totals import NodeTotals, node_measures
from seaway.controlplane.node.serving.access import Access
from seaway.controlplane.node.serving.logoptions import log_options
from seaway.controlplane.node.serving.request import (
    HEAD_LIMIT,
    HttpRequest,
    answer,
    read_request,
    send_chunks,
)
from seaway.controlplane.node.streaming.host import Host
from seaway.controlplane.node.streaming.link import StreamLink
from seaway.objects.errors import ApiError, BadRequest, MethodNotAllowed, NotFound

log = logging.getLogger(__name__)
Object = dict[str, Any]
_HEAD_SECONDS = 30.0
_STREAMS = {"exec": (EXEC, 3), "attach": (ATTACH, 3), "portForward": (FORWARD, 2)}
"""Paths of streams: what they ask for, and how many names follow where the pod's uid is not among them."""


class Served(Host, Protocol):
    """The node, as its server sees it."""

    def pods(self) -> list[Object]:
        """Return the pods of this node."""
        ...

    def find(self, namespace: str, name: str) -> Object:
        """Return a pod of this node. Raises NotFound."""
        ...

    async def totals(self) -> NodeTotals:
        """Return what the node has used and holds."""
        ...

    def container_logs(
        self, namespace: str, pod: str, uid: str, container: str, options: LogOptions
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open a container's log. Raises NotFound, BadRequest."""
        ...


class NodeServer:
    """Answers the cluster's API server, and whomever else that one lets in.

    Args:
        node: does what is asked.
        access: says who may ask.
    """

    def __init__(self, node: Served, access: Access) -> None:
        self._node, self._access = node, access
        self._connections: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def serve(self, listener: socket.socket, context: ssl.SSLContext) -> AsyncIterator[None]:
        """Serve on a bound socket until the block is left; connections end with it."""
        server = await asyncio.start_server(self._connected, sock=listener, ssl=context, limit=HEAD_LIMIT)
        try:
            yield
        finally:
            server.close()
            await cancel_all(self._connections)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio calls this in a task"
        self._connections.add(task)
        # A caller whose machine vanished says nothing: the system notices.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError, ssl.SSLError) as error:
            log.debug("a caller of the node's server left: %s", error)
        except Exception:
            log.exception("a request to the node's server failed")
        finally:
            self._connections.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError, TimeoutError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                request = await read_request(reader)
            if request is None:
                return
            await self._check(request, writer)
            await self._answer(request, reader, writer)
        except ApiError as error:
            writer.write(answer(error.code, error.message.encode()))
        except Unreachable as error:
            writer.write(answer(503, f"the cluster cannot be asked who may do this: {error}".encode()))
        await writer.drain()

    async def _check(self, request: HttpRequest, writer: asyncio.StreamWriter) -> None:
        tls = writer.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        await self._access.check(
            certificate, request.headers.get("authorization", ""), request.method, request.path
        )

    async def _answer(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first, *rest = request.path.strip("/").split("/")
        if first == "containerLogs" and len(rest) == 3:
            _only(request, "GET")
            await self._logs(request, rest, reader, writer)
        elif first == "healthz" and not rest:
            writer.write(answer(200, b"ok"))
        elif first == "metrics" and rest in ([], ["resource"]):
            _only(request, "GET")
            told = text(node_measures([await self._node.totals()]))
            writer.write(answer(200, told.encode(), CONTENT_TYPE))
        elif first == "pods" and not rest:
            _only(request, "GET")
            listed = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self._node.pods()}
            writer.write(answer(200, orjson.dumps(listed), "application/json"))
        elif first in _STREAMS and len(rest) in {_STREAMS[first][1], _STREAMS[first][1] + 1}:
            _only(request, "GET", "POST")
            asked = self._stream_request(_STREAMS[first][0], rest, request)
            upgrade = upgrade_of(request.headers, request.head)
            from seaway.controlplane.node.streaming.serve import serve_stream  # late: its protocols take 1 MB

            await serve_stream(self._node, asked, upgrade, StreamLink(reader, writer))
        else:
            raise NotFound(f"404 page not found: the node does not serve {request.path}")

    def _stream_request(self, kind: str, names: list[str], request: HttpRequest) -> StreamRequest:
        """Return what is asked for. Raises NotFound, BadRequest."""
        namespace, name, *more = names
        pod = self._node.find(namespace, name)
        uid = pod["metadata"]["uid"]
        container = "" if kind == FORWARD else more.pop()
        if more and more[0] != uid:
            raise NotFound(f'pod "{name}" is another one by now')
        ports = [port for text in request.query.get("port", ()) for port in text.split(",")]
        if not all(port.isdigit() and 0 < int(port) < 1 << 16 for port in ports):
            raise BadRequest(f"ports must be whole numbers from 1 to 65535, not {','.join(ports)}")
        return StreamRequest(
            kind, namespace, name, uid, container, tuple(request.query.get("command", ())),
            stdin=request.first("input") == "1", stdout=request.first("output") == "1",
            stderr=request.first("error") == "1", terminal=request.first("tty") == "1",
            ports=tuple(int(port) for port in ports),
        )  # fmt: skip

    async def _logs(
        self,
        request: HttpRequest,
        names: list[str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        namespace, name, container = names
        pod = self._node.find(namespace, name)
        options = log_options(request.query)
        opened = self._node.container_logs(namespace, name, pod["metadata"]["uid"], container, options)
        async with opened as chunks:
            await _until_gone(reader, send_chunks(writer, chunks))


async def _until_gone(reader: asyncio.StreamReader, sending: Any) -> None:
    """Send until it is done or the caller leaves: one who follows a quiet log would be kept for ever otherwise."""
    work, leaving = asyncio.ensure_future(sending), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        work.cancel()
        leaving.cancel()
        outcomes = await asyncio.gather(work, leaving, return_exceptions=True)
    if isinstance(outcomes[0], Exception):
        raise outcomes[0]


def _only(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        raise MethodNotAllowed(f"{request.path} takes {' or '.join(methods)}, not {request.method}")
