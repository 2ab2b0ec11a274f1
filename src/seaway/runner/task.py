"""What the runner is asked to do: the container's environment as one value."""

# ruff: noqa: PTH117
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os

from seaway.runner.report import StageFailed

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    make_scanner: Callable[[Any], Callable[[str, int], tuple[Any, int]]]
    from typing import Any
else:
    try:  # json's own scanner, without the regular expressions that `json` loads first: 4 ms of each task
        from _json import make_scanner
    except ImportError:
        from json.scanner import make_scanner


class _Settings:
    """What the scanner wants to know: plain JSON."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, float
    memo: dict[str, str] = {}  # noqa: RUF012


_scan = make_scanner(_Settings())

HIDDEN = ("SEAWAY_TOKEN", "SEAWAY_SPEC", "SEAWAY_CA", "SEAWAY_GATEWAY", "SEAWAY_RUNNER_TEMPORARY")
"""What the program does not get to see."""
UNMOUNTED_CACHE = "SEAWAY_VOLUME_SEAWAY_TASK_CACHE"
"""Where the attempt's cache lies on a node that cannot mount it."""


class Task:
    """One attempt of a task."""

    __slots__ = (
        "attempt",
        "ca",
        "checkpoint_seconds",
        "code",
        "command",
        "environment",
        "fence",
        "gateway",
        "gpus",
        "hung_seconds",
        "lease_seconds",
        "memory_bytes",
        "memory_grows",
        "name",
        "run",
        "scratch_bytes",
        "scratch_files",
        "token",
        "workdir",
    )

    def __init__(self, environ: Mapping[str, str], spec: dict[str, Any]) -> None:
        self.run = environ["SEAWAY_RUN"]
        self.name = environ["SEAWAY_TASK"]
        self.attempt = _number(environ, "SEAWAY_ATTEMPT")
        self.fence = _number(environ, "SEAWAY_FENCE")
        self.gateway = environ["SEAWAY_GATEWAY"]
        self.ca = environ.get("SEAWAY_CA", "")
        self.token = environ["SEAWAY_TOKEN"]
        self.command = _command(spec)
        self.code = _digest(spec, "code")
        """Digest of the code snapshot; None for an empty folder."""
        self.environment = _digest(spec, "environment")
        """Digest of the lock; None for the image's own packages."""
        self.workdir = _workdir(spec)
        """Folder inside the code to start in; "" for its root."""
        self.checkpoint_seconds = float(spec.get("checkpoint_seconds", 30))
        """How often a changed checkpoint is saved while the program runs."""
        self.scratch_bytes = int(spec.get("scratch_bytes", 0))
        """How much the program may leave on the container's own disk; 0 for as much as there is."""
        self.scratch_files = int(spec.get("scratch_files", 0))
        """How many files that may be; 0 for any number."""
        self.lease_seconds = float(spec.get("lease_seconds", 0))
        """For how long the program may run without word from the server; 0 for ever."""
        self.memory_bytes = int(spec.get("memory_bytes", 0))
        """How much memory it may use; 0 where the task does not say."""
        self.memory_grows = bool(spec.get("memory_grows"))
        """Where it runs out of memory it is tried again with more."""
        self.gpus = int(spec.get("gpus", 0))
        """How many it asked for."""
        self.hung_seconds = float(spec.get("hung_seconds", 0))
        """After how long without use of the CPU it may be ended; 0 for never."""


def read_task(environ: Mapping[str, str]) -> Task:
    """Return what the environment asks for.

    Raises:
        StageFailed: a variable is missing or wrong; the message names it.
    """
    try:
        return Task(environ, _parse(environ["SEAWAY_SPEC"]))
    except KeyError as error:
        raise StageFailed("spec", f"{error.args[0]} is missing from what the server sent") from None
    except (TypeError, ValueError, AttributeError, StopIteration) as error:
        raise StageFailed(
            "spec", f"what the server sent is not what the runner understands: {error}"
        ) from None


def _parse(text: str) -> dict[str, Any]:
    spec: dict[str, Any]
    try:
        spec = _scan(text, 0)[0]
    except (StopIteration, ValueError, TypeError, SystemError):  # the last: it cannot load its own error
        import json

        try:
            spec = json.loads(text)
        except ValueError as error:
            raise ValueError(f"SEAWAY_SPEC is not JSON: {error}") from None
    return spec


def _number(environ: Mapping[str, str], name: str) -> int:
    try:
        return int(environ[name])
    except ValueError:
        raise ValueError(f"{name} must be a number") from None


def _command(spec: dict[str, Any]) -> list[str]:
    command = spec["command"]
    if not command or not all(isinstance(word, str) for word in command):
        raise ValueError("SEAWAY_SPEC: command must be a list of texts")
    return list(command)


def _workdir(spec: dict[str, Any]) -> str:
    workdir = os.path.normpath(spec.get("workdir") or ".")
    if os.path.isabs(workdir) or workdir.startswith(".."):
        raise ValueError("SEAWAY_SPEC: workdir must be a folder inside the code")
    return "" if workdir == "." else workdir


def _digest(spec: dict[str, Any], field: str) -> str | None:
    digest = spec.get(field)
    if digest is None:
        return None
    if not isinstance(digest, str) or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"SEAWAY_SPEC: {field} must be a SHA-256 digest")
    return digest
