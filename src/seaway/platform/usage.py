"""How much room users' runs take, and the limit on it: warned of at 80 %, and at 100 % nothing new begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from seaway.model.usage import UsageView
from seaway.platform.database import usage
from seaway.platform.database.database import Database
from seaway.platform.database.usage import Sum
from seaway.platform.errors import StorageFull

WARNED_AT = 0.8
"""Part of the limit from which on it is said."""
_KINDS = ("outputs", "checkpoints", "logs")


class Usage:
    """The room that runs take.

    Args:
        database: knows their sizes.
        limit: most bytes of one user's runs; 0 for no limit.
    """

    def __init__(self, database: Database, limit: int) -> None:
        self._database, self._limit = database, limit

    async def of_all(self) -> Sequence[UsageView]:
        """Return what each user takes, who takes most first."""
        sums = await self._database.read(usage.sums)
        runs = await self._database.read(usage.runs_of)
        return views(sums, runs, self._limit)

    async def check(self, user: str) -> None:
        """Raise StorageFull where a user's runs take all that they may: nothing of a new one is begun then."""
        if not self._limit:
            return
        taken = sum(each.size for each in await self._database.read(partial(usage.sums, user=user)))
        if taken >= self._limit:
            raise StorageFull(
                f"the runs of {user} take {shown(taken)}, and may take {shown(self._limit)}",
                field="storage",
                remedy="See `seaway usage`, then remove runs for good: `seaway rm --now RUN`.",
            )


def views(sums: Iterable[Sum], runs: Mapping[str, int], limit: int) -> list[UsageView]:
    """Return what each user takes, who takes most first. Pure.

    Args:
        sums: what was measured.
        runs: how many runs each user has.
        limit: most bytes of one user's runs; 0 for no limit.
    """
    sums = list(sums)
    found = []
    for user in {*runs, *(each.user for each in sums)}:
        own = [each for each in sums if each.user == user]
        by_kind = {kind: sum(each.size for each in own if each.kind == kind) for kind in _KINDS}
        total = sum(by_kind.values())
        found.append(
            UsageView(
                user=user, runs=runs.get(user, 0), **by_kind, binned=sum(each.size for each in own if each.binned),
                total=total, limit=limit or None, warning=warning(total, limit),
            )
        )  # fmt: skip
    return sorted(found, key=lambda view: (-view.total, view.user))


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
