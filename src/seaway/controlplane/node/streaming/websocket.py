"""WebSocket (RFC 6455) over an upgraded connection, and the channels that Kubernetes sends through one.

The protocol itself is the `websockets` package's, without its I/O.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Sequence

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from seaway.client.streams import Upgrade
from seaway.controlplane.node.streaming.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Received
from seaway.controlplane.node.streaming.link import LEAVE_SECONDS, Link

_quiet = logging.getLogger(f"{__name__}.protocol")
_quiet.setLevel(logging.WARNING)  # it tells of each connection otherwise
V5, V4, V4_BASE64 = "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
COMMAND_PROTOCOLS = (V5, V4, V4_BASE64)
_NUMBERS = {STDIN: 0, STDOUT: 1, STDERR: 2, ERROR: 3, RESIZE: 4}
_NAMES = {number: name for name, number in _NUMBERS.items()}
_CLOSE = 255
"""Channel of v5: its byte says which other one ends."""
_MOST = 32 << 20
"""Bytes of one message."""


class WebSocket:
    """One WebSocket, as the server."""

    def __init__(self, link: Link, protocol: ServerProtocol, subprotocol: str) -> None:
        self._link, self._protocol = link, protocol
        self.subprotocol = subprotocol
        """What both sides speak inside; empty where the caller named nothing."""
        self._messages: deque[bytes] = deque()
        self._partial = b""

    async def receive(self) -> bytes | None:
        """Return the next message; None when the other side is gone."""
        while not self._messages:
            if self._protocol.state is not State.OPEN:
                return None
            data = await self._link.read()
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    self._take(event)
            await self._flush()
            if not data and not self._messages:
                return None
        return self._messages.popleft()

    async def send(self, data: bytes, *, text: bool = False) -> None:
        """Send a message. Raises ConnectionError where the other side is gone."""
        if self._protocol.state is not State.OPEN:
            raise ConnectionResetError("the WebSocket is closed")
        if text:
            self._protocol.send_text(data)
        else:
            self._protocol.send_binary(data)
        await self._flush()

    async def close(self) -> None:
        """Say that it ends, and end it when the other side has heard. Nobody may be receiving."""
        try:
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
                await self._flush()
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._until_answered()
        except (ConnectionError, TimeoutError):
            pass  # gone already: nobody to tell
        finally:
            await self._link.close()

    async def _until_answered(self) -> None:
        while self._protocol.close_rcvd is None and (data := await self._link.read()):
            self._protocol.receive_data(data)
            self._protocol.events_received()

    def _take(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._partial += frame.data
            if len(self._partial) > _MOST:
                self._protocol.fail(1009, "the message is too long")
            elif frame.fin:
                self._messages.append(self._partial)
                self._partial = b""

    async def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data:
            await self._link.write(data)


async def accept(link: Link, upgrade: Upgrade, spoken: Sequence[str]) -> WebSocket | None:
    """Answer the request that opens a WebSocket.

    Args:
        link: the connection.
        upgrade: what the caller asked for.
        spoken: subprotocols that are spoken here, the best first; a caller that names none is let in too.

    Returns:
        None where the request was refused; the answer says why.
    """
    protocol = ServerProtocol(max_size=_MOST, logger=_quiet)
    # Subprotocols are chosen here: the name of the one that tunnels SPDY is not one that RFC 6455 allows.
    protocol.receive_data(_without_subprotocols(upgrade.head))
    request = next((event for event in protocol.events_received() if isinstance(event, Request)), None)
    chosen = next((name for name in spoken if name in upgrade.versions), "")
    if request is not None:
        response = protocol.accept(request)
        if upgrade.versions and not chosen and response.status_code == 101:
            offered = ", ".join(upgrade.versions)
            response = protocol.reject(403, f"of the subprotocols {offered} none is spoken here\n")
        if chosen and response.status_code == 101:
            response.headers["Sec-WebSocket-Protocol"] = chosen
        protocol.send_response(response)
    await link.write(b"".join(protocol.data_to_send()))
    if protocol.state is State.OPEN:
        return WebSocket(link, protocol, chosen)
    await link.close()
    return None


def _without_subprotocols(head: bytes) -> bytes:
    lines = head.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not line.lower().startswith(b"sec-websocket-protocol:"))


class WebSocketChannels:
    """A remote command's streams in a WebSocket: each message begins with the number of its channel."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._base64 = socket.subprotocol == V4_BASE64
        self._closes = socket.subprotocol == V5

    async def receive(self) -> Received | None:
        """Return what the caller sent next; None when it is gone."""
        while True:
            message = await self._socket.receive()
            if message is None:
                return None
            if not message:
                continue
            number, data = message[0], message[1:]
            if self._base64:
                number, data = number - ord("0"), base64.b64decode(data)
            if self._closes and number == _CLOSE and data[:1] == bytes([_NUMBERS[STDIN]]):
                return Received(STDIN, b"")
            name = _NAMES.get(number)
            if name in {STDIN, RESIZE} and data:
                return Received(name or "", data)

    async def send(self, stream: str, data: bytes) -> None:
        """Send output, or the status. Raises ConnectionError."""
        number = _NUMBERS[stream]
        if self._base64:
            await self._socket.send(str(number).encode() + base64.b64encode(data), text=True)
        else:
            await self._socket.send(bytes([number]) + data)

    async def close(self) -> None:
        """End all of it."""
        await self._socket.close()


class WebSocketLink:
    """Bytes in a WebSocket's messages: SPDY is tunnelled so."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def read(self) -> bytes:
        """Return what came next; nothing when the other side is gone."""
        while (message := await self._socket.receive()) is not None:
            if message:
                return message
        return b""

    async def write(self, data: bytes) -> None:
        """Send. Raises ConnectionError."""
        await self._socket.send(data)

    async def close(self) -> None:
        """End it."""
        await self._socket.close()
