"""Indexing the words of logs that are closed, in the background and a little at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.platform.database import attempts, log_pieces, log_records
from seaway.platform.database.database import Database
from seaway.platform.database.log_pieces import Piece, Place
from seaway.platform.database.records import LogRecord
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.signal import Signal
from seaway.platform.history.words import PIECE, newest_time, piece_words

log = logging.getLogger(__name__)
_LOGS, _PIECES, _TOGETHER = 50, 16, 10
"""Logs that are asked for, pieces that are stored, and ends of logs that are stored, at once."""
_SHORT = 4096
"""Bytes whose words are found in less time than another thread takes to begin."""
Step = Callable[[Connection], object]


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How much is indexed, and how fast."""

    most_of_one: int = 16 * 1024 * 1024
    """Bytes of one log; what comes after them is searched without the index."""
    most: int = 8 * 1024 * 1024 * 1024
    """Bytes of all logs; beyond that nothing is indexed until old logs are removed."""
    pause: float = 0.05
    """Seconds between two portions: others use the database too."""
    look_again: float = 15.0
    """Seconds after which is looked for logs that were closed since."""


class Indexer:
    """Indexes what is not indexed yet.

    Args:
        database: holds the index.
        logs: where the logs are.
        clock: where time comes from.
        signals: tell that a log may have been closed.
        settings: how much, and how fast.
    """

    def __init__(
        self,
        database: Database,
        logs: LogStore,
        clock: Clock,
        signals: Sequence[Signal],
        settings: IndexSettings | None = None,
    ) -> None:
        self._database, self._logs, self._clock, self._signals = database, logs, clock, signals
        self._settings = settings or IndexSettings()

    async def run(self, ready: Callable[[], None]) -> None:
        """Index until cancelled."""
        ready()
        while True:
            news = {asyncio.ensure_future(signal.next()) for signal in self._signals}
            try:
                while await self.index_some():
                    await self._clock.sleep(self._settings.pause)
            except DatabaseError as error:
                log.warning("logs are not indexed now: %s", error)
                await self._clock.sleep(self._settings.look_again)
                continue
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
            await self._clock.sleep(self._settings.look_again)

    async def index_some(self) -> int:
        """Index some logs; return how many."""
        found = await self._database.read(lambda connection: log_pieces.to_index(connection, _LOGS))
        full = await self._database.read(log_pieces.indexed_bytes) >= self._settings.most
        done, ends = 0, list[Step]()
        for place in found:
            if self._logs.being_written(LogKey(*place.owner)) is None:
                ends.append(await self._index(place, most=0 if full else self._settings.most_of_one))
                done += 1
            if len(ends) == _TOGETHER:
                await self._database.write(_all(ends))
                ends = []
        if ends:
            await self._database.write(_all(ends))
        return done

    async def _index(self, place: Place, *, most: int) -> Step:
        """Index a log but for its end; return what does that."""
        indexed, batch, first = 0, list[tuple[Piece, str]](), True
        async for start, data in pieces_of(self._logs, LogKey(*place.owner), most):
            words = piece_words(data) if len(data) <= _SHORT else await asyncio.to_thread(piece_words, data)
            piece = Piece(place.owner, start, len(data), newest_time(data) / 1e9 or place.finished or 0.0)
            batch.append((piece, words))
            indexed = start + len(data)
            if len(batch) == _PIECES:
                if not await self._database.write(_adding(place, batch, first=first)):
                    break
                batch, first = [], False
                await self._clock.sleep(self._settings.pause)
        # what is not cut off has been read to its end
        size = indexed if indexed < most else await self._logs.size(LogKey(*place.owner))
        closed = place.finished or self._clock.now()
        pod = "" if place.run else place.pod
        # a log without a byte counts as looked at
        log = LogRecord(
            *place.owner, closed, pod=pod, closed=closed, size=size, indexed=min(indexed, size) or -1
        )
        add = _adding(place, batch, first=first)

        def end(connection: Connection) -> None:
            if add(connection):
                log_records.close(connection, log)
                if place.run:
                    attempts.log_indexed(connection, place.owner)

        return end


def _all(steps: Sequence[Step]) -> Callable[[Connection], None]:
    """Return what does several steps."""

    def work(connection: Connection) -> None:
        for step in steps:
            step(connection)

    return work


def _adding(place: Place, batch: Sequence[tuple[Piece, str]], *, first: bool) -> Callable[[Connection], bool]:
    """Return what adds pieces, unless their log is gone since: then it answers False.

    Args:
        place: of the log.
        batch: its pieces.
        first: they are its first ones: an earlier process may have been stopped in the middle of this log.
    """

    def work(connection: Connection) -> bool:
        kept = log_pieces.is_kept(connection, place)
        if kept and first:
            log_pieces.forget(connection, place.owner)
        if kept:
            log_pieces.add(connection, batch)
        return kept

    return work


async def pieces_of(
    logs: LogStore, key: LogKey, most: int, start: int = 0
) -> AsyncIterator[tuple[int, bytes]]:
    """Yield a log in pieces of whole lines, each with where it begins.

    Args:
        logs: where it is.
        key: which.
        most: bytes; a piece that begins before is whole.
        start: where to begin: at the beginning of a line.
    """
    kept, position = b"", start
    while start < most:
        chunk = await logs.read(key, position)
        position += len(chunk)
        kept += chunk
        end = kept.rfind(b"\n") + 1 if chunk else len(kept)
        if (len(kept) >= PIECE and end) or not chunk:
            if end:
                yield start, kept[:end]
            start, kept = start + end, kept[end:]
        if not chunk:
            return
