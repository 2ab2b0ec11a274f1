"""Lead TCP connections to endpoints: bytes go from one transport to the other, with back pressure and half-closing."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from typing import cast

from seaway.base.clock import Clock
from seaway.base.tasks import cancel_all
from seaway.controlplane.network.balance import Bind, Endpoint, Picker, Target
from seaway.controlplane.network.sockets import bound

log = logging.getLogger(__name__)
_CONNECT_SECONDS = 5.0
_BACKLOG = 1024
_RESET_AT_ONCE = struct.pack("ii", 1, 0)


class Half(asyncio.Protocol):
    """One side of a connection that is led through; what it reads, the other side writes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None
        self.ended = False
        self.early: list[bytes] = []

    def join(self, other: Half) -> None:
        """Make the two sides of one connection of this and another."""
        self.other, other.other = other, self
        for one, across in ((self, other), (other, self)):
            if one.transport is None or across.transport is None:
                continue
            across.transport.writelines(one.early)
            if one.ended:
                across.transport.write_eof()
            one.early.clear()
            one.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand the bytes on; what comes before there is another side waits."""
        if self.other is None:
            self.early.append(data)
            assert self.transport is not None
            self.transport.pause_reading()
        elif self.other.transport is not None:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Hand the end on; the other direction stays open until it ends too."""
        self.ended = True
        other = self.other
        if other is None:
            return True
        if other.transport is None or other.ended:
            return False
        if other.transport.can_write_eof():
            other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """Read no more from the other side than this one takes."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """End the other side too, once all is written."""
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()
        self.transport = None


class _Accepted(Half):
    """A client's side: it waits until an endpoint answers."""

    def __init__(self, listener: TcpListener) -> None:
        super().__init__()
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._listener.lead(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._listener.open_now.discard(self)


class TcpListener:
    """One address of a service. `target` may be changed at any time; connections that are open stay where they are."""

    def __init__(self, bind: Bind, target: Target, clock: Clock) -> None:
        self.bind, self.target = bind, target
        self._clock, self._picker = clock, Picker()
        self._server: asyncio.Server | None = None
        self._leading: set[asyncio.Task[None]] = set()
        self.open_now: set[_Accepted] = set()

    async def open(self) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        listener = bound(socket.SOCK_STREAM, self.bind.address, self.bind.port)
        self._server = await loop.create_server(lambda: _Accepted(self), sock=listener, backlog=_BACKLOG)

    def close(self) -> None:
        """Take no more connections."""
        if self._server is not None:
            self._server.close()

    async def stop(self) -> None:
        """Break off what is open: this process ends."""
        self.close()
        await cancel_all(self._leading)
        for accepted in list(self.open_now):
            for half in (accepted, accepted.other):
                if half is not None and half.transport is not None:
                    half.transport.abort()

    def lead(self, accepted: _Accepted) -> None:
        """Lead a new connection to an endpoint."""
        self.open_now.add(accepted)
        task = asyncio.get_running_loop().create_task(self._lead(accepted))
        self._leading.add(task)
        task.add_done_callback(self._leading.discard)

    async def _lead(self, accepted: _Accepted) -> None:
        assert accepted.transport is not None
        peer = accepted.transport.get_extra_info("peername") or ("",)
        target = self.target
        for endpoint in self._picker.order(target, peer[0], self._clock.monotonic()):
            other = await self._connect(endpoint)
            if other is None:
                continue
            self._picker.led(target, peer[0], endpoint, self._clock.monotonic())
            self._join(accepted, other)
            return
        if accepted.transport is not None:
            reset(accepted.transport)

    async def _connect(self, endpoint: Endpoint) -> Half | None:
        """Return the endpoint's side, None where it does not answer."""
        other = Half()
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(lambda: other, *endpoint)
        except OSError as error:
            log.debug("%s: %s does not answer: %s", self.bind, endpoint, error)
            return None
        return other

    def _join(self, accepted: _Accepted, other: Half) -> None:
        accepted.join(other)
        if accepted.transport is None and other.transport is not None:  # the client left meanwhile
            other.transport.close()


def reset(transport: asyncio.Transport) -> None:
    """Break a connection off so that the other end learns that nothing was done with it."""
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_ONCE)
    transport.abort()
