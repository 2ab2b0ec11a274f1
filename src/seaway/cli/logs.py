"""`seaway logs`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seaway.cli import exits
from seaway.cli.arguments import RunName
from seaway.cli.asked import advice
from seaway.cli.context import connect, note
from seaway.cli.follow import write_log

EPILOG = """\b
Examples:
  seaway logs train-1                 what it has said so far
  seaway logs -f train-1              and what it says from now on
  seaway logs --attempt 1 train-1     its first try only"""
CONTEXT_SETTINGS = {"allow_interspersed_args": True}


def logs(
    run: RunName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    attempt: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Only this attempt, from 1 [default: all, oldest first]."),
    ] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Only this task [default: all].")] = None,
    timestamps: Annotated[bool, typer.Option("--timestamps", help="Put its time before each line.")] = False,
) -> None:
    """Print a run's log; also of one that ended long ago."""
    with connect() as client:
        read = client.follow_logs if follow else client.read_logs
        try:
            chunks = read(run, attempt=attempt, task=task, timestamps=timestamps)
            write_log(chunks, sys.stdout.buffer, raw=sys.stdout.isatty())
        except KeyboardInterrupt:
            if follow:
                note(f"\n{run} goes on. Stop it: {advice(f'stop {run}')}")
            raise typer.Exit(exits.INTERRUPTED) from None
