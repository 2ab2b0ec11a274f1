"""Searching all logs: by the index where there is one, and by looking through what is not indexed (yet)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from sqlalchemy import Connection

from seaway.base.clock import rfc3339
from seaway.model.search import SearchHit, SearchResult
from seaway.platform.database import attempts, log_pieces, runs
from seaway.platform.database.database import Database
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.log_pieces import Place
from seaway.platform.database.records import RunRecord
from seaway.platform.errors import Invalid
from seaway.platform.history.indexing import pieces_of
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.words import Found, Query, find, looks_like_an_expression, parse_query

_PIECES, _MOST_PIECES, _TIMES = 50, 20_000, 8
"""Pieces that are asked for at first, at most, and how many times as many each time: to ask for a few costs as much as for many."""
_SCANNED = 256 * 1024 * 1024
"""Bytes that one search looks through: of what is not indexed, and again of what is."""
_SCANNED_LOGS = 500
_LONGEST_LINE = 4096
"""Characters of a line that are answered."""


class Searcher:
    """Finds lines; keeps nothing."""

    def __init__(self, database: Database, logs: LogStore, *, most: int = _SCANNED) -> None:
        self._database, self._logs, self._most = database, logs, most

    async def search(
        self, text: str, *, run: RunRecord | None, limit: int, context: int, since: float
    ) -> SearchResult:
        """Return the newest lines that hold all terms of a text, and lines around them.

        Raises:
            Invalid: there is nothing to look for.
        """
        query = parse_query(text)
        if not query.terms:
            raise Invalid("there is nothing to look for", field="words", remedy="Give one word or more.")
        hits: dict[tuple[ChunkOwner, int, str], tuple[ChunkOwner, Found]] = {}
        notes: list[str] = []
        uid = run.uid if run is not None else None
        async for owner, found in self._unindexed(query, uid, context, notes):
            hits[owner, found.nanoseconds, found.text] = owner, found
        async for piece_time, owner, line in self._indexed(query, uid, context, notes):
            if piece_time < since or (len(hits) >= limit and piece_time < _edge(hits, limit)):
                break
            if line is not None:
                hits[owner, line.nanoseconds, line.text] = owner, line
        ordered = sorted(hits.values(), key=lambda hit: hit[1].nanoseconds, reverse=True)
        ordered = [hit for hit in ordered if hit[1].nanoseconds / 1e9 >= since]
        shown = ordered[:limit]
        owners = [owner for owner, _ in shown]
        names = await self._database.read(lambda connection: log_pieces.names(connection, owners))
        told = tuple(_hit(owner, found, names.get(owner.run_uid, ("", ""))) for owner, found in shown)
        if not told and looks_like_an_expression(text):
            notes.append(_LITERALLY)
        return SearchResult(hits=told, more=len(ordered) > limit, notes=tuple(notes))

    async def _indexed(
        self, query: Query, run_uid: str | None, context: int, notes: list[str]
    ) -> AsyncIterator[tuple[float, ChunkOwner, Found | None]]:
        """Yield the lines of indexed pieces, the newest piece first; without a line where a piece has none."""
        before: int | None = None
        room, count = self._most, _PIECES
        while query.words:
            edge, limit = before, count
            found = await self._database.read(
                lambda connection, edge=edge, limit=limit: log_pieces.matching(  # type: ignore[misc]
                    connection, query.words, run_uid=run_uid, limit=limit, before=edge
                )
            )
            for id_, piece in found:
                before = id_
                yield piece.newest, piece.owner, None
                if (room := room - piece.size) < 0:
                    notes.append(_stopped(self._most, piece.newest))
                    return
                data = await self._bytes(piece.owner, piece.start, piece.size)
                for line in find(data, query, context):
                    yield piece.newest, piece.owner, line
            if len(found) < limit:
                return
            count = min(limit * _TIMES, _MOST_PIECES)

    async def _unindexed(
        self, query: Query, run_uid: str | None, context: int, notes: list[str]
    ) -> AsyncIterator[tuple[ChunkOwner, Found]]:
        """Yield the lines of what is not indexed: logs that are being written, and the rest of very long ones."""
        room = self._most
        for place in await self._places(query, run_uid):
            key = LogKey(*place.owner)
            async for _, data in pieces_of(self._logs, key, 1 << 62, max(0, place.indexed)):
                for line in find(data, query, context):
                    yield place.owner, line
                room -= len(data)
                if room <= 0:
                    notes.append(
                        f"of logs that are not indexed, only the newest {self._most >> 20} MiB were looked through: "
                        "name a run to look through all of its log"
                    )
                    return

    async def _places(self, query: Query, run_uid: str | None) -> list[Place]:
        """Return the logs to be looked through, newest first."""
        if not query.words:
            return await self._database.read(
                lambda connection: log_pieces.all_logs(connection, run_uid, _SCANNED_LOGS)
            )
        live = await self._database.read(lambda connection: _live(connection, run_uid))
        waiting = await self._database.read(
            lambda connection: log_pieces.to_index(connection, _SCANNED_LOGS, run_uid)
        )
        partly = await self._database.read(
            lambda connection: log_pieces.partly(connection, run_uid, _SCANNED_LOGS)
        )
        places = {place.owner: place for place in (*partly, *waiting, *live)}
        order = (*live, *waiting, *partly)
        return list({place.owner: places[place.owner] for place in order}.values())

    async def _bytes(self, owner: ChunkOwner, start: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = await self._logs.read(LogKey(*owner), start + len(data))
            if not chunk:
                break
            data += chunk
        return data[:size]


_LITERALLY = (
    "words are looked for as they are written: there are no regular expressions. For those: "
    "seaway logs RUN | grep -E EXPRESSION"
)


def _stopped(most: int, at: float) -> str:
    when = rfc3339(at)
    return (
        f"so far {most >> 20} MiB hold these words, but not in one line: what was written before {when} was not looked "
        "through. Name a run, or look for a rarer word"
    )


def _live(connection: Connection, run_uid: str | None) -> list[Place]:
    """Return the newest attempts of runs that have not ended."""
    found = []
    for run in runs.live(connection):
        if run_uid in (None, run.uid):
            for attempt in attempts.newest_of_run(connection, run.id):
                if not attempt.phase.ended:
                    owner = ChunkOwner(run.uid, attempt.task, attempt.number)
                    found.append(Place(owner, run.name, attempt.pod))
    return found


def _edge(hits: dict[tuple[ChunkOwner, int, str], tuple[ChunkOwner, Found]], limit: int) -> float:
    """Return the time of the last hit that is shown, in seconds since the epoch."""
    times = sorted((found.nanoseconds for _, found in hits.values()), reverse=True)
    return times[limit - 1] / 1e9


def _hit(owner: ChunkOwner, found: Found, names: tuple[str, str]) -> SearchHit:
    run, pod = names
    return SearchHit(
        time=datetime.fromtimestamp(found.nanoseconds / 1e9, UTC), run=run, task=owner.task, attempt=owner.attempt,
        pod=pod, line=found.text[:_LONGEST_LINE], before=tuple(text[:_LONGEST_LINE] for text in found.before),
        after=tuple(text[:_LONGEST_LINE] for text in found.after), own=found.own,
    )  # fmt: skip
