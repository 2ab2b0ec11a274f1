"""`seaway ps`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from seaway.cli.arguments import OfUser, OfWorkspace, Output
from seaway.cli.context import connect, note
from seaway.cli.output import Format, age, day, moment, now, print_json, print_table, took

EPILOG = """\b
Examples:
  seaway ps                 what waits or runs now
  seaway ps -a              all runs, also those that ended
  seaway ps --bin           runs that were removed, and until when they can be restored
  seaway ps --workspace vision --user ada      only hers, only there
  seaway ps -a -o json      for programs"""


def ps(
    all: Annotated[bool, typer.Option("--all", "-a", help="Also runs that ended or were removed.")] = False,
    binned: Annotated[
        bool, typer.Option("--bin", help="Runs that were removed, and when the bin is emptied of them.")
    ] = False,
    workspace: OfWorkspace = None,
    user: OfUser = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="At most so many, newest first."),
    ] = 50,
    output: Output = Format.TEXT,
) -> None:
    """List runs, newest first. Without options: those that wait or run now."""
    with connect() as client:
        runs = client.runs(all=all, limit=limit, bin=binned, workspace=workspace, user=user)
    if output is Format.JSON:
        print_json(runs)
        return
    if binned:
        _print_bin(runs)
    elif runs:
        several = tuple(key for key in ("user", "workspace") if len({run.get(key) for run in runs}) > 1)
        print_table(headers(several), [row(run, several) for run in runs], painted=1)
        for run in runs:
            if run.get("doubt"):  # servers before this release do not say
                note(f"! {run['name']}: {run['doubt']}")
    else:
        note(nothing(all=all, only=user is not None or workspace is not None))


def _print_bin(runs: Sequence[dict[str, Any]]) -> None:
    if not runs:
        note("The bin is empty.")
        return
    rows = [
        (run["name"], run["phase"], run["user"], day(run["deleted"]), day(run["emptied"]), run["command"])
        for run in runs
    ]
    print_table(("NAME", "STATUS", "USER", "REMOVED", "KEPT UNTIL", "COMMAND"), rows, painted=1)
    note("To bring back: seaway restore NAME")


def nothing(*, all: bool, only: bool) -> str:
    """Return what is said where no run is listed.

    Args:
        all: those that ended were asked for too.
        only: those of one user or workspace alone were asked for: there may be others.
    """
    if not all:
        return "Nothing runs now. All runs: seaway ps -a"
    return (
        "There are no such runs. All runs: seaway ps -a"
        if only
        else "There are no runs yet: seaway run SCRIPT.py"
    )


def headers(several: Sequence[str]) -> tuple[str, ...]:
    """Return the columns; users and workspaces are shown where there are several."""
    return ("NAME", "STATUS", *(key.upper() for key in several), "AGE", "TOOK", "COMMAND")


def row(run: dict[str, Any], several: Sequence[str]) -> tuple[str, ...]:
    """Return a run's line."""
    at = now()
    phase = run["phase"] + (" (removed)" if run.get("deleted") else "")
    return (
        run["name"],
        phase,
        *(str(run.get(key, "")) for key in several),
        age(run["created"], at),
        took(_began(run), run.get("finished"), at),
        run["command"],
    )


def _began(run: dict[str, Any]) -> str | None:
    """Return when a run's program began: clusters say so in whole seconds, and none begins before it was submitted."""
    started, created = moment(run.get("started")), moment(run["created"])
    is_before = started is not None and created is not None and started < created
    return run["created"] if is_before else run.get("started")
