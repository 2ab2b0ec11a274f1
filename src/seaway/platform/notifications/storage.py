"""Tells people, and says in the logs of their runs, when these take 80 % of the room that they may, and all of it: once each time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.model.notification import Event
from seaway.model.run import Phase
from seaway.platform.database import notices, usage, workspaces
from seaway.platform.database.database import Database
from seaway.platform.database.usage import BYTES, Crossing
from seaway.platform.engine.engine import Engine
from seaway.platform.engine.happenings import Happening
from seaway.platform.growing import USER, Limited
from seaway.platform.history.logs import LogKey
from seaway.platform.history.narrator import Narrator
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.usage import Limits, Room, Usage, amount, warning

log = logging.getLogger(__name__)
LEVELS = (80, 100)
"""Percent of the limit that are told of."""
_BELOW = 5
"""So many percent below a level it is over: who wavers around it is not told again and again."""


class StorageWatch:
    """Looks, now and then, at the room that runs take: at what the database says, and in between at what is added.

    Args:
        database: where is written down what was told.
        usage_: measures.
        recipients: who wants to know.
        engine: knows which runs are under way.
        narrator: says it in their logs.
        clock: where time comes from.
        settings: how often.
    """

    def __init__(
        self,
        database: Database,
        usage_: Usage,
        recipients: Recipients,
        engine: Engine,
        narrator: Narrator,
        clock: Clock,
        settings: NotifySettings,
    ) -> None:
        self._database, self._usage, self._recipients = database, usage_, recipients
        self._engine, self._narrator = engine, narrator
        self._clock, self._settings = clock, settings
        self._rooms: Sequence[Room] = ()
        """What was taken at the last look."""
        self._measured = clock.monotonic()
        self._known: Mapping[Crossing, float] = {}
        """What was told by then, and holds."""

    async def run(self, ready: Callable[[], None]) -> None:
        """Look until cancelled."""
        ready()
        while True:
            try:
                await self.look()
            except DatabaseError as error:
                log.warning("what runs take cannot be looked at: %s", error)
            await self._until_due()

    async def _until_due(self) -> None:
        """Return when it is time to look, or what was added since may have crossed a level."""
        due = self._clock.monotonic() + self._settings.storage
        while (left := due - self._clock.monotonic()) > 0:
            await self._clock.sleep(min(left, self._settings.look))
            if self.has_crossed():
                return

    def has_crossed(self) -> bool:
        """Tell whether a level may have been crossed since the last look, or a limit was changed. Asks no database."""
        reached, _ = changes(self._now(), self._known)
        return bool(reached) or self._usage.growth.is_stale

    async def warnings(self) -> list[dict[str, str]]:
        """Return what is said of limits of which much is taken, for `seaway status`.

        Only then the database is asked, and not all the time: runs may have been removed since.
        """
        stale = self._clock.monotonic() - self._measured >= self._settings.look
        if stale and any(warning(room.taken, room.limit, room.measure) for room in self._now()):
            await self._measure()
        return [
            {"kind": room.kind, "name": room.whose, "warning": said}
            for room in self._now()
            if (said := warning(room.taken, room.limit, room.measure))
        ]

    def _now(self) -> list[Room]:
        return grown(self._rooms, self._usage.growth.added(), self._usage.limits)

    async def _measure(self) -> None:
        self._rooms = await self._usage.rooms()
        self._measured = self._clock.monotonic()

    async def look(self) -> None:
        """Look once, say and have told what is new, in the transaction that writes it down."""
        await self._measure()
        self._known = await self._database.read(usage.crossings)
        reached, over = changes(self._rooms, self._known)
        if not reached and not over:
            return
        now, found = self._clock.now(), {room.limited: room for room in self._rooms}
        highest = {_limited(one): one.percent for one in reached}  # both levels at once are one message
        told = self._recipients.address(
            [await self._happening(found[limited], percent, now) for limited, percent in highest.items()]
        )
        new = dict.fromkeys(reached, now)

        def work(connection: Connection) -> None:
            usage.change_crossings(connection, new, over)
            notices.add(connection, told)

        await self._database.write(work)
        self._known = {one: at for one, at in self._known.items() if one not in over} | new
        for limited, percent in highest.items():
            self._say(found[limited], percent)
        if told:
            self._recipients.wake()

    def _say(self, room: Room, percent: int) -> None:
        """Say it in the logs of the runs that are under way and take of that room."""
        text, at = sentence(room, percent), int(self._clock.now() * 1e9)
        for state in self._engine.states():
            if room.whose != (state.run.user if room.kind == USER else state.run.namespace):
                continue
            for attempt in state.attempts.values():
                if attempt.phase in (Phase.STARTING, Phase.RUNNING):
                    self._narrator.say(LogKey(state.run.uid, attempt.task, attempt.number), text, at)

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
    parts = {room.limited: 100 * room.taken / room.limit for room in rooms}
    reached = [
        crossing
        for limited, part in parts.items()
        for level in LEVELS
        if part >= level
        and (crossing := Crossing(limited.kind, limited.whose, level, limited.measure)) not in known
    ]
    over = [one for one in known if parts.get(_limited(one), 0.0) < one.percent - _BELOW]
    return reached, over


def _limited(crossing: Crossing) -> Limited:
    return Limited(crossing.kind, crossing.whose, crossing.measure)


def grown(rooms: Iterable[Room], added: Mapping[Limited, int], limits: Limits) -> list[Room]:
    """Return what is taken of each limit with what was added since. Pure.

    Args:
        rooms: what was measured.
        added: bytes and files since then.
        limits: those of whom nothing was measured.
    """
    left = {limited: more for limited, more in added.items() if more > 0}
    found = [room._replace(taken=room.taken + left.pop(room.limited, 0)) for room in rooms]
    new = [
        Room(kind, whose, more, limit, measure)
        for (kind, whose, measure), more in left.items()
        if (limit := limits[kind, measure])
    ]
    return found + new


def sentence(room: Room, percent: int) -> str:
    """Return what the logs of runs say that are under way. Pure."""
    whose = f"of {room.whose}" if room.kind == USER else f"in the workspace {room.whose}"
    taken, limit = (amount(number, room.measure) for number in (room.taken, room.limit))
    said = f"the runs {whose} take {taken} of the {limit} that they may"
    see = "seaway usage" if room.kind == USER else "seaway usage --workspaces"
    if percent < 100:
        return f"{said}: at 100 % no new run is accepted ({see})"
    return f"{said}: what goes on is kept, but no new run is accepted until some are removed for good ({see})"


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
    taken, limit = (amount(number, room.measure) for number in (room.taken, room.limit))
    taken = f"{taken} of {limit} ({100 * room.taken // room.limit} %)"
    what = "" if room.measure == BYTES else f"{room.measure}/"
    message = f"{room.whose}'s runs take {taken}" if mine else f"the runs in {name} take {taken}"
    if full:
        message += f": no run is accepted{'' if mine else ' in it'} until some are removed for good"
    return Happening(
        Event.STORAGE,
        f"storage/{what}{room.whose}/{percent}/{now:.3f}" if mine else f"storage/{what}workspace/{room.whose}/{percent}/{now:.3f}",
        f"the storage of {name} is full" if full else f"the storage of {name} fills up",
        f"{message}; see seaway usage{'' if mine else ' --workspaces'}",
        room.whose if mine else None,
        workspace=None if mine else room.whose,
        users=frozenset(concerned),
    )  # fmt: skip
