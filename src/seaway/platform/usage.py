"""How much room runs take, and the limits on a user's and a workspace's: warned of at 80 %, at 100 % nothing new begins."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from seaway.model.usage import UsageView, WorkspaceUsageView
from seaway.platform.database import usage, workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.usage import Sum
from seaway.platform.errors import StorageFull
from seaway.platform.growing import USER, WORKSPACE, Growth, Written, stored
from seaway.platform.history.logs import LogKey

WARNED_AT = 0.8
"""Part of the limit from which on it is said."""
_KINDS = ("outputs", "checkpoints", "logs", "code")


class Room(NamedTuple):
    """What the runs of a user, or in a workspace, take of what they may."""

    kind: str
    """USER or WORKSPACE."""
    whose: str
    taken: int
    limit: int


class Usage:
    """The room that runs take.

    Args:
        database: knows their sizes, and the limits of single workspaces.
        limit: most bytes of one user's runs; 0 for no limit.
        workspace_limit: most bytes of the runs in a workspace of which nothing else was said; 0 for no limit.
        default: the workspace of runs that name none.
        growth: knows what the database does not.
    """

    def __init__(
        self, database: Database, limit: int, workspace_limit: int, default: str, growth: Growth
    ) -> None:
        self._database, self.limit, self.growth = database, limit, growth
        self.workspace_limit, self._default = workspace_limit, default

    async def of_all(self) -> Sequence[UsageView]:
        """Return what each user takes, who takes most first."""
        sums, runs = await self._measure(usage.USER)
        return views(sums, runs, self.limit)

    async def of_workspaces(self) -> Sequence[WorkspaceUsageView]:
        """Return what the runs in each workspace take, the one that takes most first."""
        sums, runs = await self._measure(usage.WORKSPACE)
        own = await self._database.read(workspaces.limits)
        return workspace_views(sums, runs, own, self.workspace_limit)

    async def rooms(self) -> list[Room]:
        """Return what is taken of each limit that there is; `growth` counts from then on."""
        logs = self.growth.measure()
        rooms, known = await self._database.read(partial(self._taken, logs=logs))
        self.growth.forget(known)
        return rooms

    async def check(self, user: str, workspace: str | None = None, more: int = 0) -> None:
        """Raise StorageFull where runs take all that they may, or would with so many bytes more.

        Args:
            user: whose runs.
            workspace: in which something is to begin as well; None for the default one.
            more: the bytes that are to come.
        """
        spaces, logs = [workspace or self._default], self.growth.logs()
        rooms, _ = await self._database.read(partial(self._taken, logs=logs, users=[user], spaces=spaces))
        for room in rooms:
            if said := refusal(room, more):
                raise StorageFull(said, field="storage", remedy=_remedy(room))

    async def _measure(self, by: Any) -> tuple[list[Sum], dict[str, int]]:
        logs = self.growth.logs()

        def measure(connection: Connection) -> tuple[list[Sum], dict[str, int]]:
            unknown = _unknown(logs, stored(connection, logs), by)
            return usage.sums(connection, by) + unknown, usage.runs_of(connection, by)

        return await self._database.read(measure)

    def _taken(
        self,
        connection: Connection,
        logs: Sequence[Written],
        users: Sequence[str] | None = None,
        spaces: Sequence[str] | None = None,
    ) -> tuple[list[Room], set[LogKey]]:
        """Return what is taken of the limits of some users and workspaces, of all of them without names; and which logs are known.

        Args:
            connection: to read from.
            logs: those whose sizes were not in the database.
            users: whose limits.
            spaces: the limits of which workspaces.
        """
        found, own, known = [], workspaces.limits(connection), stored(connection, logs)
        if self.limit:
            unknown = _unknown(logs, known, usage.USER)
            taken = _totals(usage.sums(connection, usage.USER, users) + unknown, users)
            found += [Room(USER, user, total, self.limit) for user, total in taken.items()]
        if self.workspace_limit or any(own.values()):
            unknown = _unknown(logs, known, usage.WORKSPACE)
            taken = _totals(usage.sums(connection, usage.WORKSPACE, spaces) + unknown, spaces)
            if spaces is None:  # one in which nothing is yet has its limit all the same
                taken = dict.fromkeys(own, 0) | taken
            for name, total in taken.items():
                if limit := own.get(name, self.workspace_limit):
                    found.append(Room(WORKSPACE, name, total, limit))
        return found, known


def _unknown(logs: Iterable[Written], known: Container[LogKey], by: Any) -> list[Sum]:
    """Return what logs take whose sizes are not in the database."""
    left = [each for each in logs if each.key not in known]
    return [Sum(each.user if by is usage.USER else each.workspace, "logs", False, each.size) for each in left]


def _totals(sums: Iterable[Sum], among: Sequence[str] | None) -> dict[str, int]:
    """Return how much each takes; of none but those of some names, where there are names."""
    found = dict.fromkeys(among or (), 0)
    for each in sums:
        if among is None or each.whose in found:
            found[each.whose] = found.get(each.whose, 0) + each.size
    return found


def refusal(room: Room, more: int) -> str:
    """Return why nothing new begins, or why so many bytes more are too many; "" where all is well. Pure."""
    whose = f"of {room.whose}" if room.kind == USER else f"in the workspace {room.whose}"
    said = f"the runs {whose} take {shown(room.taken)}, and may take {shown(room.limit)}"
    if room.taken >= room.limit:
        return said
    return f"{said}: {shown(more)} more are too many" if room.taken + more > room.limit else ""


def _remedy(room: Room) -> str:
    if room.kind == USER:
        return "See `seaway usage`, then remove runs for good: `seaway rm --now RUN`."
    return (
        f"See `seaway ps -a --workspace {room.whose}`, then remove runs for good: `seaway rm --now RUN`; "
        f"or an administrator gives it more: `seaway workspace set {room.whose} --storage-limit SIZE`."
    )


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


def workspace_views(
    sums: Iterable[Sum], runs: Mapping[str, int], own: Mapping[str, int], limit: int
) -> list[WorkspaceUsageView]:
    """Return what the runs in each workspace take, the one that takes most first. Pure.

    Args:
        sums: what was measured.
        runs: how many runs are in each.
        own: most bytes of the runs in single workspaces; 0 for no limit.
        limit: the same of the others.
    """
    found = [
        WorkspaceUsageView(
            workspace=name, **room, limit=(most := own.get(name, limit)) or None, warning=warning(room["total"], most)
        )
        for name, room in _rooms(sums, runs).items()
    ]  # fmt: skip
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
