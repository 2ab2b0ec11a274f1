"""Answering "why": the facts of a run, put together from the database and history, handed to diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import Clock, rfc3339
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Explanation, Verdict, VerdictClass
from seaway.platform.cluster_view import ClusterView
from seaway.platform.database import attempts, revisions, runs, tasks
from seaway.platform.database.database import Database
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.diagnosis.facts import Facts, Stillness
from seaway.platform.diagnosis.rules.infrastructure import NODE_LOST, UNCONFIRMED
from seaway.platform.diagnosis.rules.pressure import evicted_before
from seaway.platform.diagnosis.rules.requests import WAIT_LIMIT
from seaway.platform.engine import texts
from seaway.platform.engine.judgement import LOG_LINES, requested, secret_values
from seaway.platform.engine.state import RunState
from seaway.platform.engine.verdicts import DIAGNOSIS
from seaway.platform.errors import NotFound
from seaway.platform.expecting import usual_of
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.remembered import (
    claims_of,
    deleted_while_it_ran,
    deletion_asked,
    last_node,
    put_together,
)
from seaway.platform.masking import masked_origin
from seaway.platform.workloads.growth import memory_grown
from seaway.platform.workloads.observation import observe

Still = Callable[[str, float | None], Stillness | None]
_TELLING = (Phase.FAILED, Phase.STOPPED, Phase.STOPPING, Phase.STARTING, Phase.RUNNING, Phase.QUEUED)
"""Which of several tasks a question about the run is about: the first one in the first of these phases."""
_LAST = 253402300799.0
"""Seconds since the epoch of the end of the year 9999."""


class Explainer:
    """Puts the facts together."""

    def __init__(
        self,
        database: Database,
        logs: LogStore,
        recorder: Recorder,
        view: ClusterView,
        states: Callable[[], Iterable[RunState]],
        clock: Clock,
    ) -> None:
        self._database, self._logs, self._recorder, self._view = database, logs, recorder, view
        self._states, self._clock = states, clock
        self.still: Still = lambda pod, limit: None  # noqa: ARG005
        """Returns since when an attempt's program has done nothing, by its pod and its task's own limit."""
        self.gpus_unused: Callable[[str], str | None] = lambda pod: None  # noqa: ARG005
        """Returns since when an attempt's program has used none of its GPUs, by its pod."""

    async def explain(self, run: RunRecord, task: str | None = None) -> Explanation:
        """Say what happened to a run, or what it waits for; of one of its tasks, or of the one that tells most.

        Raises:
            NotFound: the run has no such task.
        """
        await self._recorder.flush()
        nodes = self._view.all_nodes()
        facts, attempt = await self._database.read(
            lambda connection: self._facts(connection, run, task, nodes)
        )
        if attempt is not None:
            tail = await self._logs.tail(LogKey(run.uid, facts.task, attempt.number), LOG_LINES)
            facts = replace(facts, log_tail=tail.text, log_times=tail.times)
            if facts.waiting and facts.pod is not None:
                still = self.still(facts.pod["metadata"]["name"], facts.hung_seconds)
                unused = self.gpus_unused(facts.pod["metadata"]["name"])
                facts = replace(facts, still=still, gpus_unused_since=unused)
        if facts.waiting and facts.pod is not None and not (facts.pod.get("spec") or {}).get("nodeName"):
            others = await self._view.everybodys_pods()
            facts = replace(facts, others=others, ends=latest_ends(self._states()))
        if facts.waiting and (facts.others is not None or facts.waits_for):
            states, now = list(self._states()), self._clock.now()
            usual = await self._database.read(lambda connection: usual_of(connection, states, now))
            facts = replace(facts, usual=usual)
        told = DIAGNOSIS.explain(facts)
        ended = attempt is not None and attempt.phase.ended and not facts.waiting
        return as_judged(told, attempt.verdict) if attempt is not None and ended else told

    def _facts(
        self, connection: Connection, run: RunRecord, asked: str | None, nodes: Sequence[dict[str, Any]]
    ) -> tuple[Facts, AttemptRecord | None]:
        """Return the facts without the log, and the attempt that they are about."""
        spec = RunSpec.model_validate(runs.spec(connection, run.id))
        found = [one for one in tasks.of_run(connection, run.id) if asked in (None, one.name)]
        if not found:
            raise NotFound(
                f"the run {run.name!r} has no task {asked!r}",
                field="task",
                remedy=f"seaway show {run.name} lists them",
            )
        task = telling_task(found)
        tried = [a for a in attempts.of_run(connection, run.id) if a.task == task.name]
        attempt = tried[-1] if tried else None
        before = tried[-2].verdict if len(tried) > 1 else None
        wanted = next(one for one in spec.tasks if one.name == task.name)
        remembered = _remembered_facts(connection, run, task, wanted, attempt)
        facts = replace(
            remembered,
            nodes=nodes,
            nodes_hidden=not self._view.sees_nodes,
            origin=masked_origin(spec.origin, values=True) if len(spec.tasks) == 1 else None,
            before=Verdict.from_stored(before).message
            if before is not None and not remembered.stopped_after
            else "",
            evicted_before=evicted_before(one.verdict for one in reversed(tried[:-1])),
        )
        return facts, attempt


