"""Tells people, in time, of certificates that end and that nobody renews by itself: 30, 7 and 1 days before, and when it has happened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from seaway.base.clock import Clock
from seaway.base.measures import Gauge
from seaway.base.sqlite import DatabaseError
from seaway.model.notification import Event
from seaway.platform.database import notices
from seaway.platform.database.database import Database
from seaway.platform.engine.happenings import Happening
from seaway.platform.notifications.certificate_ends import end_of
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.settings import NotifySettings

log = logging.getLogger(__name__)
LEVELS = (0, 1, 7, 30)
"""Days before the end at which it is told; 0 when it has come."""
_SOON = 300.0
"""Seconds after which it is looked again where one could not be seen."""


@dataclass(frozen=True, slots=True)
class WatchedCertificate:
    """A certificate on which a server depends."""

    name: str
    """For people, such as "the REST API's certificate"."""
    source: Path | bytes | str
    """A file or a text (PEM; of several in one, as in a bundle of authorities, the last to end counts), or the URL of a server
    that shows it: https://HOST:PORT, or postgresql://HOST:PORT."""
    remedy: str
    """What renews it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """When a certificate ends."""

    certificate: WatchedCertificate
    at: datetime


def level_of(ends: datetime, now: datetime) -> int | None:
    """Return the nearest of the levels that is reached, None where none is. Pure."""
    return next((days for days in LEVELS if ends - now <= timedelta(days=days)), None)


def due(endings: Iterable[Ending], now: datetime, told: Mapping[str, int]) -> list[tuple[Ending, int]]:
    """Return which certificates are to be told of now, with their level; each level once. Pure.

    Args:
        endings: when each ends.
        now: with a time zone.
        told: the level that was told last of each end, by `key_of`.
    """
    found = []
    for ending in endings:
        level = level_of(ending.at, now)
        before = told.get(key_of(ending))
        if level is not None and (before is None or level < before):
            found.append((ending, level))
    return found


def key_of(ending: Ending) -> str:
    """Return what tells this end of a certificate from that of the one that takes its place."""
    return f"certificate/{ending.certificate.name}/{ending.at.timestamp():.0f}"


def sentence(ending: Ending, now: datetime) -> str:
    """Return what is said of it. Pure."""
    name, day, left = ending.certificate.name, f"{ending.at:%Y-%m-%d %H:%M} UTC", ending.at - now
    if left <= timedelta(0):
        return f"{name} has expired on {day}"
    count = max(1, round(left / timedelta(days=1)))
    return f"{name} expires in {count} day{'' if count == 1 else 's'}, on {day}"


def happening(ending: Ending, level: int, now: datetime) -> Happening:
    """Return what people are told of it. Pure."""
    name = ending.certificate.name
    title = f"{name} has expired" if level == 0 else f"{name} expires soon"
    return Happening(
        Event.CERTIFICATE, f"{key_of(ending)}/{level}", title, f"{sentence(ending, now)}. {ending.certificate.remedy}"
    )  # fmt: skip


class CertificateWatch:
    """Looks, now and then, at when certificates end.

    Args:
        watched: on which the server depends.
        database: where messages are stored.
        recipients: who wants to know.
        clock: where time comes from.
        settings: how often.
    """

    def __init__(
        self,
        watched: Sequence[WatchedCertificate],
        database: Database,
        recipients: Recipients,
        clock: Clock,
        settings: NotifySettings,
    ) -> None:
        self._watched, self._database, self._recipients = watched, database, recipients
        self._clock, self._settings = clock, settings
        self._endings: list[Ending] = []
        self._told: dict[str, int] = {}

    async def run(self, ready: Callable[[], None]) -> None:
        """Look until cancelled."""
        ready()
        while True:
            try:
                await self.look()
            except DatabaseError as error:
                log.warning("what is told of certificates cannot be stored: %s", error)
            unseen = len(self._endings) < len(self._watched)  # a server may not answer yet at its own start
            await self._clock.sleep(
                min(_SOON, self._settings.certificates) if unseen else self._settings.certificates
            )

    async def look(self) -> None:
        """Look once, say and have told what is new."""
        self._endings = [
            Ending(one, at)
            for one in self._watched
            if (at := await asyncio.to_thread(end_of, one.name, one.source)) is not None
        ]
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        found = due(self._endings, now, self._told)
        if not found:
            return
        told = self._recipients.address([happening(ending, level, now) for ending, level in found])
        await self._database.write(lambda connection: notices.add(connection, told))
        for ending, level in found:
            log.warning("%s. %s", sentence(ending, now), ending.certificate.remedy)
            self._told[key_of(ending)] = level
        if told:
            self._recipients.wake()

    def measure(self) -> Gauge:
        """Return how long each certificate is still good, as far as that was seen."""
        gauge = Gauge(
            "seaway_certificate_expiry_seconds", "Seconds until a certificate ends, less than 0 after it.", ("certificate",)
        )  # fmt: skip
        for ending in self._endings:
            gauge.put(ending.certificate.name, value=ending.at.timestamp() - self._clock.now())
        return gauge
