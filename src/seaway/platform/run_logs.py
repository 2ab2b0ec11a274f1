"""A run's log, read from history: one attempt's, or all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.model.run import Phase
from seaway.platform.database import attempts, runs, sentences, tasks
from seaway.platform.database.database import Database
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.engine.engine import Engine
from seaway.platform.errors import NotFound
from seaway.platform.history.lines import Stripper, own_line
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.narrator import Narrator
from seaway.platform.history.reader import read_log

_AHEAD = 64
"""Chunks that wait for a slow reader before its sources do."""
_REMOVED = b"[seaway] this log is kept no more: it was too old, or the logs together too large (seaway status says the limits)\n"


@dataclass(frozen=True, slots=True)
class LogRequest:
    """What of a run's log is asked for."""

    run: str
    task: str | None = None
    attempt: int | None = None
    follow: bool = False
    timestamps: bool = False

    def wants(self, attempt: AttemptRecord) -> bool:
        """Return whether an attempt's log is asked for."""
        return self.task in (None, attempt.task) and self.attempt in (None, attempt.number)


@dataclass(frozen=True, slots=True)
class _Found:
    run: RunRecord
    tasks: list[TaskRecord]
    attempts: list[AttemptRecord]


class RunLogs:
    """Opens the logs of runs."""

    def __init__(
        self, database: Database, logs: LogStore, narrator: Narrator, engine: Engine, clock: Clock
    ) -> None:
        self._database, self._logs, self._narrator = database, logs, narrator
        self._engine, self._clock = engine, clock

    async def open(self, request: LogRequest) -> AsyncIterator[bytes]:
        """Return a run's log. Raises NotFound for a run, task or attempt that is not there."""
        found = await self._find(request)
        if request.follow and not found.run.phase.ended:
            return self._follow(request, single=len(found.tasks) == 1)
        return self._stored(request, found)

    async def say(self, run: str, task: str, text: str, *, quietly: bool = False) -> None:
        """Put a line of Seaway's own into the log of a task's newest attempt, as long as that has not ended.

        Args:
            run: its name.
            task: its name.
            text: the line.
            quietly: into history alone, because it is said often.
        """
        found = await self._find(LogRequest(run, task))
        own = [attempt for attempt in found.attempts if attempt.task == task]
        newest = max(own, key=lambda attempt: attempt.number, default=None)
        if newest is not None and not newest.phase.ended:
            key, now = LogKey(found.run.uid, task, newest.number), int(self._clock.now() * 1e9)
            (self._narrator.note if quietly else self._narrator.say)(key, text, now)

    async def _find(self, request: LogRequest) -> _Found:
        def query(connection: Connection) -> _Found | None:
            run = runs.by_name(connection, request.run)
            if run is None:
                return None
            return _Found(run, tasks.of_run(connection, run.id), attempts.of_run(connection, run.id))

        found = await self._database.read(query)
        if found is None:
            raise NotFound(f"there is no run {request.run!r}", field="run", remedy="See `seaway ps -a`.")
        if request.task is not None and request.task not in {task.name for task in found.tasks}:
            raise NotFound(f"the run {request.run!r} has no task {request.task!r}", field="task")
        if request.attempt is not None and not any(request.wants(attempt) for attempt in found.attempts):
            raise NotFound(f"the run {request.run!r} has no attempt {request.attempt}", field="attempt")
        return found

    async def _stored(self, request: LogRequest, found: _Found) -> AsyncIterator[bytes]:
        order = {task.name: task.position for task in found.tasks}
        wanted = sorted(
            (a for a in found.attempts if request.wants(a)), key=lambda a: (order[a.task], a.number)
        )
        for attempt in wanted:
            key = LogKey(found.run.uid, attempt.task, attempt.number)
            label = b"" if len(found.tasks) == 1 else f"{attempt.task} | ".encode()
            nothing = True
            async for chunk in labelled(read_log(self._logs, key, timestamps=request.timestamps), label):
                nothing = False
                yield chunk
            if nothing and attempt.phase.ended:  # each begins with Seaway's own lines
                yield label + _REMOVED
        for key, text in await self._said_before(request, found):
            label = b"" if len(found.tasks) == 1 else f"{key.task} | ".encode()
            yield label + text

    async def _said_before(self, request: LogRequest, found: _Found) -> list[tuple[LogKey, bytes]]:
        """Return what is said of attempts that are not there yet, which will stand in their logs: what their tasks wait for."""
        newest = {task.name: 0 for task in found.tasks if request.task in (None, task.name)}
        for attempt in found.attempts:
            if attempt.task in newest:
                newest[attempt.task] = max(newest[attempt.task], attempt.number)
                if not attempt.phase.ended or attempt.phase is Phase.SUCCEEDED:
                    del newest[attempt.task]
        if not newest:
            return []
        said = await self._database.read(lambda connection: sentences.of_run(connection, found.run.uid))
        stripper = Stripper(timestamps=request.timestamps)
        return [
            (
                LogKey(one.run_uid, one.task, one.attempt),
                stripper.feed(own_line(one.text, int(one.said * 1e9))),
            )
            for one in said
            if one.attempt == newest.get(one.task, -1) + 1 and request.attempt in (None, one.attempt)
        ]

    async def _follow(self, request: LogRequest, *, single: bool) -> AsyncIterator[bytes]:
        """Yield all attempts' logs as they come, until the run has ended and all is read."""
        chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_AHEAD)
        pump = asyncio.create_task(
            self._pump(request, chunks, single=single), name=f"log of run {request.run}"
        )
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            await pump
        finally:
            pump.cancel()
            await asyncio.wait([pump])

    async def _pump(self, request: LogRequest, chunks: asyncio.Queue[bytes | None], *, single: bool) -> None:
        begun: set[tuple[str, int]] = set()
        last: dict[str, asyncio.Task[None]] = {}
        """Of each task, so that its attempts come one after the other: whoever reads again skips what it had by that."""
        try:
            async with asyncio.TaskGroup() as group:
                found = await self._find(request)
                current: Iterable[AttemptRecord] = found.attempts
                while True:
                    for attempt in current:
                        if request.wants(attempt) and (attempt.task, attempt.number) not in begun:
                            begun.add((attempt.task, attempt.number))
                            key = LogKey(found.run.uid, attempt.task, attempt.number)
                            if self._is_live(found.run.uid, attempt):
                                self._logs.writer(key)  # after a restart, before the collector has come to it
                            copying = self._copy(request, key, chunks, last.get(attempt.task), single=single)
                            last[attempt.task] = group.create_task(copying)
                    if found.run.phase.ended:
                        await self._close(found.run.uid, begun)
                        break
                    change = self._engine.changed.next()
                    if (state := self._engine.state(found.run.uid)) is not None:
                        current = list(state.attempts.values())
                        await asyncio.wait([change])
                    else:
                        found = await self._find(request)
                        current = found.attempts
        finally:
            if not (task := asyncio.current_task()) or not task.cancelling():
                await chunks.put(None)

    def _is_live(self, run_uid: str, attempt: AttemptRecord) -> bool:
        state = self._engine.state(run_uid)
        if state is None:
            return False
        newest = state.attempts.get(attempt.task)
        if newest is None or newest.number < attempt.number:
            return True  # stored a moment ago: the engine's mirror follows
        return newest.number == attempt.number and not newest.phase.ended

    async def _close(self, run_uid: str, begun: Iterable[tuple[str, int]]) -> None:
        """A run ends when all its logs are stored: nothing more will come of any."""
        for task, number in begun:
            await self._logs.close(LogKey(run_uid, task, number))

    async def _copy(
        self,
        request: LogRequest,
        key: LogKey,
        chunks: asyncio.Queue[bytes | None],
        after: asyncio.Task[None] | None,
        *,
        single: bool,
    ) -> None:
        if after is not None:
            await asyncio.wait([after])
        label = b"" if single else f"{key.task} | ".encode()
        source = read_log(self._logs, key, follow=True, timestamps=request.timestamps)
        async for chunk in labelled(source, label):
            await chunks.put(chunk)


async def labelled(chunks: AsyncIterator[bytes], label: bytes) -> AsyncIterator[bytes]:
    """Yield chunks; with a label, whole lines that begin with it."""
    if not label:
        async for chunk in chunks:
            yield chunk
        return
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if lines:
            yield b"".join(label + line + b"\n" for line in lines)
    if rest:
        yield label + rest + b"\n"
