"""What the runner is asked to do: the container's environment as one value."""

# ruff: noqa: PTH117
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import NamedTuple, Optional

from seaway.runner.report import StageFailed

HIDDEN = ("SEAWAY_TOKEN", "SEAWAY_SPEC", "SEAWAY_CA", "SEAWAY_GATEWAY", "SEAWAY_RUNNER_TEMPORARY")
"""What the program does not get to see."""


class Task(NamedTuple):
    """One attempt of a task."""

    run: str
    name: str
    attempt: int
    fence: int
    command: list[str]
    code: Optional[str]  # noqa: UP045
    """Digest of the code snapshot; None for an empty folder."""
    environment: Optional[str]  # noqa: UP045
    """Digest of the lock; None for the image's own packages."""
    workdir: str
    """Folder inside the code to start in; "" for its root."""
    checkpoint_seconds: float
    """How often a changed checkpoint is saved while the program runs."""
    gateway: str
    ca: str
    token: str


def read_task(environ: Mapping[str, str]) -> Task:
    """Return what the environment asks for.

    Raises:
        StageFailed: a variable is missing or wrong; the message names it.
    """
    name = "SEAWAY_SPEC"
    try:
        spec = json.loads(environ["SEAWAY_SPEC"])
        command = spec["command"]
        if not command or not all(isinstance(word, str) for word in command):
            raise ValueError("command must be a list of texts")
        workdir = os.path.normpath(spec.get("workdir") or ".")
        if os.path.isabs(workdir) or workdir.startswith(".."):
            raise ValueError("workdir must be a folder inside the code")
        name = "SEAWAY_ATTEMPT or SEAWAY_FENCE"
        return Task(
            run=environ["SEAWAY_RUN"],
            name=environ["SEAWAY_TASK"],
            attempt=int(environ["SEAWAY_ATTEMPT"]),
            fence=int(environ["SEAWAY_FENCE"]),
            command=command,
            code=_digest(spec, "code"),
            environment=_digest(spec, "environment"),
            workdir="" if workdir == "." else workdir,
            checkpoint_seconds=float(spec.get("checkpoint_seconds", 30)),
            gateway=environ["SEAWAY_GATEWAY"],
            ca=environ.get("SEAWAY_CA", ""),
            token=environ["SEAWAY_TOKEN"],
        )
    except KeyError as error:
        raise StageFailed("spec", f"{error.args[0]} is missing from what the server sent") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise StageFailed("spec", f"{name} is not what the runner understands: {error}") from None


def _digest(spec: dict[str, object], field: str) -> str | None:
    digest = spec.get(field)
    if digest is None:
        return None
    if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{field} must be a SHA-256 digest")
    return digest
