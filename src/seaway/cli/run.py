"""`seaway run`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.core

from seaway.cli import run_options as option
from seaway.cli.asked import advice
from seaway.cli.context import LOCAL, Target, current_target, note
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import InvalidInput, SeawayError, ServerUnreachable
from seaway.sdk.home import Home
from seaway.sdk.origin import origin
from seaway.sdk.submit import Options, Program, build_spec, check_script, script_program

if TYPE_CHECKING:
    from seaway.sdk.environment import Source

IS_COMMAND = "seaway.cli.run.is_command"
EPILOG = """\b
Examples:
  seaway run train.py --epochs 20              what follows the script belongs to it
  seaway run --gpu 1 --memory 8Gi train.py
  seaway run --requirements requirements.txt train.py
  seaway run --env WANDB_MODE=offline --timeout 2h --retries 2 train.py
  seaway run --memory 4Gi --on-oom grow --memory-cap 32Gi train.py
  seaway run --lock features build_features.py
  seaway run --detach train.py                 prints the run's name and returns
  seaway run -- bash -c 'nvidia-smi; env'      any command

\b
The packages that the program needs are taken from --requirements; else from uv.lock,
pyproject.toml or requirements.txt beside the script or above it in its project; else from
your active environment (with --image: else those of the image).
The code of the script's project is sent: its git repository, else the nearest folder above
it with one of these files, else its folder; .seawayignore leaves out. With a pyproject.toml
in the project's root, its own packages (src or flat layout) can be imported.
A program finds SEAWAY_RUN, SEAWAY_OUTPUTS (a folder: what is in it at the end is kept) and
SEAWAY_CHECKPOINT (a folder that the next attempt finds again) in its environment.

\b
Ctrl-C leaves the run alone and stops showing it; seaway stop RUN ends it."""
CONTEXT_SETTINGS = {"allow_interspersed_args": False}


class COMMAND_CLASS(typer.core.TyperCommand):  # noqa: N801
    """Remembers whether the program stood after `--`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        before = len(given) - len(ctx.params.get("program") or ()) - 1
        ctx.meta[IS_COMMAND] = before >= 0 and given[before] == "--"
        return rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the usage line's parts."""
        return ["[OPTIONS]", "SCRIPT.py [ARGS]... (or: -- COMMAND [ARGS]...)"]


def run(
    ctx: typer.Context,
    program: option.Program = None,
    name: option.Name = None,
    cpu: option.Cpu = None,
    memory: option.Memory = None,
    gpu: option.Gpu = 0,
    gpu_kind: option.GpuKind = None,
    image: option.Image = None,
    requirements: option.Requirements = None,
    env: option.Env = None,
    secret: option.Secret = None,
    timeout: option.Timeout = None,
    retries: option.Retries = 0,
    retry_on: option.RetryOn = None,
    on_oom: option.OnOom = None,
    memory_cap: option.MemoryCap = None,
    lock: option.Lock = None,
    workdir: option.Workdir = None,
    detach: option.Detach = False,
    up: option.Up = False,
) -> None:
    """Run a script or a command on the cluster, show its log and exit with its exit code."""
    variables, secrets = tuple(env or ()), tuple(secret or ())
    options = Options(
        name, cpu, memory, gpu, image, variables, secrets, timeout, retries, workdir,
        tuple(retry_on or ()), on_oom, memory_cap, lock, gpu_kind,
    )  # fmt: skip
    is_command = ctx.meta.get(IS_COMMAND, False)
    chosen = _program(tuple(program or ()), is_command=is_command)
    build_spec(
        chosen, options, code=None, environment=None, environ=os.environ
    )  # fails before anything is done
    target = current_target()
    with _connect(target, start=up) as client:
        source = _source(chosen, options, requirements)
        spec = _prepare(client, target, chosen, options, source)
        typed = tuple(program or ())
        spec["origin"] = origin(options, typed, Path.cwd(), requirements, source, is_command=is_command)
        run = _submit(client, spec)
        if detach:
            print(run)
            return
        from seaway.cli.follow import attach

        raise typer.Exit(attach(client, target.connect, run))


def _submit(client: SeawayClient, spec: dict[str, Any]) -> str:
    try:
        return str(client.submit(spec)["name"])
    except KeyboardInterrupt:
        note("\nBroken off while the run was being submitted. Whether it exists: " + advice("ps -a"))
        raise


def _program(words: tuple[str, ...], *, is_command: bool) -> Program:
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


def _connect(target: Target, *, start: bool) -> SeawayClient:
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


def _prepare(
    client: SeawayClient, target: Target, program: Program, options: Options, source: Source | None
) -> dict[str, Any]:
    """Send what the server does not have yet; return the specification."""
    environment = None if source is None else _send_environment(client, target, source)
    code = _send_code(client, target.home, program)
    return build_spec(program, options, code=code, environment=environment, environ=os.environ)


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


def _send_environment(client: SeawayClient, target: Target, source: Source) -> str | None:
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
        client.put_environment(name, lock.text)
    return name


def _send_code(client: SeawayClient, home: Home, program: Program) -> str | None:
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
            client.put_code(snapshot.digest, snapshot.archive)
        return snapshot.digest
