"""Submitting a program: what `seaway run` and `seaway prove` do with what was typed."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from seaway.cli.asked import advice
from seaway.cli.context import LOCAL, Target, note
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import InvalidInput, SeawayError, ServerUnreachable
from seaway.sdk.home import Home
from seaway.sdk.origin import origin
from seaway.sdk.submit import Options, Program, build_spec, check_script, script_program

if TYPE_CHECKING:
    from seaway.sdk.environment import Source


def submit(client: SeawayClient, spec: dict[str, Any]) -> str:
    """Submit a run; return its name."""
    try:
        return str(client.submit(spec)["name"])
    except KeyboardInterrupt:
        note("\nBroken off while the run was being submitted. Whether it exists: " + advice("ps -a"))
        raise


def check(words: tuple[str, ...], options: Options, *, is_command: bool) -> None:
    """Raise SeawayError for what is wrong with a program and its options, before anything is done."""
    program = choose_program(words, is_command=is_command)
    build_spec(program, options, code=None, environment=None, environ=os.environ)


def choose_program(words: tuple[str, ...], *, is_command: bool) -> Program:
    """Return what is run, and from where. Raises SeawayError where that is nothing that can be run."""
    from seaway.sdk.files import project_root

    if not words:
        remedy = "seaway run SCRIPT.py, or seaway run -- COMMAND"
        raise SeawayError("there is nothing to run", code="Usage", remedy=remedy)
    current = Path.cwd()
    if is_command:
        return Program(words, current.resolve(), project_root(current, home=Path.home().resolve()))
    script = check_script(words[0], current)
    root = project_root(script.parent, home=Path.home().resolve())
    if _too_wide(root):
        raise InvalidInput(
            f"the script lies in {root}, which is not sent as a whole",
            code="NotAProject",
            field="SCRIPT",
            remedy="Give it a folder of its own, with what it needs beside it",
        )
    return script_program(words[0], words[1:], current, root)


def _too_wide(root: Path) -> bool:
    """Return whether a folder holds more than anybody's code."""
    return root in (Path.home().resolve(), Path(root.anchor))


def connect_or_start(target: Target, *, start: bool) -> SeawayClient:
    """Connect; where this machine's server does not run, start it if that was asked for or the person at the terminal agrees."""
    if start and target.context is not None:
        raise SeawayError(
            f"it starts the cluster of this machine, and the context {target.name!r} is a server elsewhere",
            code="Usage",
            field="--up",
            remedy=f"Leave --up out, or choose this machine: --context {LOCAL}",
        )
    try:
        client = target.connect()
        client.version()
    except ServerUnreachable as error:
        if target.context is not None:
            raise
        if not start and not _agrees(str(error)):
            raise ServerUnreachable(
                "no Seaway server runs", remedy="seaway up, or seaway run --up ... to start it on the way"
            ) from error
        from seaway.cli.launch import launch

        launch(target.home)
        return target.connect()
    return client


def _agrees(reason: str) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm(f"{reason[:1].upper()}{reason[1:]}. Start it now?", default=True, err=True)


def prepare(
    client: SeawayClient,
    target: Target,
    words: tuple[str, ...],
    options: Options,
    requirements: Path | None,
    *,
    is_command: bool,
) -> dict[str, Any]:
    """Send what the server does not have yet of a program; return the specification of its run.

    Args:
        client: of the target's server.
        target: where it is to run.
        words: script or command with its arguments, as typed.
        options: as typed.
        requirements: the file given with --requirements.
        is_command: the words stood after "--".
    """
    program = choose_program(words, is_command=is_command)
    source = _source(program, options, requirements)
    environment = None if source is None else _send_environment(client, target, source, options.workspace)
    code = _send_code(client, target.home, program, options.workspace)
    spec = build_spec(program, options, code=code, environment=environment, environ=os.environ)
    spec["origin"] = origin(options, words, Path.cwd(), requirements, source, is_command=is_command)
    return spec


def _source(program: Program, options: Options, requirements: Path | None) -> Source | None:
    """Return where the packages are named."""
    from seaway.sdk.environment import choose_source

    beside = (
        (program.folder / program.command[1]).parent if program.command[0] == "python" else program.folder
    )
    # an image that was asked for brings its packages: those of the active environment would take their place
    folder = beside if beside.is_dir() else program.folder
    capture = options.image is None
    return choose_source(folder, requirements, os.environ, root=program.root, capture=capture)


def _send_environment(
    client: SeawayClient, target: Target, source: Source, workspace: str | None
) -> str | None:
    from seaway.sdk.environment import digest
    from seaway.sdk.lock import is_cached, make_lock, target_for

    folder = target.home.cache / "locks"
    runs_on = target_for(elsewhere=target.context is not None, system=sys.platform)
    if not is_cached(source, folder, runs_on):
        note(
            f"Resolving {source.path.name if source.path else 'the packages of your active environment'} ..."
        )
    lock = make_lock(source, folder, runs_on)
    for warning in lock.warnings:
        note(f"warning: {warning}")
    if not lock.text:
        return None
    name = digest(lock.text)
    if not client.has_environment(name):
        client.put_environment(name, lock.text, workspace)
    return name


def _send_code(client: SeawayClient, home: Home, program: Program, workspace: str | None) -> str | None:
    from seaway.sdk.snapshot import SnapshotLimits, sweep_snapshots, take_snapshot

    if _too_wide(program.root):
        note(f"warning: no code is sent from {program.root}: work in a folder of its own")
        return None
    home.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep_snapshots(home.cache, time.time())  # where no server starts here, nobody else does
    with tempfile.TemporaryDirectory(dir=home.cache, prefix="snapshot-") as folder:
        limit = int(client.version()["code_limit"])
        limits = SnapshotLimits(compressed=limit, raw=5 * limit)
        snapshot = take_snapshot(program.root, Path(folder), limits=limits, exclude=(home.path,))
        if snapshot is None:
            return None
        if not client.has_code(snapshot.digest):
            client.put_code(snapshot.digest, snapshot.archive, workspace)
        return snapshot.digest
