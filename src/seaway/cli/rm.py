"""`seaway rm`."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.arguments import RunNames
from seaway.cli.asked import advice
from seaway.cli.context import connect, note

EPILOG = """\b
Examples:
  seaway rm train-1          remove it from lists; log, outputs and verdict are kept
  seaway rm --undo train-1   bring it back (the same as seaway restore train-1)"""


def rm(
    runs: RunNames,
    undo: Annotated[bool, typer.Option("--undo", help="Bring removed runs back.")] = False,
) -> None:
    """Remove runs that ended. Nothing is lost: seaway restore brings them back."""
    with connect() as client:
        for run in runs:
            if undo:
                client.restore(run)
                print(f"{run} restored")
            else:
                client.remove(run)
                print(f"{run} removed")
    if not undo:
        note(f"To bring back: {advice('restore ' + ' '.join(runs))}")
