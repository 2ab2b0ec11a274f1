"""A gRPC server's health: real connections to a server that answers as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from seaway.controlplane.node.grpchealth import check, request

HEAD = [(":status", "200"), ("content-type", "application/grpc")]
SERVING, NOT_SERVING, UNKNOWN_SERVICE = b"\x08\x01", b"\x08\x02", b"\x08\x03"


@asynccontextmanager
async def answering(
    message: bytes | None, trailers: Sequence[tuple[str, str]], *, silent: bool = False
) -> AsyncIterator[tuple[int, dict[str, str], bytearray]]:
    """Serve calls; yields the port, the headers of the last call and its body."""
    headers: dict[str, str] = {}
    body = bytearray()
    handlers: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, RequestReceived):
                    headers.update({str(name): str(value) for name, value in event.headers or ()})
                elif isinstance(event, DataReceived):
                    body.extend(event.data or b"")
                elif isinstance(event, StreamEnded) and not silent:
                    if message is None:
                        connection.send_headers(1, [*HEAD, *trailers], end_stream=True)
                    else:
                        connection.send_headers(1, HEAD)
                        connection.send_data(1, b"\0" + len(message).to_bytes(4, "big") + message)
                        connection.send_headers(1, trailers, end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], headers, body
        await asyncio.gather(*(handler for handler in handlers if handler is not None))


OK = (("grpc-status", "0"),)


@pytest.mark.parametrize(
    ("message", "trailers", "said"),
    [
        pytest.param(SERVING, OK, "", id="serves"),
        pytest.param(
            NOT_SERVING, OK, 'service unhealthy (responded with "NOT_SERVING")', id="does not serve"
        ),
        pytest.param(
            UNKNOWN_SERVICE, OK, 'service unhealthy (responded with "SERVICE_UNKNOWN")', id="unknown service"
        ),
        pytest.param(b"", OK, 'service unhealthy (responded with "UNKNOWN")', id="says nothing"),
        pytest.param(
            None,
            (("grpc-status", "12"), ("grpc-message", "unknown service grpc%2Ehealth")),
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service grpc.health",
            id="no health service",
        ),
        pytest.param(
            None,
            (("grpc-status", "5"), ("grpc-message", "unknown")),
            "error: health rpc probe failed: rpc error: code = NotFound desc = unknown",
            id="an error",
        ),
    ],
)
async def test_check(message, trailers, said):
    async with answering(message, trailers) as (port, headers, body):
        assert await check("127.0.0.1", port, "", 30) == said
    assert headers[":path"] == "/grpc.health.v1.Health/Check"
    assert headers["content-type"] == "application/grpc"
    assert bytes(body) == b"\0\0\0\0\0"


async def test_what_does_not_answer_in_time():
    async with answering(SERVING, OK, silent=True) as (port, _, _):
        assert await check("127.0.0.1", port, "", 0.2) == "timeout: health rpc did not complete within 0.2s"


async def test_nobody_listens(unused_tcp_port):
    said = await check("127.0.0.1", unused_tcp_port, "", 5)
    assert said == (
        f'error: failed to connect service at "127.0.0.1:{unused_tcp_port}": '
        f"dial tcp 127.0.0.1:{unused_tcp_port}: connect: connection refused"
    )


async def test_what_is_no_grpc_server_at_all():
    answered = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        answered.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        said = await check("127.0.0.1", server.sockets[0].getsockname()[1], "", 5)
        await answered.wait()
    assert said.startswith(
        "error: health rpc probe failed: rpc error: code = Unavailable desc = error reading"
    )


def test_a_named_service_stands_in_the_request():
    assert request("a") == b"\0\0\0\0\x03\x0a\x01a"
    assert request("s" * 200)[5:8] == b"\x0a\xc8\x01"
