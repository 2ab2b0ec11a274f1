"""What is the matter with the nodes now, and what became of the runs on them: for `seaway status` and for messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import Clock, rfc3339
from seaway.model.run import Phase
from seaway.model.verdict import VerdictClass
from seaway.platform.database import attempts, revisions
from seaway.platform.database.database import Database
from seaway.platform.notifications.nodes import DELETED, Hit, Trouble, deleted, troubles

_REMEMBERED = 3600.0
"""Seconds for which it is said that a node was deleted."""
_MOST = 200
"""Runs that are named of one node."""
Object = dict[str, Any]


class Alerts:
    """Compares the nodes with the database; keeps nothing.

    Args:
        database: where the runs are, and which nodes were there.
        nodes: returns the nodes that may be seen.
        clock: where time comes from.
    """

    def __init__(self, database: Database, nodes: Callable[[], Iterable[Object]], clock: Clock) -> None:
        self._database, self._nodes, self._clock = database, nodes, clock

    async def current(self) -> list[tuple[Trouble, list[Hit]]]:
        """Return each trouble that lasts, with the runs that it hits or has hit.

        A node that was deleted is among them for an hour, where runs were on it: clusters that grow and shrink delete empty
        ones all the time.
        """
        lasting = [trouble for node in self._nodes() for trouble in troubles(node)]
        return await self._database.read(lambda connection: self._look(connection, lasting))

    def _look(self, connection: Connection, lasting: Sequence[Trouble]) -> list[tuple[Trouble, list[Hit]]]:
        found = [(trouble, hits(connection, trouble)) for trouble in lasting]
        for gone in revisions.gone_since(connection, "Node", self._clock.now() - _REMEMBERED):
            trouble = deleted(*gone)
            if concerned := hits(connection, trouble):
                found.append((trouble, concerned))
        return found

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


def hits(connection: Connection, trouble: Trouble) -> list[Hit]:
    """Return the tasks that a node's trouble concerns, or has concerned."""
    rows = attempts.on_node(connection, trouble.node, trouble.since, _MOST)
    return [
        Hit(row.run, row.user, row.task, row.number, row.message)
        for row in rows
        if (trouble.kind != DELETED or row.created <= trouble.since)
        and (not Phase(row.phase).ended or (row.verdict or {}).get("class") == VerdictClass.INFRASTRUCTURE)
    ]
