"""Records -> what users see. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, overload

from seaway.model.attempt_usage import AttemptUsage, LiveAttempt
from seaway.model.run import AttemptView, CheckpointView, LossView, OutputView, RunSpec, RunView, TaskView
from seaway.model.verdict import Verdict
from seaway.platform.database.records import (
    AttemptRecord,
    CheckpointRecord,
    OutputRecord,
    RunRecord,
    TaskRecord,
)
from seaway.platform.engine.state import RunState
from seaway.platform.masking import masked_spec

UsageOf = Callable[[str], AttemptUsage | None]


def run_view(
    run: RunRecord,
    spec: RunSpec | None = None,
    tasks: Sequence[TaskRecord] = (),
    attempts: Sequence[AttemptRecord] = (),
    *,
    bin_seconds: float,
    usage: UsageOf = lambda pod: None,  # noqa: ARG005
) -> RunView:
    """Return a run as users see it; without spec and tasks it is a line of a list.

    Args:
        run: itself.
        spec: what was submitted.
        tasks: its tasks.
        attempts: theirs.
        bin_seconds: how long a run stays in the bin.
        usage: returns what the program of a pod uses now, where that is known.
    """
    by_task: dict[str, list[AttemptRecord]] = {}
    for attempt in attempts:
        by_task.setdefault(attempt.task, []).append(attempt)
    after = {task.name: task.after for task in spec.tasks} if spec is not None else {}
    return RunView(
        name=run.name,
        user=run.user,
        workspace=run.namespace,
        phase=run.phase,
        message=run.message,
        command=run.command,
        created=_time(run.created),
        started=_time(run.started),
        finished=_time(run.finished),
        deleted=_time(run.deleted),
        emptied=_time(None if run.deleted is None else run.deleted + bin_seconds),
        verdict=_verdict(run.verdict),
        exit_code=run.exit_code,
        tasks=tuple(
            _task_view(task, after.get(task.name, ()), by_task.get(task.name, ()), usage) for task in tasks
        ),
        spec=None if spec is None else masked_spec(spec),
    )


def doubt(nodes: Iterable[str | None], cluster: Iterable[Mapping[str, Any]]) -> str:
    """Return why what is said of a run may have passed since, "" where nothing speaks for that.

    Args:
        nodes: where its attempts are that have not ended.
        cluster: the nodes as the cluster shows them.
    """
    wanted = {name for name in nodes if name}
    shown = {node["metadata"]["name"]: node for node in cluster} if wanted else {}
    for name in sorted(wanted) if shown else ():  # a server that may not look at nodes sees none
        if name not in shown:
            return f"its node {name} is not in the cluster any more: whether it still runs there is not known"
        for condition in (shown[name].get("status") or {}).get("conditions") or ():
            if (condition.get("type"), condition.get("status")) == ("Ready", "Unknown"):
                since = condition.get("lastTransitionTime") or "a while ago"
                return f"its node {name} has not answered since {since}: whether it still runs there is not known"
    return ""


def output_view(output: OutputRecord) -> OutputView:
    """Return a committed file as users see it."""
    return OutputView(
        task=output.task,
        path=output.path,
        size=output.size,
        sha256=output.sha256,
        committed=_time(output.committed),
    )


def checkpoint_view(task: str, attempt: int, checkpoint: CheckpointRecord) -> CheckpointView:
    """Return what a task has saved as users see it."""
    return CheckpointView(
        task=task,
        attempt=attempt,
        sha256=checkpoint.sha256,
        size=checkpoint.size,
        saved=_time(checkpoint.saved),
    )


def loss_view(attempt: AttemptRecord, checkpoint: CheckpointView | None) -> LossView:
    """Return an attempt that was lost on purpose as users see it."""
    assert attempt.asked_at is not None
    return LossView(
        task=attempt.task,
        attempt=attempt.number,
        pod=attempt.pod,
        node=attempt.node,
        at=_time(attempt.asked_at),
        checkpoint=checkpoint,
    )


def live_attempts(states: Iterable[RunState], usage: UsageOf) -> list[LiveAttempt]:
    """Return the attempts of runs whose programs run now with what they use, the oldest runs first."""
    return [
        LiveAttempt(
            run=state.run.name,
            user=state.run.user,
            workspace=state.run.namespace,
            task=attempt.task,
            attempt=attempt.number,
            node=attempt.node,
            started=_time(attempt.started),
            command=state.run.command,
            usage=usage(attempt.pod),
        )
        for state in sorted(states, key=lambda state: state.run.id)
        for attempt in state.attempts.values()
        if attempt.started is not None and not attempt.phase.ended
    ]


def _task_view(
    task: TaskRecord, after: tuple[str, ...], attempts: Sequence[AttemptRecord], usage: UsageOf
) -> TaskView:
    views = tuple(_attempt_view(attempt, usage) for attempt in attempts)
    return TaskView(name=task.name, phase=task.phase, after=after, message=task.message, attempts=views)


def _attempt_view(attempt: AttemptRecord, usage: UsageOf) -> AttemptView:
    uses = None if attempt.phase.ended else usage(attempt.pod)
    return AttemptView(
        number=attempt.number,
        phase=attempt.phase,
        pod=attempt.pod,
        node=attempt.node,
        created=_time(attempt.created),
        started=_time(attempt.started),
        finished=_time(attempt.finished),
        exit_code=attempt.exit_code,
        verdict=_verdict(attempt.verdict),
        usage=uses,
        peak_memory=uses.memory_peak if uses is not None else attempt.peak_memory,
        memory_limit=attempt.memory_limit,
    )


def _verdict(stored: Mapping[str, Any] | None) -> Verdict | None:
    return Verdict.from_stored(stored) if stored is not None else None


@overload
def _time(epoch: float) -> datetime: ...
@overload
def _time(epoch: float | None) -> datetime | None: ...
def _time(epoch: float | None) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if epoch is not None else None
