"""Taking in runs: new ones, and those that are tried again. What is taken in is stored, and the engine knows of it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from seaway.base.clock import Clock
from seaway.model.run import Phase, RunSpec
from seaway.platform.bin import Bin
from seaway.platform.database import runs
from seaway.platform.database.binned import CODE, Upload
from seaway.platform.database.database import Database
from seaway.platform.database.records import RunRecord, TaskRecord
from seaway.platform.engine.engine import Engine
from seaway.platform.engine.loading import load
from seaway.platform.engine.state import RunState, run_state
from seaway.platform.errors import Conflict, Invalid, Unavailable
from seaway.platform.storage.storage import Storage
from seaway.platform.submission import (
    begin_again,
    generated_name,
    insert,
    new_records,
    uploads_of,
    volumes_again,
)
from seaway.platform.usage import Usage
from seaway.platform.volumes.service import Volumes
from seaway.platform.workspaces.refusals import require_open

T = TypeVar("T")
_NAME_TRIES = 20


class Taken(NamedTuple):
    """A run that was submitted."""

    run: RunRecord
    tasks: Sequence[TaskRecord] | None
    """None where it was submitted before: its tasks may have gone on since."""


class Intake:
    """Takes in what somebody wants to run; refuses what cannot be, with a `PlatformError`."""

    def __init__(
        self, database: Database, storage: Storage, clock: Clock, engine: Engine, bin_: Bin, usage: Usage,
        volumes: Volumes, *, namespace: str, random: Random,
    ) -> None:  # fmt: skip
        self._database, self._storage, self._clock, self._engine = database, storage, clock, engine
        self._bin, self._usage, self._volumes = bin_, usage, volumes
        self._namespace, self._random = namespace, random

    async def submit(self, spec: RunSpec, user: str, key: str | None) -> Taken:
        """Store a run and wake the engine; returns when it is safe on the disk. Raises as `RunService.submit` does."""
        self._require_open_server()
        await self._usage.check(user, spec.workspace)
        names = {mount.name for task in spec.tasks for mount in task.volumes}
        mountable = self._volumes.mountable(spec.workspace or self._namespace, names)
        async with self._storage.uploads.one(), mountable:
            return await self._store(spec, user, key, await self._sizes_of_uploads(spec))

    async def begin_again(self, record: RunRecord, *, fresh: bool) -> None:
        """Give each task that did not succeed a new attempt. Raises as `RunService.retry` does."""
        self._require_open_server()
        await self._usage.check(record.user, record.namespace)
        _require_unsuccessful(record)
        work = partial(_begin_again, name=record.name, fresh=fresh)
        names = await self._database.read(partial(volumes_again, record=record))
        async with self._volumes.mountable(record.namespace, names):
            state = await self._database.write(partial(self._in_workspace, record.namespace, work))
            if state is None:
                raise Conflict(f"the run {record.name!r} is being tried again already")
            for task in state.tasks.values() if fresh else ():
                if task.phase is not Phase.SUCCEEDED:
                    await self._storage.checkpoints.drop(record.uid, task.name)
            self._engine.adopt(state)

    def _require_open_server(self) -> None:
        if self._engine.draining:
            raise Unavailable("the server is being stopped", remedy="Start it again with `seaway up`.")

    async def _store(self, spec: RunSpec, user: str, key: str | None, sizes: Mapping[Upload, int]) -> Taken:
        namespace = spec.workspace or self._namespace
        for _ in range(_NAME_TRIES):
            name = spec.name or generated_name(spec, self._random)
            identity = key or uuid.uuid4().hex
            run, records = new_records(
                spec, name=name, uid=identity, user=user, namespace=namespace, now=self._clock.now()
            )
            storing = partial(
                insert, run=run, records=records, spec=spec, make_way=self._bin.make_way, sizes=sizes
            )
            try:
                run, records = await self._database.write(partial(self._in_workspace, namespace, storing))
            except IntegrityError:
                if key is not None and (sent_before := await self._submitted_before(key, user)) is not None:
                    return Taken(sent_before, None)
                if spec.name is not None:
                    raise Conflict(
                        f"there is a run named {name!r} already",
                        field="name",
                        remedy="Choose another name, or leave it out to have one made.",
                    ) from None
                continue
            self._engine.adopt(run_state(run, spec, records, ()))
            return Taken(run, records)
        raise Unavailable("no free name was found", field="name", remedy="Give the run a name of its own.")

    async def _submitted_before(self, key: str, user: str) -> RunRecord | None:
        found = await self._database.read(lambda connection: runs.by_uid(connection, key))
        if found is not None and found.user != user:
            raise Conflict("this submission's key is somebody else's", remedy="Submit it again.")
        return found

    def _in_workspace(self, namespace: str, work: Callable[[Connection], T], connection: Connection) -> T:
        require_open(connection, namespace, self._namespace)
        return work(connection)

    async def _sizes_of_uploads(self, spec: RunSpec) -> dict[Upload, int]:
        """Return the bytes of what a run refers to. Raises Invalid where some of it was not uploaded."""
        sizes = {}
        for upload in uploads_of(spec):
            size = await self._storage.artifacts.size(*upload)
            if size is None:
                what, field = (
                    ("code snapshot", "code") if upload.kind == CODE else ("environment", "environment")
                )
                raise Invalid(
                    f"the {what} {upload.sha256} was not uploaded", field=f"tasks.{field}", remedy="Upload it first."
                )  # fmt: skip
            sizes[upload] = size
        return sizes


def _require_unsuccessful(run: RunRecord) -> None:
    """Raise Conflict unless a run has ended, not all of it succeeded, and it is not in the bin."""
    name = run.name
    if not run.phase.ended:
        raise Conflict(f"the run {name!r} has not ended", remedy=f"Stop it first: `seaway stop {name}`.")
    if run.phase is Phase.SUCCEEDED:
        raise Conflict(
            f"the run {name!r} succeeded: there is nothing to try again", remedy="Submit it again instead."
        )
    if run.deleted is not None:
        raise Conflict(
            f"the run {name!r} is in the bin", remedy=f"Restore it first: `seaway restore {name}`."
        )


def _begin_again(connection: Connection, name: str, *, fresh: bool) -> RunState | None:
    run = begin_again(connection, name, fresh=fresh)
    return load(connection, run) if run is not None else None
