"""Stored logs as packed chunks in the database, so that a server keeps nothing of its own.

What was appended lies in memory until the next flush, which stores what all logs have gained in one transaction. A server
that is killed before loses nothing that its successor cannot read from the pod again. Readers see what is stored, so that
they can go on with the successor where they were; they get it from memory, where the end of each open log stays.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from seaway.base.clock import Clock
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.platform.database import log_chunks
from seaway.platform.database.database import Database
from seaway.platform.database.log_chunks import Chunk, ChunkOwner
from seaway.platform.history import lines, packing
from seaway.platform.history.logs import CHUNK, LONGEST_TAIL, TAIL, AttemptLog, LogKey
from seaway.platform.history.signal import Signal

log = logging.getLogger(__name__)
_BACKOFF = Backoff(0.2, 2.0, 5.0)
_PACK_IN_THREAD = 256 * 1024


@dataclass(frozen=True, slots=True)
class DatabaseLogSettings:
    """How logs are kept in the database."""

    limit: int = 256 * 1024 * 1024
    """Most bytes of one attempt's log."""
    flush_seconds: float = 0.1
    """Between two flushes while logs grow; readers see no line before."""
    waiting: int = 1024 * 1024
    """Most bytes of one log that wait for a flush; who appends has to wait then."""
    closing_seconds: float = 5.0
    """How long the last flush may take when the server ends."""


