"""A proxy before an API server that breaks what passes through it, as networks, balancers and busy servers do.

It speaks plain HTTP/1.1 to one client on 127.0.0.1, one request a connection, and answers chunked, so that what was cut
off can be told from what ended.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from seaway.client.connection import Connection
from seaway.client.credentials import Identity
from seaway.client.pool import ssl_context

_HOP = {"host", "connection", "transfer-encoding", "content-length", "keep-alive"}
FAULTS = ("busy", "unavailable", "expired", "reset", "lost", "silent", "cut")


@dataclass(slots=True)
class Faults:
    """How often each fault happens, from 0 to 1; the first that is drawn happens."""

    busy: float = 0.0
    """429 with Retry-After, the server has done nothing."""
    unavailable: float = 0.0
    """503 of a balancer, the server has done nothing."""
    expired: float = 0.0
    """A watch is answered with 410, half of them inside the stream."""
    reset: float = 0.0
    """The connection breaks before the server sees the request."""
    lost: float = 0.0
    """The server does what it was asked; the connection breaks before it can say so."""
    silent: float = 0.0
    """The request disappears, and nobody says anything."""
    cut: float = 0.0
    """A watch or a log breaks off in the middle."""
    away: bool = False
    """Nobody takes connections."""


@dataclass(slots=True)
class Request:
    """One request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    @property
    def is_watch(self) -> bool:
        """Whether a watch is opened."""
        return "watch=true" in self.target

    @property
    def is_stream(self) -> bool:
        """Whether the answer goes on for long."""
        return self.is_watch or "follow=true" in self.target


class FaultProxy:
    """Passes requests on, but for the faults that `faults` asks for, drawn from a seed."""

    def __init__(self, upstream: Connection, seed: int) -> None:
        self._upstream = upstream
        self._random = Random(seed)
        self._open: set[asyncio.Task[None]] = set()
        self.faults = Faults()
        self.happened: Counter[str] = Counter()
        """How often each fault happened, and how many requests got through ("passed")."""
        self.port = 0
        context = ssl_context(upstream, Identity(ca=upstream.ca))
        self._http = httpx.AsyncClient(verify=context, trust_env=False, timeout=httpx.Timeout(30, read=None))

    @property
    def connection(self) -> Connection:
        """Return how a client reaches the server through the proxy."""
        return Connection(f"http://127.0.0.1:{self.port}", token=self._upstream.token)

    def take_away(self) -> None:
        """Break all connections, and let nobody in."""
        self.faults.away = True
        for task in list(self._open):
            task.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if not self.faults.away and (request := await _read(reader)) is not None:
                await self._answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, httpx.TransportError):
            pass  # either side is gone: the client sees a connection that breaks
        except asyncio.CancelledError:
            pass  # by `take_away` or `close` alone; asyncio's streams complain of tasks that end cancelled
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """Release the connections to the server."""
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._http.aclose()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        fault = self._draw(request)
        self.happened[fault] += 1
        match fault:
            case "busy":
                await _say(writer, 429, {"message": "too many requests"}, "retry-after: 1\r\n")
            case "unavailable":
                await _say(writer, 503, {"message": "no healthy upstream"})
            case "reset":
                return
            case "silent":
                await asyncio.Event().wait()
            case "expired":
                await self._expire(writer)
            case _:
                await self._pass_on(request, writer, fault)

    def _draw(self, request: Request) -> str:
        for fault in FAULTS:
            fits = {"expired": request.is_watch, "cut": request.is_stream, "lost": not request.is_stream}
            if fits.get(fault, True) and self._random.random() < getattr(self.faults, fault):
                return fault
        return "passed"

    async def _expire(self, writer: asyncio.StreamWriter) -> None:
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410, "message": "too old resource version"}  # fmt: skip
        if self._random.random() < 0.5:
            await _say(writer, 410, status)
        else:
            await _say(writer, 200, {"type": "ERROR", "object": status})

    async def _pass_on(self, request: Request, writer: asyncio.StreamWriter, fault: str) -> None:
        headers = [header for header in request.headers if header[0].lower() not in _HOP]
        sent = self._http.build_request(
            request.method,
            self._upstream.server + request.target,
            headers=headers,
            content=request.body or None,
        )
        answer = await self._http.send(sent, stream=True)
        try:
            if fault == "lost":
                await answer.aread()
                return
            _begin(writer, answer)
            left = self._random.randrange(1, 20_000) if fault == "cut" else None
            async for chunk in answer.aiter_raw():
                if left is not None and len(chunk) >= left:
                    await _send(writer, chunk[:left])
                    return
                left = None if left is None else left - len(chunk)
                await _send(writer, chunk)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        finally:
            await answer.aclose()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, target, _ = line.decode().split(" ", 2)
    request = Request(method, target)
    while (line := await reader.readline()).strip():
        name, _, value = line.decode().partition(":")
        request.headers.append((name.strip(), value.strip()))
    length = next((int(value) for name, value in request.headers if name.lower() == "content-length"), 0)
    request.body = await reader.readexactly(length)
    return request


def _begin(writer: asyncio.StreamWriter, answer: httpx.Response) -> None:
    headers = [f"{k}: {v}\r\n" for k, v in answer.headers.items() if k.lower() not in _HOP]
    head = f"HTTP/1.1 {answer.status_code} -\r\n{''.join(headers)}"
    writer.write(f"{head}transfer-encoding: chunked\r\nconnection: close\r\n\r\n".encode())


async def _send(writer: asyncio.StreamWriter, chunk: bytes) -> None:
    if chunk:
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()


async def _say(writer: asyncio.StreamWriter, code: int, body: dict[str, Any], headers: str = "") -> None:
    data = json.dumps(body).encode() + b"\n"
    head = f"HTTP/1.1 {code} -\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n{headers}connection: close\r\n\r\n"
    writer.write(head.encode() + data)
    await writer.drain()
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def run_fault_proxy(upstream: Connection, seed: int) -> AsyncIterator[FaultProxy]:
    """Run a proxy before an API server until the block is left.

    Args:
        upstream: the API server, and the token with which it is called.
        seed: of what happens when; tell it where a test fails.
    """
    proxy = FaultProxy(upstream, seed)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()
