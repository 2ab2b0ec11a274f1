"""From what a user submits to the records of a new run, and of one that is tried again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from random import Random

from sqlalchemy import Connection

from seaway.model.run import Phase, RunSpec
from seaway.platform.database import binned, outputs, runs, tasks
from seaway.platform.database.binned import CODE, ENVIRONMENTS, Upload
from seaway.platform.database.records import RunRecord, TaskRecord
from seaway.platform.diagnosis import waits
from seaway.platform.masking import masked_command

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, so that no words come out, and nothing that looks like something else."""
_SUFFIX = 5
_LONGEST_NAME = 63
_STEM = 30
_INTERPRETERS = re.compile(r"(python|pypy|bash|sh|env|uv|Rscript|julia|node)[0-9.]*$")
_TEXT_FOLLOWS = ("-c", "-lc", "-ec", "-e")
"""Options after which a program's text stands, which makes no name."""
_LONGEST_COMMAND = 500


def stem_of(command: tuple[str, ...]) -> str:
    """Return the word that a run is named after: its script's name, else its program's."""
    words = [
        word
        for before, word in zip(("", *command), command, strict=False)
        if not word.startswith("-") and before not in _TEXT_FOLLOWS
    ]
    scripts = [word for word in words if not _INTERPRETERS.match(PurePosixPath(word).name)]
    chosen = PurePosixPath((scripts or words or ["run"])[0]).name
    plain = re.sub(r"[^a-z0-9]+", "-", PurePosixPath(chosen).stem.lower()).strip("-")
    plain = re.sub(r"^[^a-z]+", "", plain)[:_STEM].strip("-")
    return plain or "run"


def generated_name(spec: RunSpec, random: Random) -> str:
    """Return a name for a run that was given none; the caller sees to it that it is free."""
    return with_suffix(stem_of(spec.tasks[0].command), random)


def with_suffix(stem: str, random: Random) -> str:
    """Return a name made of another one, cut where it is long, and some random letters."""
    return f"{stem[: _LONGEST_NAME - _SUFFIX - 1].rstrip('-')}-{''.join(random.choices(_LETTERS, k=_SUFFIX))}"


def uploads_of(spec: RunSpec) -> set[Upload]:
    """Return what of what was uploaded a run refers to."""
    code = {Upload(CODE, task.code) for task in spec.tasks if task.code}
    return code | {Upload(ENVIRONMENTS, task.environment) for task in spec.tasks if task.environment}


def new_records(
    spec: RunSpec, *, name: str, uid: str, user: str, namespace: str, now: float
) -> tuple[RunRecord, list[TaskRecord]]:
    """Return a new run and its tasks; their ids are 0 until they are stored."""
    command = masked_command(spec.tasks[0].command)
    if len(command) > _LONGEST_COMMAND:
        command = f"{command[: _LONGEST_COMMAND - 1]}…"
    run = RunRecord(
        id=0, uid=uid, name=name, user=user, namespace=namespace, phase=Phase.QUEUED, message=waits.QUEUED,
        command=command, created=now,
    )  # fmt: skip
    tasks = [TaskRecord(run_id=0, name=task.name, position=index) for index, task in enumerate(spec.tasks)]
    return run, tasks


def insert(
    connection: Connection,
    *,
    run: RunRecord,
    records: Sequence[TaskRecord],
    spec: RunSpec,
    make_way: Callable[[Connection, str], None],
    sizes: Mapping[Upload, int],
) -> tuple[RunRecord, list[TaskRecord]]:
    """Store a new run with its tasks; return them with their ids.

    Args:
        connection: inside a transaction.
        run: the run.
        records: its tasks.
        spec: what was submitted.
        make_way: frees the run's name where a run in the bin has it.
        sizes: the bytes of what was uploaded.
    """
    make_way(connection, run.name)
    stored = runs.add(connection, run, spec.model_dump(mode="json", exclude_defaults=True))
    owned = [replace(task, run_id=stored.id) for task in records]
    tasks.add(connection, owned)
    binned.add_uploads(connection, stored.id, {upload: sizes.get(upload, 0) for upload in uploads_of(spec)})
    return stored, owned


def volumes_again(connection: Connection, record: RunRecord) -> set[str]:
    """Return the volumes of the tasks of a run that did not succeed."""
    named = {
        task.get("name", "main"): {mount["name"] for mount in task.get("volumes", ())}
        for task in runs.spec(connection, record.id)["tasks"]
    }
    if not any(named.values()):
        return set()
    again = [task for task in tasks.of_run(connection, record.id) if task.phase is not Phase.SUCCEEDED]
    return set().union(*(named[task.name] for task in again))


def begin_again(connection: Connection, name: str, *, fresh: bool) -> RunRecord | None:
    """Put the tasks that did not succeed back in the queue; None where the run has not ended (any more)."""
    run = runs.by_name(connection, name)
    if run is None or not run.phase.ended:
        return None
    runs.save(
        connection,
        replace(
            run,
            phase=Phase.QUEUED,
            message=waits.QUEUED,
            finished=None,
            stop_requested=None,
            verdict=None,
            exit_code=None,
        ),
    )
    again = [
        replace(
            task,
            phase=Phase.QUEUED,
            message=waits.QUEUED,
            failures=0,
            losses=0,
            not_before=None,
            verdict=None,
            begun=False,
            waits_since=None,
        )
        for task in tasks.of_run(connection, run.id)
        if task.phase is not Phase.SUCCEEDED
    ]
    tasks.save(connection, again)
    for task in again if fresh else ():
        outputs.forget_checkpoint(connection, run.id, task.name)
    return runs.by_name(connection, name)
