"""What a server can do for a user, and for a pod of theirs: the one interface that the portal calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.model.attempt_usage import AttemptUsage, LiveAttempt
from seaway.model.run import LossView, OutputView, RunSpec, RunView
from seaway.platform.answering import Answers
from seaway.platform.bin import Bin
from seaway.platform.database import attempts, outputs, runs, tasks
from seaway.platform.database.database import Database
from seaway.platform.database.records import ActRecord, AttemptRecord, RunRecord, TaskRecord
from seaway.platform.engine.engine import Engine
from seaway.platform.errors import Invalid, NotFound
from seaway.platform.explaining import Explainer
from seaway.platform.explaining_objects import ObjectExplainer
from seaway.platform.gateway import RunGateway
from seaway.platform.history.acts import RUN
from seaway.platform.history.recorder import Recorder
from seaway.platform.intake import Intake
from seaway.platform.pod_logs import PodLogs
from seaway.platform.reserve import Reserve
from seaway.platform.run_logs import LogRequest, RunLogs
from seaway.platform.searching import Searcher
from seaway.platform.storage.storage import Storage
from seaway.platform.timelines import Timelines
from seaway.platform.tokens import RunTokens
from seaway.platform.usage import Usage
from seaway.platform.views import doubt, live_attempts, loss_view, output_view, run_view
from seaway.platform.workspaces.refusals import require_known

MOST_LISTED = 1000


class RunService(Answers, RunGateway):
    """Runs, from submission to the bin. Every method raises a `PlatformError` for what the caller can mend."""

    def __init__(
        self,
        database: Database,
        storage: Storage,
        tokens: RunTokens,
        clock: Clock,
        *,
        engine: Engine,
        intake: Intake,
        logs: RunLogs,
        explainer: Explainer,
        objects: ObjectExplainer,
        timelines: Timelines,
        searcher: Searcher,
        pod_logs: PodLogs,
        bin_: Bin,
        recorder: Recorder,
        usage: Usage,
        namespace: str,
        cluster: Callable[[], Iterable[Mapping[str, Any]]],
        reserve: Reserve,
    ) -> None:
        super().__init__(
            database, storage, tokens, clock, logs.say, engine.requests.renew, engine.requests.note_idle,
            engine.requests.note_usage, usage.growth.commit,
        )  # fmt: skip
        self.usage = usage
        self._engine, self._logs, self.explainer, self._objects = engine, logs, explainer, objects
        self._timelines, self._searcher, self._pod_logs, self._bin = timelines, searcher, pod_logs, bin_
        self._intake, self._namespace, self._recorder = intake, namespace, recorder
        self._cluster, self._reserve = cluster, reserve

    async def submit(self, spec: RunSpec, *, user: str, key: str | None = None) -> RunView:
        """Store a run and wake the engine; returns when it is safe on the disk.

        Args:
            spec: what to run.
            user: who submits it.
            key: a random UUID (hex) of this submission: one that is sent again, because its answer was lost, finds its run.

        Raises:
            Conflict: the name is taken, or the workspace is being deleted.
            NotFound: there is no such workspace.
            Invalid: a code or environment digest was never uploaded.
            Unavailable: the server is going down.
            StorageFull: the user's runs, or those in the workspace, take all the room that they may.
        """
        taken = await self._intake.submit(spec, user, key)
        if taken.tasks is None:
            return await self.get(taken.run.name)
        return self._view(taken.run, spec, taken.tasks)

    async def list(
        self,
        *,
        all: bool = False,  # noqa: A002 - the word of the interface
        limit: int = 50,
        before: str | None = None,
        binned: bool = False,
        workspace: str | None = None,
        user: str | None = None,
    ) -> Sequence[RunView]:
        """Return runs, newest first, without tasks and spec.

        Args:
            all: also those that ended; those in the bin too, marked by `deleted`.
            limit: at most so many, from 1 to 1,000.
            before: name of the last run of the page before; the next page begins after it.
            binned: those in the bin and no others.
            workspace: only those in it.
            user: only theirs.

        Raises:
            Invalid: the limit is out of bounds.
            NotFound: there is no run `before`, or no such workspace and no run was ever in one.
        """
        if not 1 <= limit <= MOST_LISTED:
            raise Invalid(
                f"{limit} runs cannot be listed at once", field="limit", remedy=f"Ask for 1 to {MOST_LISTED}."
            )
        if before is not None:
            await self._run(before)
        found = await self._database.read(
            partial(
                runs.page,
                ended=all,
                limit=limit,
                before=before,
                binned=binned,
                namespace=workspace,
                user=user,
            )
        )
        if not found and workspace is not None:
            await self._database.read(
                lambda connection: require_known(connection, workspace, self._namespace)
            )
        return [self._in_doubt(self._view(run), self._nodes_of(run.uid)) for run in found]

    async def get(self, run: str) -> RunView:
        """Return one run with its tasks, attempts and spec. Also one in the bin. Raises NotFound."""
        view = await self._database.read(lambda connection: self._whole_view(connection, run))
        if view is None:
            raise _no_run(run)
        tried = [attempt for task in view.tasks for attempt in task.attempts]
        return self._in_doubt(view, [one.node for one in tried if not one.phase.ended])

    def live(self, *, workspace: str | None = None, user: str | None = None) -> Sequence[LiveAttempt]:
        """Return the attempts whose programs run now with what they use, the oldest runs first; only those in a workspace, of a user."""
        states = [
            state
            for state in self._engine.states()
            if workspace in (None, state.run.namespace) and user in (None, state.run.user)
        ]
        return live_attempts(states, self._usage_of)

    def _usage_of(self, pod: str) -> AttemptUsage | None:
        return self._engine.requests.usages.of(pod, self._clock.monotonic())

    def _acted(self, record: RunRecord, verb: str, by: str, refused: str = "") -> None:
        """Take note of who did, or was refused to do, what to a run."""
        act = ActRecord(
            self._clock.now(), by, verb, RUN, record.name, record.namespace, record.uid, refused=bool(refused), text=refused
        )  # fmt: skip
        self._recorder.acted(act)

    async def refused(self, run: str, verb: str, by: str, why: str) -> None:
        """Take note that somebody was refused to change a run."""
        self._acted(await self._run(run), verb, by, why)

    async def stop(self, run: str, *, by: str = "") -> RunView:
        """Ask a run to end gracefully. One that has ended stays as it is. Raises NotFound."""
        record = await self._run(run)
        if await self._reserve.spend(lambda: self._engine.requests.stop(record.uid)):
            self._acted(record, "stop", by)
        return await self.get(run)

    async def retry(self, run: str, *, fresh: bool = False, by: str = "") -> RunView:
        """Give each task that did not succeed a new attempt.

        Args:
            run: its name.
            fresh: forget the checkpoints of these tasks first: they begin anew.
            by: who asks for it.

        Raises:
            NotFound: there is no such run, or its workspace is gone.
            Conflict: it has not ended, all of it succeeded, it is in the bin, or its workspace is being deleted.
        """
        record = await self._run(run)
        await self._intake.begin_again(record, fresh=fresh)
        self._acted(record, "retry --fresh" if fresh else "retry", by)
        return await self.get(run)

    async def lose(self, run: str, task: str, *, by: str = "") -> LossView:
        """Have the running attempt of a task end as if its machine were lost; the next one begins from its checkpoint.

        Raises:
            NotFound: there is no such run.
            Conflict: the task does not run now.
        """
        record = await self._run(run)
        lost = await self._engine.requests.lose(record.uid, task)
        self._acted(record, "lose", by)
        left = [saved for saved in await self.checkpoints(run) if saved.task == task]
        return loss_view(lost, left[0] if left else None)

    async def remove(self, run: str, *, for_good: bool = False, by: str = "") -> RunView:
        """Put a run that has ended into the bin, or remove it for good. Raises NotFound; Conflict where it has not ended."""
        view, record = await self.get(run), await self._run(run)
        if for_good:
            await self._reserve.spend(lambda: self._bin.put(record, for_good=True))
        else:
            await self._bin.put(record, for_good=False)
        if record.deleted is None and not for_good:  # what is removed for good has no history
            self._acted(record, "rm", by)
        return view if for_good else await self.get(record.name)

    async def restore(self, run: str, *, by: str = "") -> RunView:
        """Take a run out of the bin. Raises NotFound; Conflict where it is not in there."""
        restored = await self._bin.take_out(await self._run(run))
        self._acted(restored, "restore", by)
        return await self.get(restored.name)

    async def wait(self, run: str, *, timeout: float) -> RunView:
        """Return the run when it has ended, or as it is after `timeout` seconds. Raises NotFound."""
        record = await self._run(run)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    change = self._engine.changed.next()
                    if self._engine.state(record.uid) is None:
                        break
                    await asyncio.shield(change)
        except TimeoutError:
            return await self.get(run)
        return await self.get(run)

    async def logs(
        self,
        run: str,
        *,
        follow: bool = False,
        task: str | None = None,
        attempt: int | None = None,
        timestamps: bool = False,
    ) -> AsyncIterator[bytes]:
        """Return a run's log as chunks; with `follow` it ends when the run has ended and all is read.

        Args:
            run: its name.
            follow: go on while the run does.
            task: only this task's; None for all of them, each line then begins with the task's name.
            attempt: only this attempt's; None for all, oldest first.
            timestamps: put the time of each line (RFC 3339) before it.

        Raises:
            NotFound: no such run, task or attempt (raised by the call itself, not by the iterator).
        """
        return await self._logs.open(LogRequest(run, task, attempt, follow, timestamps))

    async def outputs(self, run: str) -> Sequence[OutputView]:
        """Return the files that a run committed, by task and path. Raises NotFound."""
        record = await self._run(run)
        found = await self._database.read(lambda connection: outputs.of_run(connection, record.id))
        return [output_view(output) for output in found]

    async def open_output(self, run: str, task: str, path: str) -> tuple[OutputView, AsyncIterator[bytes]]:
        """Return one committed file and its bytes. Raises NotFound."""
        record = await self._run(run)
        found = await self._database.read(lambda connection: outputs.one(connection, record.id, task, path))
        if found is None:
            raise NotFound(
                f"the run {run!r} committed no file {path!r} in the task {task!r}", field="path",
                remedy=f"See `seaway outputs {run}`.",
            )  # fmt: skip
        return output_view(found), await self._storage.outputs.open(found.sha256)

    async def has_code(self, digest: str) -> bool:
        """Return whether a code snapshot was uploaded. Raises Invalid where that is no SHA-256."""
        return await self._storage.has_code(digest)

    async def put_code(self, digest: str, body: AsyncIterable[bytes]) -> None:
        """Store a code snapshot (tar.gz) under the SHA-256 of its bytes. Raises Invalid (digest differs, unsafe archive), TooLarge."""
        self._storage.expect(digest)
        await self._storage.code.put(digest, body)
        await self._storage.has_code(digest)

    async def has_environment(self, digest: str) -> bool:
        """Return whether a lock of requirements was uploaded. Raises Invalid where that is no SHA-256."""
        return await self._storage.has_environment(digest)

    async def put_environment(self, digest: str, body: AsyncIterable[bytes]) -> None:
        """Store a lock of requirements (UTF-8 text) under the SHA-256 of its bytes. Raises Invalid, TooLarge."""
        self._storage.expect(digest)
        await self._storage.environments.put(digest, body)
        await self._storage.has_environment(digest)

    async def _run(self, name: str) -> RunRecord:
        found = await self._database.read(lambda connection: runs.by_name(connection, name))
        if found is None:
            raise _no_run(name)
        return found

    async def owner(self, run: str) -> str:
        """Return who submitted a run. Raises NotFound."""
        return (await self._run(run)).user

    def _nodes_of(self, run_uid: str) -> Iterable[str | None]:
        """Return where the attempts of a run are that have not ended."""
        state = self._engine.state(run_uid)
        return [one.node for one in state.attempts.values() if not one.phase.ended] if state else []

    def _in_doubt(self, view: RunView, nodes: Iterable[str | None]) -> RunView:
        said = "" if view.phase.ended else doubt(nodes, self._cluster())
        return view.model_copy(update={"doubt": said}) if said else view

    def _view(
        self,
        run: RunRecord,
        spec: RunSpec | None = None,
        of_tasks: Iterable[TaskRecord] = (),
        of_attempts: Iterable[AttemptRecord] = (),
    ) -> RunView:
        return run_view(
            run, spec, tuple(of_tasks), tuple(of_attempts), bin_seconds=self._bin.keep_seconds,
            usage=self._usage_of,
        )  # fmt: skip

    def _whole_view(self, connection: Connection, name: str) -> RunView | None:
        run = runs.by_name(connection, name)
        if run is None:
            return None
        spec = RunSpec.model_validate(runs.spec(connection, run.id))
        return self._view(run, spec, tasks.of_run(connection, run.id), attempts.of_run(connection, run.id))


def _no_run(name: str) -> NotFound:
    return NotFound(f"there is no run {name!r}", field="run", remedy="See `seaway ps -a`.")
