"""Ask a gRPC server for its health: one unary call over HTTP/2 without TLS, as the kubelet makes it.

Source: the gRPC Health Checking Protocol (grpc.health.v1.Health/Check) and gRPC over HTTP/2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

_PATH = "/grpc.health.v1.Health/Check"
_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_CODES = {1: "Canceled", 2: "Unknown", 3: "InvalidArgument", 4: "DeadlineExceeded", 5: "NotFound", 7: "PermissionDenied",
          8: "ResourceExhausted", 12: "Unimplemented", 13: "Internal", 14: "Unavailable", 16: "Unauthenticated"}  # fmt: skip
_UNAVAILABLE, _UNIMPLEMENTED = 14, 12
_CHUNK = 65536


@dataclass(slots=True)
class Reply:
    """What a server answered."""

    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    """Of the answer, trailers included."""
    fault: str = ""
    """Why there is no answer."""


async def check(host: str, port: int, service: str, timeout: float) -> str:
    """Ask for a service's health.

    Args:
        host: address of the server.
        port: its TCP port.
        service: its name; "" for the server as a whole.
        timeout: seconds.

    Returns:
        "" where it serves, else why it does not count as healthy, in the kubelet's words.
    """
    address = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return (
            f'timeout: failed to connect service "{address}" within {timeout:g}s: context deadline exceeded'
        )
    except OSError:
        reason = f"dial tcp {address}: connect: connection refused"
        return f'error: failed to connect service at "{address}": {reason}'
    try:
        async with asyncio.timeout(timeout):
            return verdict(await _ask(reader, writer, address, service))
    except TimeoutError:
        return f"timeout: health rpc did not complete within {timeout:g}s"
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, service: str
) -> Reply:
    connection = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    headers = {":method": "POST", ":scheme": "http", ":path": _PATH, ":authority": authority, "te": "trailers",
               "content-type": "application/grpc", "user-agent": "kube-probe/1.36"}  # fmt: skip
    connection.send_headers(1, list(headers.items()))
    connection.send_data(1, request(service), end_stream=True)
    reply = Reply()
    try:
        while True:
            writer.write(connection.data_to_send())
            data = await reader.read(_CHUNK)
            if not data:
                return Reply(fault="error reading from server: EOF")
            complete = [_take(connection, event, reply) for event in connection.receive_data(data)]
            if any(complete):
                return reply
    except (H2Error, OSError) as error:
        return Reply(fault=f"error reading server preface: {error}")


def _take(connection: H2Connection, event: Event, reply: Reply) -> bool:
    """Take an event into the reply; return whether that is complete."""
    if isinstance(event, (ResponseReceived, TrailersReceived)):
        reply.headers |= {str(name): str(value) for name, value in event.headers or ()}
    elif isinstance(event, DataReceived):
        reply.body += event.data or b""
        connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
    elif isinstance(event, (StreamReset, ConnectionTerminated)):
        reply.fault = reply.fault or "stream terminated by the server"
        return True
    return isinstance(event, StreamEnded)


def request(service: str) -> bytes:
    """Return a HealthCheckRequest in a gRPC frame: not compressed, with its length."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\0" + len(message).to_bytes(4, "big") + message


def verdict(reply: Reply) -> str:
    """Return "" for a server that serves, else why that does not count as healthy."""
    if reply.fault:
        return _failed(_UNAVAILABLE, reply.fault)
    code, words = _code(reply.headers), unquote(reply.headers.get("grpc-message", ""))
    if code == _UNIMPLEMENTED:
        return (
            f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {words}"
        )
    if code:
        return _failed(code, words)
    status = _STATUSES.get(_status(reply.body), "UNKNOWN")
    return "" if status == "SERVING" else f'service unhealthy (responded with "{status}")'


def _failed(code: int, words: str) -> str:
    name = _CODES.get(code, f"Code({code})")
    return f"error: health rpc probe failed: rpc error: code = {name} desc = {words}"


def _code(headers: Mapping[str, str]) -> int:
    said = headers.get("grpc-status", "")
    if said.isdigit():
        return int(said)
    return _UNIMPLEMENTED if headers.get(":status") == "404" else 2


def _status(body: bytes) -> int:
    """Return the field `status` of the HealthCheckResponse in a gRPC frame: its only one that is known."""
    message = body[5:]
    return message[1] if len(message) == 2 and message[0] == 0x08 else 0


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
