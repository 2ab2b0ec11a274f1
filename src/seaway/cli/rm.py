"""`seaway rm`."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.arguments import RunNames
from seaway.cli.asked import advice
from seaway.cli.context import connect, note
from seaway.cli.output import day
from seaway.cli.restore import bring_back
from seaway.sdk.errors import SeawayError

EPILOG = """\b
Examples:
  seaway rm train-1          put it into the bin; log, outputs and verdict are kept
  seaway rm --undo train-1   bring it back (the same as seaway restore train-1)
  seaway ps --bin            what is in the bin, and until when
  seaway rm --now train-1    remove it with all that it left, for good"""


def rm(
    runs: RunNames,
    undo: Annotated[bool, typer.Option("--undo", help="Bring removed runs back.")] = False,
    at_once: Annotated[
        bool, typer.Option("--now", help="For good, with log, outputs and checkpoints.")
    ] = False,
) -> None:
    """Remove runs that ended. They lie in the bin for a while, from where seaway restore brings them back."""
    if undo and at_once:
        raise SeawayError("--undo and --now contradict each other", code="Usage", remedy="Say one of them")
    until = ""
    with connect() as client:
        for run in runs:
            if undo:
                bring_back(client, run)
            else:
                view = client.remove(run, now=at_once)
                until = view.get("emptied") or until
                print(f"{run} removed" + (" for good" if at_once else ""))
    if not undo and not at_once:
        kept = f" (until {day(until)})" if until else ""
        note(f"To bring back{kept}: {advice('restore ' + ' '.join(runs))}")
