"""What a server says of itself to `seaway doctor`: facts, not judgements."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from seaway.base.clock import Clock, parse_rfc3339
from seaway.base.sqlite import DatabaseError
from seaway.client.client import Client
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database.database import Database
from seaway.platform.errors import Unavailable
from seaway.platform.notifications.nodes import troubles
from seaway.platform.workspaces.rights import ALL, Rights

_DATABASE_SECONDS = 10.0


class Health:
    """Looks when it is asked.

    Args:
        places: what lies where on this machine's disks, by name.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        view: ClusterView,
        clock: Clock,
        namespace: str,
        places: dict[str, Path],
    ) -> None:
        self._database, self._rights, self._view = database, Rights(client), view
        self._clock, self._namespace, self._places = clock, namespace, places

    async def facts(self) -> dict[str, Any]:
        """Return all of it."""
        database, missing, account, workspaces = await asyncio.gather(
            self._database_facts(), self._missing_rights(self._namespace), self._account(), self._workspaces()
        )
        return {
            "time": self._clock.now(),
            "database": database,
            "disks": [_disk(what, path) for what, path in self._places.items()],
            "namespace": self._namespace,
            "missing_rights": missing,
            "account": account,
            "workspaces": workspaces,
            "nodes": [_node(node) for node in self._view.all_nodes()],
            **self._view.status(),
        }

    async def _database_facts(self) -> dict[str, Any]:
        began, problem = self._clock.monotonic(), ""
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                await self._database.read(_ask)
                await self._database.write(_ask)
        except TimeoutError:
            problem = f"{self._database.title} has not answered for {_DATABASE_SECONDS:g} s"
        except DatabaseError as error:
            problem = str(error)
        return {
            "title": self._database.title,
            "seconds": self._clock.monotonic() - began,
            "problem": problem,
        }

    async def _missing_rights(self, namespace: str) -> list[str] | None:
        """Return what the server has to be allowed in a namespace and is not; None where the cluster does not say."""
        try:
            return await self._rights.missing(namespace, ALL)
        except Unavailable:
            return None

    async def _workspaces(self) -> list[dict[str, Any]]:
        """Return how it is with the workspaces beside the default one."""
        names = [name for name in self._view.namespaces if name != self._namespace]
        missing = await asyncio.gather(*(self._missing_rights(name) for name in names))
        return [
            {"name": name, "missing_rights": rights, "problem": self._view.problem_of(name)}
            for name, rights in zip(names, missing, strict=True)
        ]

    async def _account(self) -> str:
        """Return the name under which the cluster knows the server, "" where it does not say."""
        try:
            return await self._rights.account()
        except Unavailable:
            return ""


def places(home: Path, artifacts: str) -> dict[str, Path]:
    """Return what of a server lies on this machine's disks."""
    apart = Path(artifacts) if artifacts.startswith("/") else None
    return {"home": home} | ({"artifacts": apart} if apart else {})


def _ask(connection: Connection) -> int:
    return int(connection.execute(select(1)).scalar_one())


def _disk(what: str, path: Path) -> dict[str, Any]:
    found = os.statvfs(path)
    return {
        "what": what,
        "free": found.f_bavail * found.f_frsize,
        "total": found.f_blocks * found.f_frsize,
        "inodes_free": found.f_favail,
        "inodes": found.f_files,
    }


def _node(node: dict[str, Any]) -> dict[str, Any]:
    beats = [
        parse_rfc3339(condition["lastHeartbeatTime"])
        for condition in (node.get("status") or {}).get("conditions") or ()
        if condition.get("lastHeartbeatTime")
    ]
    return {
        "name": node["metadata"]["name"],
        "troubles": [trouble.what for trouble in troubles(node)],
        "heartbeat": max(beats, default=None),
        "schedulable": not (node.get("spec") or {}).get("unschedulable"),
    }
