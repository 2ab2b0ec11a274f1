"""Forward TCP connections to a pod's ports.

Source: the protocol portforward.k8s.io over SPDY (a data and an error stream for each connection, joined by their
request's number), and its older form in the channels of a WebSocket.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from seaway.base.tasks import cancel_all
from seaway.controlplane.node.streaming.host import Connect
from seaway.controlplane.node.streaming.spdy import SpdyConnection, SpdyStream
from seaway.controlplane.node.streaming.websocket import WebSocket

log = logging.getLogger(__name__)
_CHUNK = 1 << 16


async def forward_spdy(connection: SpdyConnection, connect: Connect) -> None:
    """Serve connections until the caller is gone."""
    reading = asyncio.create_task(connection.run())
    work: set[asyncio.Task[None]] = set()
    waiting: dict[str, SpdyStream] = {}
    try:
        while (stream := await connection.accept()) is not None:
            key = stream.headers.get("requestid") or str(stream.number - stream.number % 4)
            other = waiting.pop(key, None)
            if other is None:
                waiting[key] = stream
                continue
            pair = {s.headers.get("streamtype", ""): s for s in (stream, other)}
            task = asyncio.create_task(_serve_pair(connection, pair, connect))
            work.add(task)
            task.add_done_callback(work.discard)
    finally:
        try:
            await cancel_all((*work, reading))
        finally:
            await connection.close()


async def _serve_pair(connection: SpdyConnection, pair: dict[str, SpdyStream], connect: Connect) -> None:
    """Serve one connection: what goes wrong is said on its error stream."""
    try:
        if pair.keys() != {"data", "error"}:
            for stream in pair.values():
                await stream.reset()
            return
        data, error = pair["data"], pair["error"]
        said = await _carry(data, data.headers.get("port", ""), connect)
        if said:
            await error.write(said.encode())
        await data.end()
        await error.end()
    except ConnectionError as gone:
        log.debug("a forwarded connection broke: %s", gone)
    finally:
        for stream in pair.values():
            connection.forget(stream)


async def _carry(stream: SpdyStream, port: str, connect: Connect) -> str:
    """Carry bytes both ways until the pod's side ends; return what went wrong, nothing otherwise."""
    if not port.isdigit() or not 0 < int(port) < 1 << 16:
        return f"{port!r} is no port"
    try:
        reader, writer = await connect(int(port))
    except OSError as error:
        return _refused(int(port), error)

    async def into() -> None:
        while data := await stream.read():
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    sending = asyncio.create_task(into())
    try:
        while data := await reader.read(_CHUNK):
            await stream.write(data)
    except OSError as error:
        return f"the connection to port {port} of the pod broke: {error}"
    finally:
        sending.cancel()
        writer.close()  # first: who is cancelled twice gets no further than the next line that waits
        await asyncio.gather(sending, return_exceptions=True)
        with suppress(OSError):
            await writer.wait_closed()
    return ""


def _refused(port: int, error: OSError) -> str:
    return f"nothing in the pod answers on port {port}, neither on its own address nor on 127.0.0.1: {error.strerror or error}"


async def forward_channels(socket: WebSocket, ports: Sequence[int], connect: Connect) -> None:
    """Serve one connection for each port, in the channels of a WebSocket: the older form, which the Python client speaks.

    It ends with the last of these connections, as with the kubelet: these channels have no other end of a stream.
    """
    tasks: list[asyncio.Task[None]] = []
    inputs: dict[int, asyncio.Queue[bytes]] = {}
    try:
        for at, port in enumerate(ports):
            number = struct.pack("<H", port)
            for channel in (2 * at, 2 * at + 1):
                await socket.send(bytes([channel]) + number)
            inputs[2 * at] = asyncio.Queue(64)
            carrying = asyncio.create_task(_carry_channel(socket, 2 * at, (port, connect), inputs[2 * at]))
            carrying.add_done_callback(partial(_forget, inputs, 2 * at))
            tasks.append(carrying)
        taking = asyncio.create_task(_take_messages(socket, inputs))
        ending = asyncio.create_task(_end_of(tuple(tasks)))
        tasks += [taking, ending]
        await asyncio.wait({taking, ending}, return_when=asyncio.FIRST_COMPLETED)
    except ConnectionError as error:
        log.debug("a caller that forwards ports left: %s", error)
    finally:
        try:
            await cancel_all(tasks)
        finally:
            await socket.close()


def _forget(inputs: dict[int, asyncio.Queue[bytes]], channel: int, _: asyncio.Task[None]) -> None:
    del inputs[channel]


async def _take_messages(socket: WebSocket, inputs: dict[int, asyncio.Queue[bytes]]) -> None:
    while (message := await socket.receive()) is not None:
        if message and message[0] in inputs:
            await inputs[message[0]].put(message[1:])


async def _end_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks)  # gather would cancel them where this is cancelled, a second time


async def _carry_channel(
    socket: WebSocket, channel: int, to: tuple[int, Connect], incoming: asyncio.Queue[bytes]
) -> None:
    port, connect = to
    try:
        reader, writer = await connect(port)
    except OSError as error:
        await socket.send(bytes([channel + 1]) + _refused(port, error).encode())
        return

    async def into() -> None:
        while True:
            writer.write(await incoming.get())
            await writer.drain()

    sending = asyncio.create_task(into())
    try:
        while data := await reader.read(_CHUNK):
            await socket.send(bytes([channel]) + data)
    except OSError as error:
        await socket.send(bytes([channel + 1]) + f"the connection to port {port} broke: {error}".encode())
    finally:
        sending.cancel()
        writer.close()  # first: who is cancelled twice gets no further than the next line that waits
        await asyncio.gather(sending, return_exceptions=True)
