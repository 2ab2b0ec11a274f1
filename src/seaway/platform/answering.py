"""What a server answers about what was and is: why, timelines, searches. It changes nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Container, Sequence

from sqlalchemy import Connection

from seaway.model.run import CheckpointView, Phase
from seaway.model.search import SearchResult
from seaway.model.timeline import Timeline
from seaway.model.verdict import Explanation
from seaway.platform.database import attempts, outputs, runs
from seaway.platform.database.database import Database
from seaway.platform.database.records import RunRecord
from seaway.platform.explaining import Explainer
from seaway.platform.explaining_objects import ObjectExplainer
from seaway.platform.growing import WORKSPACE
from seaway.platform.pod_logs import PodLogs
from seaway.platform.searching import Searcher
from seaway.platform.timelines import Timelines
from seaway.platform.views import checkpoint_view


class Answers(ABC):
    """The answers; who inherits them sets what they are taken from."""

    _database: Database
    explainer: Explainer
    _objects: ObjectExplainer
    _timelines: Timelines
    _searcher: Searcher
    _pod_logs: PodLogs

    @abstractmethod
    async def _run(self, name: str) -> RunRecord:
        """Return the run of a name. Raises NotFound."""

    async def why(self, run: str, *, task: str | None = None) -> Explanation:
        """Say what happened or what it waits for, with evidence and one next step. Raises NotFound.

        Args:
            run: its name.
            task: which of its tasks; the one that tells most without this.
        """
        return await self.explainer.explain(await self._run(run), task)

    async def checkpoints(self, run: str) -> Sequence[CheckpointView]:
        """Return what the tasks of a run have saved. Raises NotFound."""
        record = await self._run(run)
        return await self._database.read(lambda connection: _checkpoint_views(connection, record.id))

    async def next_step(self, run_uid: str, phases: Container[Phase]) -> str:
        """Return the one thing to do about a run, "" where it is in none of the phases (any more)."""
        record = await self._database.read(lambda connection: runs.by_uid(connection, run_uid))
        if record is None or record.phase not in phases:
            return ""
        return (await self.explainer.explain(record)).next_step

    async def why_object(self, kind: str, name: str) -> Explanation:
        """Say what is the matter with a pod, a job or a node that is no run's. Raises NotFound."""
        return await self._objects.explain(kind, name)

    async def timeline(self, run: str, *, since: float = 0.0, limit: int = 500) -> Timeline:
        """Return what happened to a run and to all that had to do with it, in one order. Raises NotFound.

        Args:
            run: its name.
            since: leave out what happened before, in seconds since the epoch.
            limit: about so many entries; the answer says from when on there are more.
        """
        return await self._timelines.of_run(await self._run(run), since=since, limit=limit)

    async def timeline_object(
        self, kind: str, name: str, *, since: float = 0.0, limit: int = 500
    ) -> Timeline:
        """Return what happened to a pod or another object, also one that is gone, or to all in a workspace. Raises NotFound."""
        if kind == WORKSPACE:
            return await self._timelines.of_workspace(name, since=since, limit=limit)
        return await self._timelines.of_object(kind, name, since=since, limit=limit)

    async def search(
        self, words: str, *, run: str | None = None, limit: int = 50, context: int = 0, since: float = 0.0
    ) -> SearchResult:
        """Return the newest lines of all logs, or of one run's, that hold all words. Raises NotFound; Invalid without a word."""
        found = await self._run(run) if run is not None else None
        return await self._searcher.search(words, run=found, limit=limit, context=context, since=since)

    async def pod_logs(
        self, pod: str, *, container: str | None = None, timestamps: bool = False
    ) -> AsyncIterator[bytes]:
        """Return the kept logs of pods of a name that are no run's, also of pods that are gone. Raises NotFound."""
        return await self._pod_logs.open(pod, container, timestamps=timestamps)


def _checkpoint_views(connection: Connection, run_id: int) -> list[CheckpointView]:
    found = outputs.checkpoints(connection, run_id)
    savers = {
        task: attempts.with_fence(connection, run_id, task, saved.fence) for task, saved in found.items()
    }
    return [
        checkpoint_view(task, saver.number, found[task])
        for task, saver in savers.items()
        if saver is not None
    ]
