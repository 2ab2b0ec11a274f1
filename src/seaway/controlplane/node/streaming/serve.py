"""Serve one request for a stream: change the connection's protocol, then do what was asked."""

from __future__ import annotations

import asyncio
import logging

from seaway.base.tasks import cancel_all
from seaway.client.streams import FORWARD, SPDY, StreamRequest, Upgrade, check
from seaway.controlplane.node.streaming.channels import ERROR, RESIZE, STDERR, STDIN, STDOUT, Channels
from seaway.controlplane.node.streaming.command import Command, converse
from seaway.controlplane.node.streaming.forward import forward_channels, forward_spdy
from seaway.controlplane.node.streaming.host import Connect, Host
from seaway.controlplane.node.streaming.link import LEAVE_SECONDS, Link
from seaway.controlplane.node.streaming.spdy import SpdyConnection
from seaway.controlplane.node.streaming.spdychannels import gather_streams
from seaway.controlplane.node.streaming.websocket import (
    COMMAND_PROTOCOLS,
    V4,
    WebSocketChannels,
    WebSocketLink,
    accept,
)
from seaway.objects.errors import BadRequest

log = logging.getLogger(__name__)
SPDY_COMMAND = "v4.channel.k8s.io"
SPDY_FORWARD = "portforward.k8s.io"
TUNNEL = f"SPDY/3.1+{SPDY_FORWARD}"


async def serve_stream(host: Host, request: StreamRequest, upgrade: Upgrade, link: Link) -> None:
    """Serve a request to its end; the connection is closed then.

    Raises:
        ApiError: it was refused before the protocol changed: the caller of this answers.
    """
    check(request)
    if request.kind == FORWARD:
        await _forward(host.connector(request), request, upgrade, link)
        return
    wanted = _outputs(request)
    if upgrade.protocol == SPDY:
        _spoken(upgrade, SPDY_COMMAND)
        command = await host.start_command(request)
        await _converse_spdy(command, request, link)
        return
    command = await host.start_command(request)
    try:
        socket = await accept(link, upgrade, COMMAND_PROTOCOLS)
    except BaseException:
        command.close()
        raise
    if socket is None:
        command.close()
        return
    channels: Channels = WebSocketChannels(socket)
    await converse(command, channels, wanted)


def _outputs(request: StreamRequest) -> frozenset[str]:
    return frozenset(name for name, on in ((STDOUT, request.stdout), (STDERR, request.stderr)) if on)


def _spoken(upgrade: Upgrade, version: str) -> None:
    if version not in upgrade.versions:
        raise BadRequest(
            f"of the protocols {', '.join(upgrade.versions) or 'none'} only {version} is spoken here"
        )


async def _switch(link: Link, version: str) -> SpdyConnection:
    head = (
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        f"X-Stream-Protocol-Version: {version}\r\n\r\n"
    )
    await link.write(head.encode())
    return SpdyConnection(link)


async def _converse_spdy(command: Command, request: StreamRequest, link: Link) -> None:
    reading: asyncio.Task[None] | None = None
    try:
        connection = await _switch(link, SPDY_COMMAND)
        reading = asyncio.create_task(connection.run())
        wanted = _outputs(request) | {ERROR}
        wanted |= {STDIN} if request.stdin else set()
        wanted |= {RESIZE} if request.terminal else set()
        channels = await gather_streams(connection, wanted)
        if channels is None:
            await connection.until_gone(LEAVE_SECONDS)
            return
        await converse(command, channels, _outputs(request))
    except ConnectionError as error:
        log.debug("a caller left: %s", error)
    finally:
        command.close()  # also where this is cancelled before there is a conversation: the node goes
        try:
            if reading is not None:
                await cancel_all([reading])
        finally:
            await link.close()


async def _forward(connect: Connect, request: StreamRequest, upgrade: Upgrade, link: Link) -> None:
    if upgrade.protocol == SPDY:
        _spoken(upgrade, SPDY_FORWARD)
        await forward_spdy(await _switch(link, SPDY_FORWARD), connect)
        return
    tunnel = TUNNEL in upgrade.versions
    socket = await accept(link, upgrade, (TUNNEL,) if tunnel else (V4,))
    if socket is None:
        return
    if tunnel:
        await forward_spdy(SpdyConnection(WebSocketLink(socket)), connect)
    else:
        await forward_channels(socket, request.ports, connect)
