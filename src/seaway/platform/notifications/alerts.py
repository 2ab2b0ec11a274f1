"""What is the matter with the nodes now, and what became of the runs on them: for `seaway status` and for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import rfc3339
from seaway.model.run import Phase
from seaway.model.verdict import VerdictClass
from seaway.platform.database import attempts
from seaway.platform.database.database import Database
from seaway.platform.notifications.nodes import Hit, Trouble, troubles

_MOST = 200
"""Runs that are named of one node."""
Object = dict[str, Any]


class Alerts:
    """Compares the nodes with the database; keeps nothing.

    Args:
        database: where the runs are.
        nodes: returns the nodes that may be seen.
    """

    def __init__(self, database: Database, nodes: Callable[[], Iterable[Object]]) -> None:
        self._database, self._nodes = database, nodes

    async def current(self) -> list[tuple[Trouble, list[Hit]]]:
        """Return each trouble that lasts, with the runs that it hits or has hit."""
        found = [trouble for node in self._nodes() for trouble in troubles(node)]
        if not found:
            return []
        return await self._database.read(lambda c: [(trouble, _hits(c, trouble)) for trouble in found])

    async def shown(self) -> list[dict[str, Any]]:
        """Return the same for `seaway status`."""
        return [
            {
                "node": trouble.node,
                "what": trouble.what,
                "since": rfc3339(trouble.since),
                "runs": [
                    {"run": hit.run, "task": hit.task, "attempt": hit.attempt, "now": hit.message}
                    for hit in hits
                ],
            }
            for trouble, hits in await self.current()
        ]


def _hits(connection: Connection, trouble: Trouble) -> list[Hit]:
    rows = attempts.on_node(connection, trouble.node, trouble.since, _MOST)
    return [
        Hit(row.run, row.user, row.task, row.number, row.message)
        for row in rows
        if not Phase(row.phase).ended or (row.verdict or {}).get("class") == VerdictClass.INFRASTRUCTURE
    ]
