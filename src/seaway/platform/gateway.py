"""What a pod may ask of the server: its code, its environment, and to keep what it made."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Protocol

from sqlalchemy import Connection

from seaway.base.clock import Clock, rfc3339
from seaway.platform.database import attempts, locks, outputs, runs, tasks
from seaway.platform.database.database import Database
from seaway.platform.database.records import CheckpointRecord, OutputRecord, RunRecord
from seaway.platform.engine.attempt_usages import Reported
from seaway.platform.engine.situation import LOSE
from seaway.platform.errors import Damaged, NotFound, StaleFence, Unauthorized
from seaway.platform.storage.checkpoints import Block, StoredCheckpoint
from seaway.platform.storage.runner_archive import build_runner
from seaway.platform.storage.storage import Storage
from seaway.platform.tokens import RunTokens


class Tell(Protocol):
    """Says something of Seaway's own of a run's task: in its log, or `quietly` in history alone."""

    async def __call__(self, run: str, task: str, text: str, *, quietly: bool = False) -> None:
        """Say it."""


Renew = Callable[[str, str, int], Awaitable[None]]
"""Lets an attempt go on: the run's uid, task, fencing number. Raises where it is not to."""
NoteIdle = Callable[[str, str, int, float | None, str, float | None], None]
NoteUsage = Callable[[str, str, int, Reported], None]


