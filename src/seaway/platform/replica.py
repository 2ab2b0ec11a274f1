"""One of several servers, or the only one: it runs a server while it leads."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from seaway.client.client import Client
from seaway.platform.database.location import InvalidDatabaseUrl, PostgresLocation, locate
from seaway.platform.database.probe import Probe
from seaway.platform.leadership import Leadership
from seaway.platform.server import Server, run_server
from seaway.platform.server_settings import ServerSettings

Serve = Callable[[Server], Awaitable[None]]
"""Serves users and pods until it is cancelled."""


class Replica:
    """A server that waits to lead, and leads.

    Args:
        settings: of the server; `leadership` says who this one is.
        client: of the cluster.

    Raises:
        InvalidDatabaseUrl: the database is a file, which servers cannot share.
    """

    def __init__(self, settings: ServerSettings, client: Client) -> None:
        location = locate(settings.database, settings.home)
        if settings.leadership is None or not isinstance(location, PostgresLocation):
            raise InvalidDatabaseUrl(
                "database: several servers cannot share a SQLite file: "
                "give a PostgreSQL URL, or run one server without leader election"
            )
        self._settings = settings
        self._leadership = Leadership(settings.leadership, client, Probe(location))

    async def run(self, serve: Serve) -> None:
        """Wait for leadership, then run a server and `serve` it; never returns by itself.

        Raises:
            seaway.reconcile.leader.LeadershipLost: another server may lead now. The process has to end: what it knows is old.
            seaway.base.tasks.ServiceFailed: the server cannot go on, for example because it cannot reach its database.
        """

        async def lead() -> None:
            leadership = self._leadership
            async with run_server(self._settings, leadership.client) as server, leadership.marked():
                await serve(server)

        await self._leadership.run(lead)

    async def problem(self) -> str:
        """Return why this server could not take over now; "" where it could."""
        return await self._leadership.problem()


def lease_name(url: str) -> str:
    """Return the name of the Lease that all servers behind a URL compete for, and others in their namespace do not."""
    return f"seaway-server-{hashlib.sha256(url.encode()).hexdigest()[:10]}"