def as_judged(told: Explanation, verdict: Mapping[str, Any] | None) -> Explanation:
    """Return an explanation, or, where nothing that is kept explains the ending, what was found when it ended. Pure."""
    if told.class_ is not VerdictClass.UNKNOWN or verdict is None:
        return told
    judged = Verdict.from_stored(verdict)
    if judged.class_ is VerdictClass.UNKNOWN:
        return told
    same = {"class_": judged.class_, "cause": judged.cause, "message": judged.message}
    return told.model_copy(update={**same, "evidence": judged.evidence or told.evidence})


def _refusal(attempt: AttemptRecord | None) -> str:
    """Return the API server's words where it refused to create an attempt's pod: only the verdict has them."""
    if attempt is None or attempt.uid is not None:
        return ""
    evidence = (attempt.verdict or {}).get("evidence") or ()
    return next((str(one["quote"]) for one in evidence if one.get("source") == "submission"), "")


def latest_ends(states: Iterable[RunState]) -> dict[str, str]:
    """Return when the pods of running attempts end at the latest that have a time limit, by the pods' names."""
    return {
        attempt.pod: ends
        for state in states
        for attempt in state.attempts.values()
        if attempt.phase is Phase.RUNNING
        and (ends := _after(attempt.started, state.specs[attempt.task].timeout_seconds)) is not None
    }


def _after(begin: float | None, limit: float | None) -> str | None:
    """Return when a limit is over that counts from a time; None without one, or where no calendar goes so far."""
    if begin is None or limit is None or begin + limit > _LAST:
        return None
    return rfc3339(begin + limit)


def telling_task(found: Sequence[TaskRecord]) -> TaskRecord:
    """Return the task that says most about how a run stands."""
    for phase in _TELLING:
        for task in found:
            if task.phase is phase:
                return task
    return found[-1]


def _stopped_after(task: TaskRecord, attempt: AttemptRecord | None) -> str:
    """Return how the last attempt had ended of a task that was stopped before its next one, "" of any other."""
    if (
        attempt is None
        or attempt.verdict is None
        or (task.phase, attempt.phase) != (Phase.STOPPED, Phase.FAILED)
    ):
        return ""
    return Verdict.from_stored(attempt.verdict).message


def _remembered_facts(
    connection: Connection,
    run: RunRecord,
    task: TaskRecord,
    spec: TaskSpec,
    attempt: AttemptRecord | None,
) -> Facts:
    uid = attempt.uid if attempt is not None else None
    events: list[dict[str, Any]] = [e.object for e in revisions.events_about(connection, uid)] if uid else []
    ended = attempt is not None and attempt.phase.ended
    not_created = attempt is None or ended or (attempt.uid is None and task.message != texts.STARTING)
    recorded = revisions.of_object(connection, "Pod", uid) if uid else []
    pod = put_together(recorded)
    leased = pod is not None and observe(pod).lease > 0
    cause = (attempt.verdict or {}).get("cause") if attempt is not None else None
    judged = Verdict.from_stored(task.verdict) if task.verdict is not None else None
    stopped_after = _stopped_after(task, attempt)
    asked_at = run.stop_requested if stopped_after else attempt.asked_at if attempt is not None else None
    return Facts(
        run=run.name,
        task=task.name,
        attempt=attempt.number if attempt is not None else 1,
        pod=pod,
        peak_memory=(attempt.peak_memory or 0) if attempt is not None else 0,
        pod_gone=ended and uid is not None,
        deleted_by_others=attempt is not None and ended and uid is not None and not attempt.asked,
        deletion_asked=deletion_asked(recorded),
        deleted_while_it_ran=deleted_while_it_ran(recorded),
        events=events,
        claims=[] if task.phase.ended else claims_of(connection, pod, run.namespace),
        node=last_node(connection, attempt.node) if attempt is not None and attempt.node else None,
        given_up=cause == UNCONFIRMED or (cause == NODE_LOST and leased),  # the pod may have said more since
        leased=leased,
        requested="" if stopped_after else requested(attempt, run),
        requested_at=rfc3339(asked_at) if asked_at else None,
        stopped_after=stopped_after,
        timeout_seconds=spec.timeout_seconds,
        hung_seconds=spec.stop_if_hung_seconds,
        waiting=not task.phase.ended,
        waits_for=task.message if not task.phase.ended and not_created else "",
        starts_by=None if task.phase.ended else _after(task.waits_since, spec.wait_limit_seconds),
        not_started=judged if judged is not None and judged.cause == WAIT_LIMIT else None,
        skipped=task.message if task.phase is Phase.SKIPPED else "",
        command=spec.command,
        needs_code=spec.code is not None,
        needs_environment=spec.environment is not None,
        create_error=_refusal(attempt),
        retries_left=max(0, spec.retries - task.failures),
        retry_on=spec.retry_on,
        memory_grown=memory_grown(spec, task.growth),
        secret_values=secret_values(spec),
    )
