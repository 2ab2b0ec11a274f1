"""From what a user submits to the records of a new run. Pure, but for the random part of a generated name."""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from random import Random

from seaway.model.run import Phase, RunSpec
from seaway.platform.database.binned import CODE, ENVIRONMENTS, Upload
from seaway.platform.database.records import RunRecord, TaskRecord

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
    command = shlex.join(spec.tasks[0].command)
    if len(command) > _LONGEST_COMMAND:
        command = f"{command[: _LONGEST_COMMAND - 1]}…"
    run = RunRecord(
        id=0, uid=uid, name=name, user=user, namespace=namespace, phase=Phase.QUEUED, message="queued",
        command=command, created=now,
    )  # fmt: skip
    tasks = [TaskRecord(run_id=0, name=task.name, position=index) for index, task in enumerate(spec.tasks)]
    return run, tasks
