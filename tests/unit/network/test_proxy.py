"""What is said where an address cannot be opened, and connections that are led through."""

from __future__ import annotations

import asyncio
import errno

import pytest

from seaway.base.clock import SystemClock
from seaway.controlplane.network.balance import Bind, Endpoint, Target
from seaway.controlplane.network.proxy import why_not
from seaway.controlplane.network.tcp import TcpListener

BIND = Bind("TCP", "127.96.0.11", 80)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "denied"), "sysctl net.ipv4.ip_unprivileged_port_start=80"),
        (OSError(errno.EADDRINUSE, "in use"), "listen on its pod's own ($POD_IP)"),
        (OSError(errno.EADDRNOTAVAIL, "not here"), "sudo ifconfig lo0 alias 127.96.0.11"),
        (OSError(errno.EMFILE, "too many open files"), "cannot be opened: too many open files"),
    ],
)
def test_the_remedy_is_named(error: OSError, words: str) -> None:
    assert words in why_not(BIND, error)


async def listener(*endpoints: Endpoint) -> tuple[TcpListener, int]:
    made = TcpListener(Bind("TCP", "127.0.0.1", 0), Target("d/web", endpoints), SystemClock())
    await made.open()
    assert made._server is not None
    return made, made._server.sockets[0].getsockname()[1]


async def test_the_server_may_speak_first_and_each_side_may_end_on_its_own() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome ")
        writer.write(b"got " + await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made, port = await listener(Endpoint("127.0.0.1", server.sockets[0].getsockname()[1]))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.readexactly(8) == b"welcome "
    writer.write(b"x" * 1_000_000)
    writer.write_eof()
    assert await reader.read(-1) == b"got " + b"x" * 1_000_000
    writer.close()
    await made.stop()
    server.close()


async def test_an_endpoint_that_does_not_answer_is_passed_over_and_without_any_the_client_is_reset() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"here")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    closed = await asyncio.start_server(serve, "127.0.0.1", 0)
    dead = Endpoint("127.0.0.1", closed.sockets[0].getsockname()[1])
    closed.close()
    await closed.wait_closed()
    made, port = await listener(dead, Endpoint("127.0.0.1", server.sockets[0].getsockname()[1]))
    for _ in range(4):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b"here"
        writer.close()
    made.target = Target("d/web", (dead,))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    await made.stop()
    server.close()
