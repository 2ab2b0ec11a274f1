"""How much room runs take, and the limits on a user's and a workspace's: warned of at 80 %, at 100 % nothing new begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection

from seaway.model.usage import UsageView, WorkspaceUsageView
from seaway.platform.database import usage, workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.usage import BYTES, FILES, Sum
from seaway.platform.errors import StorageFull
from seaway.platform.growing import USER, WORKSPACE, Growth, Limited, Written, stored
from seaway.platform.history.logs import LogKey

WARNED_AT = 0.8
"""Part of the limit from which on it is said."""
_MEASURES = (BYTES, FILES)
_KINDS = ("outputs", "checkpoints", "logs", "code")


class Room(NamedTuple):
    """What the runs of a user, or in a workspace, take of what they may."""

    kind: str
    """USER or WORKSPACE."""
    whose: str
    taken: int
    limit: int
    measure: str = BYTES
    """BYTES or FILES."""

    @property
    def limited(self) -> Limited:
        """What has that limit."""
        return Limited(self.kind, self.whose, self.measure)


Limits = Mapping[tuple[str, str], int]
"""The most that any user's runs, or any workspace's, may take: by USER or WORKSPACE and BYTES or FILES; 0 for no limit."""


class Usage:
    """The room that runs take.

    Args:
        database: knows their sizes, and the limits of single workspaces.
        limits: of every user, and of every workspace of which nothing else was said.
        default: the workspace of runs that name none.
        growth: knows what the database does not.
    """

    def __init__(self, database: Database, limits: Limits, default: str, growth: Growth) -> None:
        self._database, self.limits, self.growth = database, limits, growth
        self._default = default

    async def of_all(self) -> Sequence[UsageView]:
        """Return what each user takes, who takes most first."""
        sums, runs = await self._measure(usage.USER)
        return views(sums, runs, self.limits)

    async def of_workspaces(self) -> Sequence[WorkspaceUsageView]:
        """Return what the runs in each workspace take, the one that takes most first."""
        sums, runs = await self._measure(usage.WORKSPACE)
        own = await self._database.read(workspaces.limits)
        return workspace_views(sums, runs, own, self.limits)

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
            if said := refusal(room, more if room.measure == BYTES else 0):
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
        found: list[Room] = []
        own, known = workspaces.limits(connection), stored(connection, logs)
        if any(self.limits[USER, measure] for measure in _MEASURES):
            sums = usage.sums(connection, usage.USER, users) + _unknown(logs, known, usage.USER)
            found += rooms_of(USER, _totals(sums, users), {}, self.limits)
        if any(own.values()) or any(self.limits[WORKSPACE, measure] for measure in _MEASURES):
            sums = usage.sums(connection, usage.WORKSPACE, spaces) + _unknown(logs, known, usage.WORKSPACE)
            taken = _totals(sums, spaces)
            if spaces is None:  # one in which nothing is yet has its limit all the same
                taken = {name: Counter[str]() for name, _ in own} | taken
            found += rooms_of(WORKSPACE, taken, own, self.limits)
        return found, known


def _unknown(logs: Iterable[Written], known: Container[LogKey], by: Any) -> list[Sum]:
    """Return what logs take whose sizes are not in the database."""
    left = [each for each in logs if each.key not in known]
    return [Sum(each.user if by is usage.USER else each.workspace, "logs", False, each.size) for each in left]


def _totals(sums: Iterable[Sum], among: Sequence[str] | None) -> dict[str, Counter[str]]:
    """Return how much each takes by measure; of none but those of some names, where there are names."""
    found: dict[str, Counter[str]] = {name: Counter() for name in among or ()}
    for each in sums:
        if among is None or each.whose in found:
            found.setdefault(each.whose, Counter()).update({BYTES: each.size, FILES: each.files})
    return found


def rooms_of(
    kind: str, taken: Mapping[str, Mapping[str, int]], own: Mapping[tuple[str, str], int], limits: Limits
) -> list[Room]:
    """Return what is taken of each limit that there is. Pure.

    Args:
        kind: USER or WORKSPACE.
        taken: by name and measure.
        own: limits of single ones, by name and measure; 0 for no limit.
        limits: those of the others.
    """
    return [
        Room(kind, name, found.get(measure, 0), limit, measure)
        for name, found in taken.items()
        for measure in _MEASURES
        if (limit := own.get((name, measure), limits[kind, measure]))
    ]


def refusal(room: Room, more: int) -> str:
    """Return why nothing new begins, or why so many bytes more are too many; "" where all is well. Pure."""
    whose = f"of {room.whose}" if room.kind == USER else f"in the workspace {room.whose}"
    taken, limit = (amount(number, room.measure) for number in (room.taken, room.limit))
    said = f"the runs {whose} take {taken}, and may take {limit}"
    if room.taken >= room.limit:
        return said
    return f"{said}: {amount(more, room.measure)} more are too many" if room.taken + more > room.limit else ""


def _remedy(room: Room) -> str:
    if room.kind == USER:
        return "See `seaway usage`, then remove runs for good: `seaway rm --now RUN`."
    option = "--storage-limit SIZE" if room.measure == BYTES else "--storage-files NUMBER"
    return (
        f"See `seaway ps -a --workspace {room.whose}`, then remove runs for good: `seaway rm --now RUN`; "
        f"or an administrator gives it more: `seaway workspace set {room.whose} {option}`."
    )


def views(sums: Iterable[Sum], runs: Mapping[str, int], limits: Limits) -> list[UsageView]:
    """Return what each user takes, who takes most first. Pure.

    Args:
        sums: what was measured.
        runs: how many runs each user has.
        limits: of every user.
    """
    most = (limits[USER, BYTES], limits[USER, FILES])
    found = [
        UsageView(user=user, **room, **_of_limits(room, *most)) for user, room in _rooms(sums, runs).items()
    ]
    return sorted(found, key=lambda view: (-view.total, view.user))


def workspace_views(
    sums: Iterable[Sum], runs: Mapping[str, int], own: Mapping[tuple[str, str], int], limits: Limits
) -> list[WorkspaceUsageView]:
    """Return what the runs in each workspace take, the one that takes most first. Pure.

    Args:
        sums: what was measured.
        runs: how many runs are in each.
        own: limits of single workspaces by name and measure; 0 for no limit.
        limits: those of the others.
    """
    found = []
    for name, room in _rooms(sums, runs).items():
        size, files = (own.get((name, measure), limits[WORKSPACE, measure]) for measure in _MEASURES)
        found.append(WorkspaceUsageView(workspace=name, **room, **_of_limits(room, size, files)))
    return sorted(found, key=lambda view: (-view.total, view.workspace))


def _of_limits(room: Mapping[str, int], size: int, files: int) -> dict[str, Any]:
    said = warnings(room["total"], size, room["files"], files)
    return {"limit": size or None, "files_limit": files or None, "warning": said}


def _rooms(sums: Iterable[Sum], runs: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    sums = list(sums)
    found: dict[str, dict[str, Any]] = {}
    for whose in {*runs, *(each.whose for each in sums)}:
        own = [each for each in sums if each.whose == whose]
        by_kind = {kind: sum(each.size for each in own if each.kind == kind) for kind in _KINDS}
        binned = sum(each.size for each in own if each.binned)
        found[whose] = {
            "runs": runs.get(whose, 0), **by_kind, "binned": binned, "total": sum(by_kind.values()),
            "files": sum(each.files for each in own),
        }  # fmt: skip
    return found


def warnings(total: int, limit: int, files: int, files_limit: int) -> str:
    """Return what is to be said of somebody's bytes and files, "" for nothing. Pure."""
    found = (warning(total, limit), warning(files, files_limit, FILES))
    return "; ".join(said for said in found if said)


def warning(total: int, limit: int, measure: str = BYTES) -> str:
    """Return what is to be said of somebody's room, "" for nothing. Pure."""
    if not limit or total < WARNED_AT * limit:
        return ""
    if total >= limit:
        full = "full" if measure == BYTES else f"full, with {amount(total, measure)}"
        return f"{full}: no run is accepted until some are removed for good"
    return f"{100 * total // limit} % of {amount(limit, measure)} are taken"


def amount(number: int, measure: str) -> str:
    """Return a number of bytes or files for people."""
    return shown(number) if measure == BYTES else f"{number:,} file{'s' * (number != 1)}"


def shown(size: int) -> str:
    """Return a number of bytes for people."""
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} bytes"
