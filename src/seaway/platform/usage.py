"""How much room runs take, and the limit on a user's: warned of at 80 %, and at 100 % nothing new begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from seaway.model.usage import UsageView, WorkspaceUsageView
from seaway.platform.database import usage
from seaway.platform.database.database import Database
from seaway.platform.database.usage import Sum
from seaway.platform.errors import StorageFull

WARNED_AT = 0.8
"""Part of the limit from which on it is said."""
_KINDS = ("outputs", "checkpoints", "logs", "code")


class Usage:
    """The room that runs take.

    Args:
        database: knows their sizes.
        limit: most bytes of one user's runs; 0 for no limit.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._database, self.limit = database, limit

    async def of_all(self) -> Sequence[UsageView]:
        """Return what each user takes, who takes most first."""
        sums, runs = await self._database.read(partial(_measure, by=usage.USER))
        return views(sums, runs, self.limit)

    async def of_workspaces(self) -> Sequence[WorkspaceUsageView]:
        """Return what the runs in each workspace take, the one that takes most first."""
        sums, runs = await self._database.read(partial(_measure, by=usage.WORKSPACE))
        return workspace_views(sums, runs)

    async def check(self, user: str, more: int = 0) -> None:
        """Raise StorageFull where a user's runs take all that they may, or would with so many bytes more."""
        if not self.limit:
            return
        found = await self._database.read(partial(usage.sums, among=[user]))
        taken = sum(each.size for each in found)
        if taken >= self.limit:
            said = f"the runs of {user} take {shown(taken)}, and may take {shown(self.limit)}"
        elif taken + more > self.limit:
            said = f"the runs of {user} take {shown(taken)}, and may take {shown(self.limit)}: {shown(more)} more are too many"
        else:
            return
        remedy = "See `seaway usage`, then remove runs for good: `seaway rm --now RUN`."
        raise StorageFull(said, field="storage", remedy=remedy)


def _measure(connection: Connection, by: Any) -> tuple[list[Sum], dict[str, int]]:
    return usage.sums(connection, by), usage.runs_of(connection, by)


def views(sums: Iterable[Sum], runs: Mapping[str, int], limit: int) -> list[UsageView]:
    """Return what each user takes, who takes most first. Pure.

    Args:
        sums: what was measured.
        runs: how many runs each user has.
        limit: most bytes of one user's runs; 0 for no limit.
    """
    found = [
        UsageView(user=user, **room, limit=limit or None, warning=warning(room["total"], limit))
        for user, room in _rooms(sums, runs).items()
    ]
    return sorted(found, key=lambda view: (-view.total, view.user))


def workspace_views(sums: Iterable[Sum], runs: Mapping[str, int]) -> list[WorkspaceUsageView]:
    """Return what the runs in each workspace take, the one that takes most first. Pure."""
    found = [WorkspaceUsageView(workspace=name, **room) for name, room in _rooms(sums, runs).items()]
    return sorted(found, key=lambda view: (-view.total, view.workspace))


def _rooms(sums: Iterable[Sum], runs: Mapping[str, int]) -> dict[str, dict[str, int]]:
    sums = list(sums)
    found = {}
    for whose in {*runs, *(each.whose for each in sums)}:
        own = [each for each in sums if each.whose == whose]
        by_kind = {kind: sum(each.size for each in own if each.kind == kind) for kind in _KINDS}
        binned = sum(each.size for each in own if each.binned)
        found[whose] = {
            "runs": runs.get(whose, 0), **by_kind, "binned": binned, "total": sum(by_kind.values())
        }  # fmt: skip
    return found


def warning(total: int, limit: int) -> str:
    """Return what is to be said of somebody's room, "" for nothing. Pure."""
    if not limit or total < WARNED_AT * limit:
        return ""
    if total >= limit:
        return "full: no run is accepted until some are removed for good"
    return f"{100 * total // limit} % of {shown(limit)} are taken"


def shown(size: int) -> str:
    """Return a number of bytes for people."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} bytes"
