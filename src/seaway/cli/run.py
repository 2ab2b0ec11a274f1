"""`seaway run`."""

from __future__ import annotations

from typing import Any

import typer
import typer.core

from seaway.cli import run_options as option
from seaway.cli.context import current_target
from seaway.cli.submitting import check, connect_or_start, prepare, submit
from seaway.sdk.errors import SeawayError
from seaway.sdk.submit import Options

IS_COMMAND = "seaway.cli.run.is_command"
EPILOG = """\b
Examples:
  seaway run train.py --epochs 20              what follows the script belongs to it
  seaway run --gpu 1 --memory 8Gi train.py
  seaway run --requirements requirements.txt train.py
  seaway run --env WANDB_MODE=offline --timeout 2h --retries 2 train.py
  seaway run --gpu 1 --wait-limit 2h train.py  given up if it waits for longer than that
  seaway run --stop-if-hung 30m --retries 1 train.py
  seaway run --memory 4Gi --on-oom grow --memory-cap 32Gi train.py
  seaway run --lock features build_features.py
  seaway run --volume inputs train.py          seaway volume create inputs --size 10Gi makes it
  seaway run --volume inputs:/data:ro --cache 100Gi train.py
  seaway run --workspace vision train.py       seaway workspace list shows which there are
  seaway run --detach train.py                 prints the run's name and returns
  seaway run -- bash -c 'nvidia-smi; env'      any command
  seaway run -- python -m mypackage.train      a module of a package

\b
The packages that the program needs are taken from --requirements; else from uv.lock,
pyproject.toml or requirements.txt beside the script or above it in its project; else from
your active environment (with --image: else those of the image).
The code of the script's project is sent: its git repository, else the nearest folder above
it with one of these files, else its folder; .seawayignore leaves out. With a pyproject.toml
in the project's root, its own packages (src or flat layout) can be imported.
A program finds SEAWAY_RUN, SEAWAY_OUTPUTS (a folder: what is in it at the end is kept) and
SEAWAY_CHECKPOINT (a folder that the next attempt finds again) in its environment; the folder
of a volume is SEAWAY_VOLUME_<NAME>, that of --cache SEAWAY_CACHE.

\b
Ctrl-C leaves the run alone and stops showing it; seaway stop RUN ends it."""
CONTEXT_SETTINGS = {"allow_interspersed_args": False}


class ProgramCommand(typer.core.TyperCommand):
    """Remembers whether the program stood after `--`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line."""
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except typer.TyperException as error:
            if getattr(error, "option_name", None) != "-m":
                raise
            remedy = "A module is run by a command: seaway run -- python -m MODULE"
            raise SeawayError("there is no option -m", code="Usage", remedy=remedy) from error
        before = len(given) - len(ctx.params.get("program") or ()) - 1
        ctx.meta[IS_COMMAND] = before >= 0 and given[before] == "--"
        return rest

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the usage line's parts."""
        return ["[OPTIONS]", "SCRIPT.py [ARGS]... (or: -- COMMAND [ARGS]...)"]


COMMAND_CLASS = ProgramCommand


def run(
    ctx: typer.Context,
    program: option.Program = None,
    name: option.Name = None,
    workspace: option.Workspace = None,
    cpu: option.Cpu = None,
    memory: option.Memory = None,
    scratch: option.Scratch = None,
    cache: option.Cache = None,
    volume: option.Volume = None,
    gpu: option.Gpu = 0,
    gpu_kind: option.GpuKind = None,
    image: option.Image = None,
    requirements: option.Requirements = None,
    env: option.Env = None,
    secret: option.Secret = None,
    wait_limit: option.WaitLimit = None,
    timeout: option.Timeout = None,
    stop_if_hung: option.StopIfHung = None,
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
        tuple(retry_on or ()), on_oom, memory_cap, lock, gpu_kind, scratch, workspace, stop_if_hung, wait_limit,
        tuple(volume or ()), cache,
    )  # fmt: skip
    words, is_command = tuple(program or ()), bool(ctx.meta.get(IS_COMMAND))
    check(words, options, is_command=is_command)
    target = current_target()
    with connect_or_start(target, start=up) as client:
        run = submit(client, prepare(client, target, words, options, requirements, is_command=is_command))
        if detach:
            print(run)
            return
        from seaway.cli.follow import attach

        raise typer.Exit(attach(client, target.connect, run))