class DatabaseLog(AttemptLog):
    """One attempt's log while it is written."""

    def __init__(
        self, store: DatabaseLogStore, key: LogKey, settings: DatabaseLogSettings, *, new: bool
    ) -> None:
        super().__init__(settings.limit)
        self._store, self._settings = store, settings
        self.owner = ChunkOwner(*key)
        self.stored = packing.Stored()
        self.closing = False
        self.readable = 0
        """Bytes that are stored, in whatever chunks."""
        self.flushed = Signal()
        self._kept = bytearray()
        self._loaded = new
        self._loading: asyncio.Task[None] | None = None
        if not new:
            self._loading = asyncio.create_task(self._load(), name=f"log {key}")

    @property
    def kept_from(self) -> int:
        """Return the position from which on the log lies in memory."""
        return self.size - len(self._kept)

    @property
    def is_behind(self) -> bool:
        """Return whether there is something to store."""
        return self._loaded and (self.size > self.stored.end or (self.closing and self.stored.rows > 1))

    async def ready(self) -> None:
        """Return when it is known what is stored already; waits for the database."""
        if self._loading is not None and not self._loaded:
            await asyncio.shield(self._loading)

    async def resume_point(self) -> lines.Point:
        """Return how far the container's log is stored."""
        await self.ready()
        length, data = TAIL, bytes(self._kept)
        while data.count(b"\n") < 2 and len(data) < self.size:
            length *= 4
            data = await self._store.last_bytes(self, length)
        return lines.resume_point(data)

    def between(self, begin: int, end: int) -> bytes:
        """Return bytes that lie in memory."""
        return bytes(self._kept[begin - self.kept_from : end - self.kept_from])

    def keep(self, stored: packing.Stored) -> None:
        """Take note of what is stored, and forget what is not needed in memory any more."""
        self.stored = stored
        self.readable = max(self.readable, stored.end)
        self.changed.notify()
        needless = min(stored.loose, self.size - TAIL) - self.kept_from
        if needless > TAIL:
            del self._kept[:needless]
        self.flushed.notify()

    def store_again(self) -> None:
        """Have the next flush put the loose end of the log in place of whatever is there."""
        self.stored = packing.Stored(self.stored.end, self.stored.loose, packing.ROWS)

    async def abandon(self) -> None:
        """Stop looking for what is stored."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.wait([self._loading])

    async def _room(self) -> None:
        while self.size - self.stored.end > self._settings.waiting:
            await asyncio.wait([self.flushed.next()])

    def _write(self, data: bytes) -> None:
        if self._loaded:
            super()._write(data)

    def _put(self, data: bytes) -> None:
        self._kept += data
        self.size += len(data)
        self._store.wake()

    async def _load(self) -> None:
        length = TAIL
        while True:
            chunks = await self._store.load(self.owner, length)
            data = b"".join(packing.unpack(chunk.codec, chunk.data) for chunk in chunks)
            begin = chunks[0].start if chunks else 0
            if begin == 0 or data.count(b"\n") > 1:
                break
            length *= 4  # a line longer than that: its beginning is looked for
        whole = data[: data.rfind(b"\n") + 1]  # an unfinished line will come again
        self._kept = bytearray(whole)
        self.size = self.readable = begin + len(whole)
        if chunks:
            # what this server writes next takes the place of these chunks' end
            self.stored = packing.Stored(min(self.size, begin + len(data)), begin, len(chunks))
            if len(whole) < len(data):
                self.stored = packing.Stored(begin, begin, packing.ROWS)
        self.truncated = self.size >= self._limit
        self._loaded = True
        self._write(b"")
        if self.is_behind:
            self._store.wake()


class DatabaseLogStore:
    """Logs in the database."""

    def __init__(self, database: Database, clock: Clock, settings: DatabaseLogSettings | None = None) -> None:
        self._database, self._clock = database, clock
        self._settings = settings or DatabaseLogSettings()
        self._open: dict[LogKey, DatabaseLog] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()
        self._refused: Exception | None = None
        self._ending = False

    def writer(self, key: LogKey, *, new: bool = False) -> DatabaseLog:
        """Return an attempt's log for writing, opened where it is not."""
        found = self._open.get(key)
        if found is None:
            found = self._open[key] = DatabaseLog(self, key, self._settings, new=new)
        return found

    def being_written(self, key: LogKey) -> DatabaseLog | None:
        """Return an attempt's log if it is open for writing."""
        return self._open.get(key)

    async def read(self, key: LogKey, position: int) -> bytes:
        """Return some bytes from a position on."""
        written = self._open.get(key)
        if written is not None:
            await written.ready()
            if position >= written.readable and written.is_behind:
                # a run may have ended a moment ago: whoever asks for its log now is to see the end of it
                flushed = written.flushed.next()
                self.wake()
                await asyncio.wait([flushed])
            if position >= written.kept_from:
                return written.between(position, min(written.readable, position + CHUNK))
        owner = ChunkOwner(*key)
        found = await self._database.read(lambda connection: log_chunks.at(connection, owner, position))
        if found is None:
            return b""
        return packing.unpack(found.codec, found.data)[position - found.start :]

    async def tail(self, key: LogKey, count: int) -> lines.Tail:
        """Return the program's last lines in an attempt's log."""
        length = TAIL
        while True:
            begin, data = await self._end(key, length)
            found = lines.tail(data.partition(b"\n")[2] if begin else data, count)
            if not begin or len(found.times) >= min(count, lines.FEW) or length >= LONGEST_TAIL:
                return found
            length *= 4

    async def _end(self, key: LogKey, length: int) -> tuple[int, bytes]:
        """Return at least the last bytes of a log, as many as there are, and where they begin."""
        written = self._open.get(key)
        if written is not None:
            await written.ready()
            if length <= TAIL:
                return written.kept_from, written.between(written.kept_from, written.size)
            data = await self.last_bytes(written, length)
            return written.size - len(data), data
        chunks = await self._database.read(
            lambda connection: log_chunks.last(connection, ChunkOwner(*key), length)
        )
        data = b"".join(packing.unpack(chunk.codec, chunk.data) for chunk in chunks)
        return (chunks[0].start if chunks else 0), data

    async def last_bytes(self, written: DatabaseLog, length: int) -> bytes:
        """Return at least the last bytes of an open log, as many as there are."""
        chunks = await self.load(written.owner, length)
        before = b"".join(packing.unpack(chunk.codec, chunk.data) for chunk in chunks)
        begin = chunks[0].start if chunks else 0
        return before[: max(0, written.kept_from - begin)] + written.between(written.kept_from, written.size)

    async def close(self, key: LogKey) -> None:
        """Say that nothing more will come; returns when the log is durable.

        Raises:
            DatabaseError: this server may not write any more.
        """
        written = self._open.get(key)
        if written is None:
            return
        await written.ready()
        if not written.closing:
            written.finish()
            written.closing = True
        self._hurry.set()
        while written.is_behind:
            if self._refused is not None:
                raise self._refused
            flushed = written.flushed.next()
            self.wake()
            await asyncio.wait([flushed])
        written.seal()
        if self._open.get(key) is written:
            del self._open[key]

    async def forget_run(self, run_uid: str) -> None:
        """Let go of the logs of a run that has ended: they lie in rows of the database."""
        for key in [key for key in self._open if key.run_uid == run_uid]:
            await self.close(key)

    async def size(self, key: LogKey) -> int:
        """Return how many bytes of a log are stored."""
        return await self._database.read(lambda connection: log_chunks.size(connection, ChunkOwner(*key)))

    async def remove(self, key: LogKey) -> None:
        """Remove a log that is closed."""
        await self._database.write(lambda connection: log_chunks.cut(connection, [(ChunkOwner(*key), 0)]))

    async def close_all(self) -> None:
        """Store what is left, as far as that can be done in time."""
        self._ending = True
        self._hurry.set()
        try:
            async with asyncio.timeout(self._settings.closing_seconds):
                while self._flushing is not None and not self._flushing.done():
                    await asyncio.wait([self._flushing])
        except TimeoutError:
            log.warning("the ends of logs were not stored: the next server reads them from the pods")
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.wait([self._flushing])
        for written in self._open.values():
            await written.abandon()
        self._open.clear()

    async def load(self, owner: ChunkOwner, length: int) -> Sequence[Chunk]:
        """Return the chunks with the last bytes of a log; asks until the database answers."""
        failures = 0
        while True:
            try:
                return await self._database.read(
                    lambda connection: log_chunks.last(connection, owner, length)
                )
            except DatabaseError as error:
                failures += 1
                log.warning("a log cannot be read now: %s", error)
                await self._clock.sleep(_BACKOFF.delay(failures))

    def wake(self) -> None:
        """Have what is new stored soon."""
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush_until_done(), name="log flush")

    async def _flush_until_done(self) -> None:
        failures = 0
        while True:
            await self._pause(_BACKOFF.delay(failures) if failures else self._settings.flush_seconds)
            behind = [written for written in self._open.values() if written.is_behind]
            if not behind:
                return
            try:
                await self._flush(behind)
                failures, self._refused = 0, None
            except (DatabaseError, SQLAlchemyError) as error:
                failures += 1
                log.error("logs cannot be stored, they are kept in memory until they can: %s", error)
                self._refused = error
                if isinstance(
                    error, IntegrityError
                ):  # somebody else wrote: what this server has takes its place
                    for written in behind:
                        written.store_again()
                for written in behind:
                    written.flushed.notify()
                if self._ending:
                    return

    async def _pause(self, seconds: float) -> None:
        """Wait for more to store, unless somebody waits for what there is."""
        hurry = asyncio.create_task(self._hurry.wait())
        pause = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait({hurry, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurry.cancel()
            pause.cancel()
        self._hurry.clear()

    async def _flush(self, behind: Sequence[DatabaseLog]) -> None:
        cuts: list[tuple[ChunkOwner, int]] = []
        raw: list[tuple[ChunkOwner, int, bytes]] = []
        after: list[tuple[DatabaseLog, packing.Stored]] = []
        for written in behind:
            step = packing.next_step(written.stored, written.size, closing=written.closing)
            if step.cut is not None:
                cuts.append((written.owner, step.cut))
            raw += [(written.owner, begin, written.between(begin, end)) for begin, end in step.pieces]
            after.append((written, step.after))
        if sum(len(data) for _, _, data in raw) > _PACK_IN_THREAD:
            chunks = await asyncio.to_thread(_pack_all, raw)
        else:
            chunks = _pack_all(raw)

        def work(connection: Connection) -> None:
            log_chunks.cut(connection, cuts)
            log_chunks.add(connection, chunks)

        await self._database.write(work)
        for written, stored in after:
            written.keep(stored)


def _pack_all(raw: Sequence[tuple[ChunkOwner, int, bytes]]) -> list[tuple[ChunkOwner, Chunk]]:
    return [(owner, Chunk(begin, len(data), *packing.pack(data))) for owner, begin, data in raw]
