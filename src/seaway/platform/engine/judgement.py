"""Gathering the facts of an attempt, and what diagnosis says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from seaway.base.clock import rfc3339
from seaway.model.run import TaskSpec
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import attempts
from seaway.platform.database.database import Database
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.diagnosis.facts import Facts, Requested
from seaway.platform.diagnosis.rules.pressure import IN_A_ROW, evicted_before
from seaway.platform.engine.pods import Seen
from seaway.platform.history.lines import Tail
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.remembered import deleted_while_it_ran, deletion_asked

LOG_LINES = 200
_SECRET_NAME = re.compile(r"token|secret|passw|key|credential", re.IGNORECASE)


def requested(attempt: AttemptRecord | None, run: RunRecord) -> Requested:
    """Return what Seaway asked of an attempt, or of a run that has none yet."""
    match attempt.asked if attempt is not None else "":
        case "stop" | "timeout" | "hung" | "wait" | "drain" as asked:
            return asked
        case "lose":
            return "stop" if run.stop_requested is not None else "lose"
    return "stop" if attempt is None and run.stop_requested is not None else ""


def secret_values(spec: TaskSpec) -> tuple[str, ...]:
    """Return the values that must not be quoted: of variables whose names say so."""
    return tuple(value for name, value in spec.env.items() if value and _SECRET_NAME.search(name))


class FactsGatherer:
    """Knows where each fact lies: the pod table, history, the nodes, the log."""

    def __init__(self, database: Database, recorder: Recorder, logs: LogStore, view: ClusterView) -> None:
        self._database, self._recorder, self._logs, self._view = database, recorder, logs, view

    async def gather(
        self,
        run: RunRecord,
        task: TaskRecord,
        spec: TaskSpec,
        attempt: AttemptRecord | None,
        seen: Seen | None,
        *,
        waiting: bool = False,
        create_error: str = "",
    ) -> Facts:
        """Return what is known of an attempt."""
        events: Sequence[dict[str, Any]] = ()
        if seen is not None and seen.observation.uid:
            events = await self._recorder.events_about(seen.observation.uid)
        asked, ran = await self._deletion(seen.object) if seen is not None else (None, False)
        node_name = seen.observation.node if seen is not None else None
        node = self._view.node(node_name) if node_name else None
        claims = await self._claims(spec, seen) if waiting else ()
        tail = await self._tail(run, attempt)
        return Facts(
            run=run.name,
            task=task.name,
            attempt=attempt.number if attempt is not None else 1,
            pod=seen.object if seen is not None else None,
            peak_memory=(attempt.peak_memory or 0) if attempt is not None else 0,
            pod_gone=seen.observation.gone if seen is not None else bool(attempt and attempt.uid),
            deleted_by_others=seen is not None
            and (seen.observation.vanished or seen.observation.deleted_unstarted)
            and not (attempt and attempt.asked),
            deletion_asked=asked,
            deleted_while_it_ran=ran,
            events=events,
            claims=claims,
            evicted_before=await self._evicted_before(attempt, seen),
            node=node,
            node_gone=bool(node_name) and node is None and self._view.sees_nodes,
            nodes=self._view.all_nodes() if waiting else (),
            nodes_hidden=not self._view.sees_nodes,
            given_up=not waiting and seen is not None and not seen.observation.ended,
            leased=seen is not None and seen.observation.lease > 0,
            log_tail=tail.text,
            log_times=tail.times,
            requested=requested(attempt, run),
            requested_at=rfc3339(attempt.asked_at) if attempt is not None and attempt.asked_at else None,
            timeout_seconds=spec.timeout_seconds,
            hung_seconds=spec.stop_if_hung_seconds,
            waiting=waiting,
            waits_for=task.message if waiting and attempt is None else "",
            command=spec.command,
            needs_code=spec.code is not None,
            needs_environment=spec.environment is not None,
            create_error=create_error,
            secret_values=secret_values(spec),
        )

    async def _claims(self, spec: TaskSpec, seen: Seen | None) -> Sequence[dict[str, Any]]:
        """Return the claims of an attempt that has volumes, and the events about them."""
        if seen is None or not spec.volumes:
            return ()
        return await self._recorder.claims_of(seen.object, seen.object["metadata"]["namespace"])

    async def _evicted_before(self, attempt: AttemptRecord | None, seen: Seen | None) -> int:
        if attempt is None or seen is None or seen.object.get("status", {}).get("reason") != "Evicted":
            return 0
        before = partial(
            attempts.verdicts_before, run_id=attempt.run_id, task=attempt.task, number=attempt.number, limit=IN_A_ROW
        )  # fmt: skip
        return evicted_before(await self._database.read(before))

    async def _deletion(self, pod: Mapping[str, Any]) -> tuple[str | None, bool]:
        """Return when the deletion of a pod was first asked for, and whether its program ran then."""
        metadata = pod["metadata"]
        if not metadata.get("deletionTimestamp"):
            return None, False
        recorded = await self._recorder.revisions_of("Pod", metadata["uid"])
        return deletion_asked(recorded), deleted_while_it_ran(recorded)

    async def _tail(self, run: RunRecord, attempt: AttemptRecord | None) -> Tail:
        if attempt is None:
            return Tail()
        return await self._logs.tail(LogKey(run.uid, attempt.task, attempt.number), LOG_LINES)
