"""`seaway up`."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.context import LOCAL, current_home, for_this_machine, note
from seaway.cli.launch import launch, make_home
from seaway.cli.up_options import read_options

EPILOG = """\b
Examples:
  seaway up                 returns when everything is ready
  seaway up --foreground    stays, logs to the terminal, Ctrl-C stops it
  seaway up --nodes 3 --gpus a100:2         three nodes that pretend to have two GPUs each
  seaway up --simulated-nodes 100           beside a hundred that only say they run things
  SEAWAY_HOME=~/other seaway up     a second one beside it"""


def up(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and log to the terminal.")] = False,
    nodes: Annotated[
        int | None, typer.Option("--nodes", metavar="NUMBER", help="How many nodes the cluster has.")
    ] = None,
    gpus: Annotated[
        str | None,
        typer.Option(
            "--gpus",
            metavar="KIND:NUMBER",
            help="GPUs that each node pretends to have; several kinds (a100:2,t4:4) take turns.",
        ),
    ] = None,
    simulated_nodes: Annotated[
        int | None,
        typer.Option(
            "--simulated-nodes",
            metavar="NUMBER",
            help="Hollow nodes beside: they run nothing and say they do.",
        ),
    ] = None,
) -> None:
    """Start the cluster and the server. Everything is kept in SEAWAY_HOME (default: ~/.seaway). Options take the place of its settings file, for this time."""
    options = read_options({"nodes": nodes, "pretend_gpus": gpus, "simulated_nodes": simulated_nodes})
    current = for_this_machine("up", "starts the cluster of this machine")
    home = current_home()
    make_home(home)
    if foreground:
        from seaway.cli.daemon import run_daemon

        raise typer.Exit(run_daemon(home, foreground=True, options=options))
    before = home.read_record()
    record = launch(home, options)
    was_up = before is not None and before.pid == record.pid
    note("Seaway runs already." if was_up else "Seaway runs. Next: seaway run SCRIPT.py")
    if current != LOCAL:
        note(
            f"The current context is {current}: commands go there. To work on this machine: seaway context use {LOCAL}"
        )
    note(f"  server   {record.url}")
    note(f"  cluster  {record.cluster_url}   (kubectl: export KUBECONFIG=$(seaway kubeconfig --path))")