class RunGateway:
    """Serves the pods of runs. Call `authenticate_run_token` first: the run it returns is the only one that may be touched."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        tokens: RunTokens,
        clock: Clock,
        tell: Tell,
        renew: Renew,
        idle: NoteIdle,
        used: NoteUsage,
        grew: Callable[[RunRecord, int, int], None],
    ) -> None:
        self._database, self._storage, self._tokens, self._clock = database, storage, tokens, clock
        self._tell, self._renew, self._idle, self._used, self._grew = tell, renew, idle, used, grew

    async def authenticate_run_token(self, token: str) -> str:
        """Return the name of the run that a token is for. Raises Unauthorized where it is unknown or the run has ended."""
        name = self._tokens.run_of(token)
        run = await self._database.read(lambda connection: runs.by_name(connection, name))
        if run is None or run.phase.ended or not self._tokens.matches(token, run.name, run.uid):
            raise Unauthorized("the run's token is not valid, or the run has ended")
        return run.name

    async def get_runner(self, digest: str) -> AsyncIterator[bytes]:
        """Return the runner's zipapp. Raises NotFound where this server's runner has another digest."""
        archive = build_runner()
        if digest != archive.digest:
            raise NotFound(f"the runner {digest} is not this server's", remedy="Start the attempt again.")
        return _once(archive.data)

    async def get_code(self, digest: str) -> AsyncIterator[bytes]:
        """Return a code snapshot (tar.gz). Raises NotFound."""
        return await self._storage.code.open(digest)

    async def get_environment(self, digest: str) -> AsyncIterator[bytes]:
        """Return a lock of requirements. Raises NotFound."""
        return await self._storage.environments.open(digest)

    async def renew_lease(self, run: str, task: str, fence: int) -> None:
        """Let an attempt go on that keeps a lease. Raises NotFound, Conflict where it is to end, Unavailable."""
        record = await self._database.read(lambda connection: runs.by_name(connection, run))
        if record is None:
            raise NotFound(f"there is no run {run!r}")
        await self._renew(record.uid, task, fence)

    async def note_idle(
        self, run: str, task: str, fence: int, seconds: float | None, waits_in: str, gpu_seconds: float | None
    ) -> None:
        """Take note of how long a program has used no CPU, or no GPU. Raises NotFound, StaleFence."""
        record = await self._database.read(lambda connection: runs.by_name(connection, run))
        if record is None:
            raise NotFound(f"there is no run {run!r}")
        self._idle(record.uid, task, fence, seconds, waits_in, gpu_seconds)

    async def note_usage(self, run: str, task: str, fence: int, said: Reported) -> None:
        """Take note of what a program uses. Raises NotFound, StaleFence."""
        record = await self._database.read(lambda connection: runs.by_name(connection, run))
        if record is None:
            raise NotFound(f"there is no run {run!r}")
        self._used(record.uid, task, fence, said)

    async def commit_outputs(self, run: str, task: str, fence: int, body: AsyncIterable[bytes]) -> None:
        """Store a task's outputs (tar stream), all of them or none. Raises NotFound, Invalid, TooLarge, StaleFence."""
        record = await self._admit(run, task, fence, "outputs")
        async with self._storage.outputs.commits.one():
            files = await self._storage.outputs.store(body)
            now = self._clock.now()
            records = [OutputRecord(task, file.path, file.size, file.sha256, now) for file in files]

            def work(connection: Connection) -> None:
                _check(connection, run, task, fence)
                outputs.replace(connection, record.id, task, records)

            await self._database.write(work)
        self._grew(record, sum(file.size for file in files), len(files))

    async def save_checkpoint(
        self, run: str, task: str, fence: int, body: AsyncIterable[bytes], base: str | None = None
    ) -> StoredCheckpoint:
        """Store a task's checkpoint in place of the one before, see `CheckpointStore.store`.

        Raises NotFound, Invalid, TooLarge, StaleFence, and BaseMissing where the base is not stored any more.
        """
        record = await self._admit(run, task, fence, "checkpoint")
        stored = await self._storage.checkpoints.store(record.uid, task, body, base)
        checkpoint = CheckpointRecord(stored.sha256, stored.size, fence, self._clock.now(), stored.files)

        def work(connection: Connection) -> CheckpointRecord | None:
            _check(connection, run, task, fence)
            before = outputs.checkpoint(connection, record.id, task)
            outputs.save_checkpoint(connection, record.id, task, checkpoint)
            return before

        before = await self._database.write(work)
        size, files = (before.size, before.files or 1) if before is not None else (0, 0)
        self._grew(record, stored.size - size, stored.files - files)
        if before is not None:
            await self._storage.checkpoints.forget(record.uid, task, before.sha256, kept=stored.sha256)
        often = before is not None and before.fence == fence
        await self._tell(run, task, f"saved a checkpoint of {stored.size} bytes", quietly=often)
        return stored

    async def _admit(self, run: str, task: str, fence: int, what: str) -> RunRecord:
        """Return the run; a commit that comes too late is refused before it is read, and told in the run's log."""
        try:
            return await self._database.read(lambda connection: _check(connection, run, task, fence))
        except StaleFence:
            text = f"refused the {what} of an earlier attempt (fencing number {fence}), which came too late"
            await self._tell(run, task, text)
            raise

    async def get_checkpoint(self, run: str, task: str) -> AsyncIterator[bytes]:
        """Return a task's last checkpoint, see `CheckpointStore.open`. Raises NotFound where there is none yet, Damaged."""
        uid, checkpoint = await self._checkpoint(run, task)
        said = f"restores the checkpoint of {rfc3339(checkpoint.saved)} ({checkpoint.size} bytes)"
        await self._tell(run, task, said)
        return await self._storage.checkpoints.open(uid, task, checkpoint.sha256)

    async def check_checkpoint(self, run: str, task: str) -> AsyncIterator[bytes]:
        """Say whether a task's last checkpoint is whole: an empty line for each block, then a line of JSON.

        The lines show that the server is still reading. The last one has "damaged": what is wrong, "" where nothing is.
        Raises NotFound where there is none.
        """
        uid, checkpoint = await self._checkpoint(run, task)
        return _checked(self._storage.checkpoints.check(uid, task, checkpoint.sha256))

    async def _checkpoint(self, run: str, task: str) -> tuple[str, CheckpointRecord]:
        def query(connection: Connection) -> tuple[str, CheckpointRecord] | None:
            record = runs.by_name(connection, run)
            found = outputs.checkpoint(connection, record.id, task) if record is not None else None
            return (record.uid, found) if record is not None and found is not None else None

        found = await self._database.read(query)
        if found is None:
            raise NotFound(f"the task {task!r} of run {run!r} has no checkpoint yet")
        return found


def _check(connection: Connection, run: str, task: str, fence: int) -> RunRecord:
    """Return the run if the fencing number is the task's newest."""
    record = runs.by_name(connection, run)
    newest = tasks.fence(connection, record.id, task) if record is not None else None
    if record is None or newest is None:
        raise NotFound(f"the run {run!r} has no task {task!r}")
    if fence != newest:
        raise StaleFence(
            f"the attempt with the fencing number {fence} of the task {task!r} is no longer the newest ({newest}): "
            "what it made is not kept",
            field="fence",
        )
    attempt = attempts.with_fence(connection, record.id, task, fence)
    if attempt is not None and attempt.asked == LOSE:
        raise StaleFence(
            f"the attempt with the fencing number {fence} of the task {task!r} is lost on purpose: what it made is not kept",
            field="fence",
        )
    if lock := locks.lost_to(connection, record.id, task, fence):
        raise StaleFence(
            f"the lock {lock!r} was given to another attempt since: what this one made is not kept",
            field="lock",
        )
    return record


async def _checked(blocks: AsyncIterator[Block]) -> AsyncIterator[bytes]:
    damaged = ""
    try:
        async for _ in blocks:
            yield b"\n"
    except Damaged as error:
        damaged = error.message
    yield json.dumps({"damaged": damaged}).encode() + b"\n"


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
