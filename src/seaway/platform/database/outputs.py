"""Queries about committed outputs and checkpoints."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from seaway.platform.database.records import CheckpointRecord, OutputRecord, as_row
from seaway.platform.database.tables import CHECKPOINTS, OUTPUTS, RUNS


def replace(connection: Connection, run_id: int, task: str, outputs: Sequence[OutputRecord]) -> None:
    """Put a task's outputs in place of what an earlier attempt committed."""
    connection.execute(delete(OUTPUTS).where(OUTPUTS.c.run_id == run_id, OUTPUTS.c.task == task))
    if outputs:
        connection.execute(insert(OUTPUTS), [as_row(output) | {"run_id": run_id} for output in outputs])


def of_run(connection: Connection, run_id: int) -> list[OutputRecord]:
    """Return a run's outputs by task and path."""
    query = select(OUTPUTS).where(OUTPUTS.c.run_id == run_id).order_by(OUTPUTS.c.task, OUTPUTS.c.path)
    return [
        OutputRecord(row.task, row.path, row.size, row.sha256, row.committed)
        for row in connection.execute(query)
    ]


def all_digests(connection: Connection) -> set[str]:
    """Return the digests of all files that any run committed."""
    return set(connection.execute(select(OUTPUTS.c.sha256).distinct()).scalars())


def referenced(connection: Connection, digests: Collection[str]) -> set[str]:
    """Return which of these digests some run committed."""
    query = select(OUTPUTS.c.sha256).where(OUTPUTS.c.sha256.in_(digests)).distinct()
    return set(connection.execute(query).scalars())


def one(connection: Connection, run_id: int, task: str, path: str) -> OutputRecord | None:
    """Return one output."""
    query = select(OUTPUTS).where(OUTPUTS.c.run_id == run_id, OUTPUTS.c.task == task, OUTPUTS.c.path == path)
    row = connection.execute(query).first()
    return OutputRecord(row.task, row.path, row.size, row.sha256, row.committed) if row else None


def save_checkpoint(connection: Connection, run_id: int, task: str, checkpoint: CheckpointRecord) -> None:
    """Put a task's checkpoint in place of the one before."""
    forget_checkpoint(connection, run_id, task)
    connection.execute(insert(CHECKPOINTS).values(as_row(checkpoint) | {"run_id": run_id, "task": task}))


def forget_checkpoint(connection: Connection, run_id: int, task: str) -> None:
    """Drop a task's checkpoint, if it has one."""
    connection.execute(delete(CHECKPOINTS).where(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.task == task))


def checkpoints(connection: Connection, run_id: int) -> dict[str, CheckpointRecord]:
    """Return the newest checkpoint of each task that has one."""
    query = select(CHECKPOINTS).where(CHECKPOINTS.c.run_id == run_id).order_by(CHECKPOINTS.c.task)
    return {
        row.task: CheckpointRecord(row.sha256, row.size, row.fence, row.saved, row.files)
        for row in connection.execute(query)
    }


def checkpoint(connection: Connection, run_id: int, task: str) -> CheckpointRecord | None:
    """Return a task's newest checkpoint."""
    query = select(CHECKPOINTS).where(CHECKPOINTS.c.run_id == run_id, CHECKPOINTS.c.task == task)
    row = connection.execute(query).first()
    return CheckpointRecord(row.sha256, row.size, row.fence, row.saved, row.files) if row else None


def uncounted_checkpoints(connection: Connection) -> list[tuple[str, str, str]]:
    """Return the checkpoints of which nobody counted the files: the run's uid, the task, the digest."""
    query = select(RUNS.c.uid, CHECKPOINTS.c.task, CHECKPOINTS.c.sha256).join(
        RUNS, CHECKPOINTS.c.run_id == RUNS.c.id
    )
    rows = connection.execute(query.where(CHECKPOINTS.c.files.is_(None), RUNS.c.emptied.is_(None)))
    return [(row.uid, row.task, row.sha256) for row in rows]


def count_checkpoint(connection: Connection, sha256: str, files: int) -> None:
    """Write down in how many files a checkpoint lies, by its digest."""
    same = (CHECKPOINTS.c.sha256 == sha256, CHECKPOINTS.c.files.is_(None))
    connection.execute(update(CHECKPOINTS).where(*same).values(files=files))
