"""Tells people when runs, a user's or a workspace's, take 80 % of the room that they may, and all of it: once each time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.model.notification import Event
from seaway.platform.database import notices, usage, workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.usage import Crossing
from seaway.platform.engine.happenings import Happening
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.usage import USER, Room, Usage, shown

log = logging.getLogger(__name__)
LEVELS = (80, 100)
"""Percent of the limit that are told of."""
_BELOW = 5
"""So many percent below a level it is over: who wavers around it is not told again and again."""


class StorageWatch:
    """Looks, now and then, at the room that runs take.

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
        """Look until cancelled."""
        ready()
        while True:
            try:
                await self.look()
            except DatabaseError as error:
                log.warning("what runs take cannot be looked at: %s", error)
            await self._clock.sleep(self._every)

    async def look(self) -> None:
        """Look once, and have told what is new, in the transaction that writes it down."""
        rooms = await self._usage.rooms()
        known = await self._database.read(usage.crossings)
        reached, over = changes(rooms, known)
        if not reached and not over:
            return
        now, found = self._clock.now(), {(room.kind, room.whose): room for room in rooms}
        told = self._recipients.address(
            [await self._happening(found[one.kind, one.whose], one.percent, now) for one in reached]
        )
        new = dict.fromkeys(reached, now)

        def work(connection: Connection) -> None:
            usage.change_crossings(connection, new, over)
            notices.add(connection, told)

        await self._database.write(work)
        if told:
            self._recipients.wake()

    async def _happening(self, room: Room, percent: int, now: float) -> Happening:
        if room.kind == USER:
            return happening(room, percent, now)
        concerned = await self._database.read(partial(workspaces.concerned, namespace=room.whose))
        return happening(room, percent, now, concerned)


def changes(rooms: Iterable[Room], known: Mapping[Crossing, float]) -> tuple[list[Crossing], list[Crossing]]:
    """Return which levels were reached since, and which do not hold any more. Pure.

    Args:
        rooms: what is taken of each limit.
        known: what was told and held at the last look.
    """
    parts = {(room.kind, room.whose): 100 * room.taken / room.limit for room in rooms}
    reached = [
        Crossing(*whose, level)
        for whose, part in parts.items()
        for level in LEVELS
        if part >= level and Crossing(*whose, level) not in known
    ]
    over = [one for one in known if parts.get((one.kind, one.whose), 0.0) < one.percent - _BELOW]
    return reached, over


def happening(room: Room, percent: int, now: float, concerned: Iterable[str] = ()) -> Happening:
    """Return what is told of a limit of which so many percent are taken. Pure.

    Args:
        room: what is taken of it.
        percent: one of LEVELS.
        now: when that was seen.
        concerned: of a workspace, who hears of it beside those who hear of everything in it.
    """
    mine, full = room.kind == USER, percent >= 100
    name = room.whose if mine else f"the workspace {room.whose}"
    taken = f"{shown(room.taken)} of {shown(room.limit)} ({100 * room.taken // room.limit} %)"
    message = f"{room.whose}'s runs take {taken}" if mine else f"the runs in {name} take {taken}"
    if full:
        message += f": no run is accepted{'' if mine else ' in it'} until some are removed for good"
    return Happening(
        Event.STORAGE,
        f"storage/{room.whose}/{percent}/{now:.3f}" if mine else f"storage/workspace/{room.whose}/{percent}/{now:.3f}",
        f"the storage of {name} is full" if full else f"the storage of {name} fills up",
        f"{message}; see seaway usage{'' if mine else ' --workspaces'}",
        room.whose if mine else None,
        workspace=None if mine else room.whose,
        users=frozenset(concerned),
    )  # fmt: skip
