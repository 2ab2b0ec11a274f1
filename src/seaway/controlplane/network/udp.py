"""Lead UDP datagrams to endpoints: each client has a socket of its own towards one, as long as it sends."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import Any, cast

from seaway.base.clock import Clock
from seaway.base.tasks import cancel_all
from seaway.controlplane.network.balance import Bind, Picker, Target
from seaway.controlplane.network.sockets import bound

log = logging.getLogger(__name__)
IDLE_SECONDS = 120.0
"""A client that neither sent nor got anything for so long is forgotten (Linux connection tracking: 120)."""
_MOST_CLIENTS = 4096
Address = tuple[Any, ...]


class _Answers(asyncio.DatagramProtocol):
    """The side of a client's endpoint: what comes from there goes back to the client."""

    def __init__(self, listener: UdpListener, client: Address) -> None:
        self._listener, self._client = listener, client
        self.transport: asyncio.DatagramTransport | None = None
        self.waiting: list[bytes] = []
        self.used = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        for data in self.waiting:
            self.transport.sendto(data)
        self.waiting.clear()

    def send(self, data: bytes, now: float) -> None:
        self.used = now
        if self.transport is None:
            self.waiting.append(data)
        else:
            self.transport.sendto(data)

    def datagram_received(self, data: bytes, _: Address) -> None:
        self.used = self._listener.answer(data, self._client)

    def error_received(self, error: Exception) -> None:
        log.debug("an endpoint of %s does not take datagrams: %s", self._listener.bind, error)
        self._listener.forget(self._client)


class UdpListener(asyncio.DatagramProtocol):
    """One UDP address of a service. `target` may be changed at any time: who is led elsewhere then starts anew."""

    def __init__(self, bind: Bind, target: Target, clock: Clock) -> None:
        self.bind, self.target = bind, target
        self._clock, self._picker = clock, Picker()
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[Address, tuple[_Answers, Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen. Raises OSError."""
        loop = asyncio.get_running_loop()
        datagrams = bound(socket.SOCK_DGRAM, self.bind.address, self.bind.port)
        await loop.create_datagram_endpoint(lambda: self, sock=datagrams)

    def close(self) -> None:
        """Take no more datagrams, forget all clients."""
        if self._transport is not None:
            self._transport.close()
        for client in list(self._clients):
            self.forget(client)

    async def stop(self) -> None:
        """Close what is open: this process ends."""
        self.close()
        await cancel_all(self._tasks)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, client: Address) -> None:
        """Hand a client's datagram to its endpoint."""
        now = self._clock.monotonic()
        known = self._clients.get(client)
        if known is None or known[1] not in self.target.endpoints:
            self.forget(client)
            self._forget_idle(now)
            endpoint = self._picker.order(self.target, client[0], now)[0]
            self._picker.led(self.target, client[0], endpoint, now)
            known = self._clients[client] = (_Answers(self, client), endpoint)
            task = asyncio.get_running_loop().create_task(self._connect(client, known[0], endpoint))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        known[0].send(data, now)

    def answer(self, data: bytes, client: Address) -> float:
        """Send an endpoint's datagram to the client; return now."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, client)
        return self._clock.monotonic()

    def forget(self, client: Address) -> None:
        """Close what a client has."""
        known = self._clients.pop(client, None)
        if known is not None and known[0].transport is not None:
            known[0].transport.close()

    def _forget_idle(self, now: float) -> None:
        idle = [client for client, (answers, _) in self._clients.items() if now - answers.used > IDLE_SECONDS]
        if not idle and len(self._clients) >= _MOST_CLIENTS:
            idle = [min(self._clients, key=lambda client: self._clients[client][0].used)]
        for client in idle:
            self.forget(client)

    async def _connect(self, client: Address, answers: _Answers, endpoint: Any) -> None:
        try:
            await asyncio.get_running_loop().create_datagram_endpoint(lambda: answers, remote_addr=endpoint)
        except OSError as error:
            log.debug("%s: %s: %s", self.bind, endpoint, error)
            self.forget(client)
            return
        if self._clients.get(client, (None,))[0] is not answers and answers.transport is not None:
            answers.transport.close()
