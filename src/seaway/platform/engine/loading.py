"""Mirrors of runs out of the database: at the start of a server, and where a run is taken up again."""

from __future__ import annotations

from sqlalchemy import Connection

from seaway.model.run import Phase, RunSpec
from seaway.platform.database import attempts, locks, runs, sentences, tasks
from seaway.platform.database.records import RunRecord, TaskRecord
from seaway.platform.engine.state import RunState, run_state
from seaway.platform.engine.telling import TOLD


def load_live(connection: Connection) -> tuple[list[RunState], dict[str, int]]:
    """Return the mirrors of all runs that have not ended, and the newest token of each lock."""
    return [load(connection, run) for run in runs.live(connection)], locks.tokens(connection)


def load(connection: Connection, run: RunRecord) -> RunState:
    """Return a run's mirror as the database has it."""
    spec = RunSpec.model_validate(runs.spec(connection, run.id))
    records: list[TaskRecord] = tasks.of_run(connection, run.id)
    state = run_state(run, spec, records, attempts.newest_of_run(connection, run.id))
    if len(records) <= TOLD and any(task.phase is Phase.QUEUED for task in records):
        for sentence in sentences.of_run(connection, run.uid):
            attempt = state.attempts.get(sentence.task)
            if sentence.attempt > (attempt.number if attempt is not None else 0):
                state.said.setdefault(sentence.task, []).append((sentence.text, int(sentence.said * 1e9)))
    return state
