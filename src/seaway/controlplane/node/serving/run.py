"""Run a node's server: its socket, its certificate, its rules."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.controlplane.node.serving.access import Access
from seaway.controlplane.node.serving.certificates import ServingCertificate, tls_context
from seaway.controlplane.node.serving.server import NodeServer, Served
from seaway.controlplane.node.settings import NodeSettings

log = logging.getLogger(__name__)
FOLDER = "serving"
"""Below the node's folder: keys and certificates of its server."""


@asynccontextmanager
async def run_server(
    node: Served, client: Client, settings: NodeSettings, address: str, clock: Clock
) -> AsyncIterator[int]:
    """Run the node's server until the block is left; yield its port.

    Raises:
        OSError: the port is taken, or a certificate cannot be read.
    """
    serving = settings.serving
    assert serving is not None, "only called where a server is wanted"
    context = tls_context(serving.client_ca)
    own = ServingCertificate(client, settings.folder / FOLDER, settings.name, address, clock)
    keeping: asyncio.Task[None] | None = None
    if serving.certificate is not None:
        context.load_cert_chain(serving.certificate, serving.key)
    else:
        own.load(context)
        keeping = asyncio.create_task(own.keep(context), name=f"serving certificate of {settings.name}")
    listener = socket.create_server((address, serving.port), backlog=256)
    server = NodeServer(node, Access(client, settings.name, clock))
    try:
        async with server.serve(listener, context):
            yield int(listener.getsockname()[1])
    finally:
        if keeping is not None:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
