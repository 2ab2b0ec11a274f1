"""Queries about attempts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from seaway.model.run import Phase
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.records import AttemptRecord, as_row
from seaway.platform.database.tables import ATTEMPTS, RUNS, TASKS

_CHANGING = (
    "uid", "phase", "node", "started", "finished", "exit_code", "asked", "asked_at", "verdict", "boot_id", "created_monotonic", "started_monotonic",
    "peak_memory", "memory_limit",
)  # fmt: skip
_SAVE = (
    update(ATTEMPTS)
    .where(
        ATTEMPTS.c.run_id == bindparam("_run_id"),
        ATTEMPTS.c.task == bindparam("_task"),
        ATTEMPTS.c.number == bindparam("_number"),
    )
    .values({name: bindparam(name) for name in _CHANGING})
)
_ADD = insert(ATTEMPTS)
_COLUMNS = [column for column in ATTEMPTS.c if column.name != "log_indexed"]


def add(connection: Connection, attempts: Sequence[AttemptRecord]) -> None:
    """Insert new attempts; the primary key forbids a number twice."""
    if attempts:
        connection.execute(_ADD, [_values(attempt) for attempt in attempts])


def save(connection: Connection, attempts: Sequence[AttemptRecord]) -> None:
    """Write what of attempts can change."""
    if attempts:
        rows = [_values(attempt) for attempt in attempts]
        changes = [
            {"_run_id": row["run_id"], "_task": row["task"], "_number": row["number"]}
            | {key: row[key] for key in _CHANGING}
            for row in rows
        ]
        connection.execute(_SAVE, changes)


def of_run(connection: Connection, run_id: int) -> list[AttemptRecord]:
    """Return a run's attempts, oldest first within each task."""
    query = select(*_COLUMNS).where(ATTEMPTS.c.run_id == run_id).order_by(ATTEMPTS.c.task, ATTEMPTS.c.number)
    return [_record(row._asdict()) for row in connection.execute(query)]


def newest_of_run(connection: Connection, run_id: int) -> list[AttemptRecord]:
    """Return the newest attempt of each task of a run."""
    newest = (
        select(ATTEMPTS.c.task, func.max(ATTEMPTS.c.number).label("number"))
        .where(ATTEMPTS.c.run_id == run_id)
        .group_by(ATTEMPTS.c.task)
        .subquery()
    )
    matches = (ATTEMPTS.c.task == newest.c.task) & (ATTEMPTS.c.number == newest.c.number)
    query = select(*_COLUMNS).join(newest, matches).where(ATTEMPTS.c.run_id == run_id)
    return [_record(row._asdict()) for row in connection.execute(query)]


def with_fence(connection: Connection, run_id: int, task: str, fence: int) -> AttemptRecord | None:
    """Return the attempt of a task that has a fencing number."""
    query = select(*_COLUMNS).where(
        ATTEMPTS.c.run_id == run_id, ATTEMPTS.c.task == task, ATTEMPTS.c.fence == fence
    )
    row = connection.execute(query).first()
    return _record(row._asdict()) if row else None


def verdicts_before(
    connection: Connection, run_id: int, task: str, number: int, limit: int
) -> list[dict[str, Any] | None]:
    """Return the verdicts of a task's attempts before one of them, the newest first."""
    query = select(ATTEMPTS.c.verdict).where(
        ATTEMPTS.c.run_id == run_id, ATTEMPTS.c.task == task, ATTEMPTS.c.number < number
    )
    return list(connection.execute(query.order_by(ATTEMPTS.c.number.desc()).limit(limit)).scalars())


def on_node(connection: Connection, node: str, since: float, limit: int) -> list[Row[Any]]:
    """Return what is on a node, and what ended there since a time as nobody's fault, oldest first.

    Each row has the run's name and user, the task, the attempt's number, phase, verdict and when it was decided, and the
    task's message now.
    """
    columns = (
        RUNS.c.name.label("run"), RUNS.c.user, ATTEMPTS.c.task, ATTEMPTS.c.number, ATTEMPTS.c.phase, ATTEMPTS.c.verdict, ATTEMPTS.c.created, TASKS.c.message,
    )  # fmt: skip
    query = (
        select(*columns)
        .join(RUNS, RUNS.c.id == ATTEMPTS.c.run_id)
        .join(TASKS, (TASKS.c.run_id == ATTEMPTS.c.run_id) & (TASKS.c.name == ATTEMPTS.c.task))
        .where(ATTEMPTS.c.node == node)
        .where(ATTEMPTS.c.finished.is_(None) | (ATTEMPTS.c.finished >= since))
        .order_by(ATTEMPTS.c.run_id, ATTEMPTS.c.task)
        .limit(limit)
    )
    return list(connection.execute(query))


def log_indexed(connection: Connection, owner: ChunkOwner) -> None:
    """Take note that an attempt's log was looked through."""
    run = select(RUNS.c.id).where(RUNS.c.uid == owner.run_uid).scalar_subquery()
    one = (ATTEMPTS.c.run_id == run) & (ATTEMPTS.c.task == owner.task) & (ATTEMPTS.c.number == owner.attempt)
    connection.execute(update(ATTEMPTS).where(one).values(log_indexed=True))


def _values(attempt: AttemptRecord) -> dict[str, Any]:
    return as_row(attempt) | {"phase": attempt.phase.value}


def _record(values: dict[str, Any]) -> AttemptRecord:
    return AttemptRecord(**values | {"phase": Phase(values["phase"])})
