"""Tells people when their runs take 80 % of the room that they may, and when they take all of it: once each time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.model.notification import Event
from seaway.model.usage import UsageView
from seaway.platform.database import notices, usage
from seaway.platform.database.database import Database
from seaway.platform.database.usage import Crossing
from seaway.platform.engine.happenings import Happening
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.usage import Usage, shown

log = logging.getLogger(__name__)
LEVELS = (80, 100)
"""Percent of the limit that are told of."""
_BELOW = 5
"""So many percent below a level it is over: who wavers around it is not told again and again."""


class StorageWatch:
    """Looks, now and then, at the room that users' runs take.

    Args:
        database: where is written down what was told.
        usage_: measures.
        recipients: who wants to know.
        clock: where time comes from.
        every: seconds between two looks.
    """

    def __init__(
        self, database: Database, usage_: Usage, recipients: Recipients, clock: Clock, every: float
    ) -> None:
        self._database, self._usage, self._recipients = database, usage_, recipients
        self._clock, self._every = clock, every

    async def run(self, ready: Callable[[], None]) -> None:
        """Look until cancelled; for ever idle where there is no limit."""
        ready()
        while True:
            if self._usage.limit:
                try:
                    await self.look()
                except DatabaseError as error:
                    log.warning("what runs take cannot be looked at: %s", error)
            await self._clock.sleep(self._every)

    async def look(self) -> None:
        """Look once, and have told what is new, in the transaction that writes it down."""
        views = await self._usage.of_all()
        known = await self._database.read(usage.crossings)
        reached, over = changes(views, known)
        if not reached and not over:
            return
        now = self._clock.now()
        totals = {view.user: view for view in views}
        told = self._recipients.address([_happening(one, totals[one.user], now) for one in reached])
        new = dict.fromkeys(reached, now)

        def work(connection: Connection) -> None:
            usage.change_crossings(connection, new, over)
            notices.add(connection, told)

        await self._database.write(work)
        if told:
            self._recipients.wake()


def changes(
    views: Iterable[UsageView], known: Mapping[Crossing, float]
) -> tuple[list[Crossing], list[Crossing]]:
    """Return which levels were reached since, and which do not hold any more. Pure.

    Args:
        views: what each user takes.
        known: what was told and held at the last look.
    """
    parts = {view.user: 100 * view.total / view.limit for view in views if view.limit}
    reached = [
        Crossing(user, level)
        for user, part in parts.items()
        for level in LEVELS
        if part >= level and Crossing(user, level) not in known
    ]
    over = [one for one in known if parts.get(one.user, 0.0) < one.percent - _BELOW]
    return reached, over


def _happening(crossing: Crossing, view: UsageView, now: float) -> Happening:
    user, limit = crossing.user, view.limit or 0
    full = crossing.percent >= 100
    title = f"the storage of {user} is full" if full else f"the storage of {user} fills up"
    message = (
        f"{user}'s runs take {shown(view.total)} of {shown(limit)} ({100 * view.total // max(limit, 1)} %)"
        + (": no run is accepted until some are removed for good" if full else "")
    )
    key = f"storage/{user}/{crossing.percent}/{now:.3f}"
    return Happening(Event.STORAGE, key, title, f"{message}; see seaway usage", user)
