"""`seaway rm`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output, RunNames
from seaway.cli.asked import advice
from seaway.cli.context import connect, note
from seaway.cli.output import Format, day
from seaway.cli.restore import bring_back
from seaway.cli.several import for_each
from seaway.sdk.errors import SeawayError

EPILOG = """\b
Examples:
  seaway rm train-1          put it into the bin; log, outputs and verdict are kept
  seaway rm --undo train-1   bring it back (the same as seaway restore train-1)
  seaway ps --bin            what is in the bin, and until when
  seaway rm --now train-1    remove it with all that it left, for good
  seaway rm train-1 -o json  for programs"""


def rm(
    runs: RunNames,
    undo: Annotated[bool, typer.Option("--undo", help="Bring removed runs back.")] = False,
    at_once: Annotated[
        bool, typer.Option("--now", help="For good, with log, outputs and checkpoints.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Remove runs that ended. They lie in the bin for a while, from where seaway restore brings them back."""
    if undo and at_once:
        raise SeawayError(
            "--undo and --now contradict each other",
            code="Usage",
            field="--now",
            remedy="Say one of them",
        )
    with connect() as client:
        if undo:
            bring_back(client, runs, output)
            return
        removed: list[dict[str, Any]] = []
        try:
            for_each(
                runs,
                lambda run: _keep(removed, client.remove(run, now=at_once)),
                lambda run, _: f"{run} removed" + (" for good" if at_once else ""),
                output,
            )
        finally:
            if removed and not at_once and output is Format.TEXT:
                until = next((view["emptied"] for view in reversed(removed) if view.get("emptied")), "")
                kept = f" (until {day(until)})" if until else ""
                names = " ".join(view["name"] for view in removed)
                note(f"To bring back{kept}: {advice('restore ' + names)}")


def _keep(views: list[dict[str, Any]], view: dict[str, Any]) -> dict[str, Any]:
    views.append(view)
    return view
