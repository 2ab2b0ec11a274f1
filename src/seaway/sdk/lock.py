"""Resolve requirements into a lock with uv, once for each content."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from seaway.sdk.environment import Source, is_empty, without_local
from seaway.sdk.errors import InvalidInput
from seaway.sdk.home import write_private

RESOLVE_TIMEOUT = 600.0
"""Seconds: building metadata of source distributions can take minutes."""
FORMAT = "1"
"""Changes when locks are made in another way, so that cached ones are made again."""
_INDEX = re.compile(
    r"(?m)^\s*(?:-i|-f|--index-url|--extra-index-url|--find-links)[\s=]|^\s*\[\[?tool\.uv\.index\b"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a lock is for."""

    python_version: str = f"{sys.version_info.major}.{sys.version_info.minor}"
    platform: str | None = None
    """As uv's --python-platform names it; None for this machine's."""


def target_for(*, elsewhere: bool, system: str) -> Target:
    """Return what a lock is for.

    Args:
        elsewhere: the program runs on a team's cluster, not on this machine.
        system: this machine's, as sys.platform says; clusters run Linux.
    """
    return Target(platform="linux" if elsewhere and system != "linux" else None)


@dataclass(frozen=True, slots=True)
class Lock:
    """Pinned requirements with hashes."""

    text: str
    """"" where nothing has to be installed."""
    warnings: tuple[str, ...] = ()


def make_lock(source: Source, cache: Path, target: Target | None = None) -> Lock:
    """Return the lock of some requirements, from the cache where they were resolved before.

    Args:
        source: as `choose_source` says.
        cache: the folder of locks, made where it is missing.
        target: None for this machine and Python.

    Raises:
        InvalidInput: they cannot be resolved; the message is the resolver's own.
    """
    target = target or Target()
    if source.kind != "uv.lock" and is_empty(source.text):
        return Lock("", source.warnings)
    key = "\0".join(
        [FORMAT, source.kind, target.python_version, target.platform or sys.platform, source.text]
    )
    cached = cache / f"{hashlib.sha256(key.encode()).hexdigest()}.txt"
    if cached.is_file():
        resolved = cached.read_text()
    else:
        resolved = _resolve(source, target)
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(cached, resolved)
    text, local = without_local(resolved)
    warnings = tuple(f"{item!r} is on this machine only and is left out" for item in local)
    return Lock("" if is_empty(text) else text, source.warnings + warnings)


def is_cached(source: Source, cache: Path, target: Target | None = None) -> bool:
    """Return whether `make_lock` will be quick."""
    return _needs_nothing(source) or _cached(source, cache, target or Target()).is_file()


def _needs_nothing(source: Source) -> bool:
    return source.kind in ("requirements", "captured") and is_empty(source.text)


def _cached(source: Source, cache: Path, target: Target) -> Path:
    key = "\0".join(
        [FORMAT, source.kind, target.python_version, target.platform or sys.platform, source.text]
    )
    return cache / f"{hashlib.sha256(key.encode()).hexdigest()}.txt"


def _resolve(source: Source, target: Target) -> str:
    command = uv_command(source, target)
    folder = source.path.parent if source.path else None
    try:
        done = subprocess.run(
            command,
            input=source.text if source.path is None else None,
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=RESOLVE_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(
            f"resolving {_what(source)} took more than {RESOLVE_TIMEOUT:g} s",
            code="Unresolvable",
            field="--requirements",
        ) from error
    if done.returncode != 0:
        said = done.stderr.strip() or done.stdout.strip()
        raise InvalidInput(
            f"{_what(source)} cannot be resolved:\n{said}",
            code="Unresolvable",
            field="--requirements",
            remedy=_remedy(source),
        )
    return done.stdout


def uv_command(source: Source, target: Target) -> list[str]:
    """Return the command that resolves some requirements; it prints the lock."""
    quiet = ["--no-header", "--color", "never", "--quiet"]
    if source.kind == "uv.lock" and source.path is not None:
        project = [
            "--project",
            str(source.path.parent),
            "--frozen",
            "--no-dev",
            "--no-emit-project",
            "--no-annotate",
        ]
        return [find_uv(), "export", "--format", "requirements.txt", *project, *quiet]
    file = source.path.name if source.path else "-"
    python = ["--python", sys.executable, "--python-version", target.python_version]
    platform = ["--python-platform", target.platform] if target.platform else []
    options = ["--generate-hashes", "--no-annotate"]
    if _INDEX.search(
        source.text
    ):  # an index that the user names belongs to the lock; this machine's own does not
        options += ["--emit-index-url", "--emit-find-links"]
    return [find_uv(), "pip", "compile", file, *options, *python, *platform, *quiet]


def find_uv() -> str:
    """Return uv's path: the one that was installed with Seaway, else the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if os.access(beside, os.X_OK) else "uv"


def _what(source: Source) -> str:
    return str(source.path) if source.path else "the packages of the active environment"


def _remedy(source: Source) -> str:
    if source.path is None:
        return "Name what the script needs in a file: seaway run --requirements requirements.txt"
    return "Mend the line that the resolver names"
