"""`seaway up`."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.context import LOCAL, current_home, for_this_machine, note
from seaway.cli.launch import launch, make_home, running

EPILOG = """\b
Examples:
  seaway up                 returns when everything is ready
  seaway up --foreground    stays, logs to the terminal, Ctrl-C stops it
  SEAWAY_HOME=~/other seaway up     a second one beside it"""


def up(
    foreground: Annotated[bool, typer.Option("--foreground", help="Stay, and log to the terminal.")] = False,
) -> None:
    """Start the cluster and the server. Everything is kept in SEAWAY_HOME (default: ~/.seaway)."""
    current = for_this_machine("up", "starts the cluster of this machine")
    home = current_home()
    if foreground:
        from seaway.cli.daemon import run_daemon

        make_home(home)
        raise typer.Exit(run_daemon(home, foreground=True))
    was_up = running(home) is not None if home.lock.exists() else False
    record = launch(home)
    note("Seaway runs already." if was_up else "Seaway runs. Next: seaway run SCRIPT.py")
    if current != LOCAL:
        note(
            f"The current context is {current}: commands go there. To work on this machine: seaway context use {LOCAL}"
        )
    note(f"  server   {record.url}")
    note(f"  cluster  {record.cluster_url}   (kubectl: export KUBECONFIG=$(seaway kubeconfig --path))")
