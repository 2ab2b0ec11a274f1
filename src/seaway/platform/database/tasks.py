"""Queries about tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from seaway.base.messages import as_words, from_words
from seaway.model.run import Phase
from seaway.platform.database.records import TaskRecord, as_row
from seaway.platform.database.tables import TASKS

_CHANGING = (
    "phase", "message", "fence", "failures", "losses", "growth", "not_before", "verdict",
    "begun", "waits_since", "boot_id", "waits_since_monotonic", "words",
)  # fmt: skip
_SAVE = (
    update(TASKS)
    .where(TASKS.c.run_id == bindparam("_run_id"), TASKS.c.name == bindparam("_name"))
    .values({name: bindparam(name) for name in _CHANGING})
)


def add(connection: Connection, tasks: Sequence[TaskRecord]) -> None:
    """Insert the tasks of a new run."""
    connection.execute(insert(TASKS), [_values(task) for task in tasks])


def save(connection: Connection, tasks: Sequence[TaskRecord]) -> None:
    """Write what of tasks can change."""
    if tasks:
        rows = [_values(task) for task in tasks]
        changes = [
            {"_run_id": row["run_id"], "_name": row["name"]} | {key: row[key] for key in _CHANGING}
            for row in rows
        ]
        connection.execute(_SAVE, changes)


def of_run(connection: Connection, run_id: int) -> list[TaskRecord]:
    """Return a run's tasks in the order of its spec."""
    rows = connection.execute(select(TASKS).where(TASKS.c.run_id == run_id).order_by(TASKS.c.position))
    return [_record(row) for row in rows]


def fence(connection: Connection, run_id: int, task: str) -> int | None:
    """Return a task's newest fencing number, None where there is no such task."""
    query = select(TASKS.c.fence).where(TASKS.c.run_id == run_id, TASKS.c.name == task)
    return connection.execute(query).scalar_one_or_none()


def _values(task: TaskRecord) -> dict[str, Any]:
    kept = {"message": str(task.message), "words": as_words(task.message)}
    return as_row(task) | {"phase": task.phase.value, **kept}


def _record(row: Row[Any]) -> TaskRecord:
    values = row._asdict()
    words = values.pop("words")
    message = values["message"] if words is None else from_words(words)
    return TaskRecord(**values | {"phase": Phase(row.phase), "message": message})
