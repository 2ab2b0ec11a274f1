"""One of several servers put together: it stands by, and serves its users while it leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import ASGIApp

from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.platform.replica import Replica
from seaway.platform.server import Server
from seaway.platform.server_settings import ServerSettings
from seaway.portal.standby import ReplicaApp

_STOP_SECONDS = 20.0


@asynccontextmanager
async def run_replica(
    settings: ServerSettings, client: Client, make_app: Callable[[Server], ASGIApp]
) -> AsyncIterator[ReplicaApp]:
    """Run a replica until the block is left, which gives the leadership back; yields the application to serve.

    Args:
        settings: of the server, with its `leadership`.
        client: of the cluster.
        make_app: returns the application of a server that leads.

    Raises:
        seaway.base.tasks.ServiceFailed: another server may lead, or this one cannot go on: the cause says why, and the process
            has to end.
    """
    replica = Replica(settings, client)
    app = ReplicaApp(replica.problem)

    async def serve(server: Server) -> None:
        app.leading = make_app(server)
        try:
            await asyncio.Event().wait()
        finally:
            app.leading = None

    async def run(ready: Callable[[], None]) -> None:
        ready()
        await replica.run(serve)

    async with Services(_STOP_SECONDS) as services:
        await services.start("leadership", run)
        yield app
