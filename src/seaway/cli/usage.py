"""`seaway usage`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output
from seaway.cli.context import connect, current_home, current_target, note
from seaway.cli.output import Format, print_json, print_table
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway usage                what your runs take on the server; administrators see everybody
  seaway usage --workspaces   what the runs in each workspace take
  seaway ps --bin             what of it lies in the bin
  seaway rm --now RUN         free it at once"""
_KINDS = ("outputs", "checkpoints", "logs", "code", "binned", "total")
_HEADERS = ("RUNS", "OUTPUTS", "CHECKPOINTS", "LOGS", "CODE", "IN THE BIN", "TOTAL", "FILES")


def usage(
    workspaces: Annotated[
        bool, typer.Option("--workspaces", help="What the runs in each workspace take.")
    ] = False,
    output: Output = Format.TEXT,
) -> None:
    """Show how much room runs take on the server: outputs, checkpoints, logs, code, what of that is in the bin, and in how many files."""
    with connect() as client:
        found = client.usage_of_workspaces() if workspaces else client.usage()
    if output is Format.JSON:
        print_json(found)
        return
    if not found:
        note("There are no runs yet: seaway run SCRIPT.py")
        return
    whose = "workspace" if workspaces else "user"
    rows = [
        (view[whose], *_room(view), limit_of(view["limit"], view["files_limit"]), view["warning"])
        for view in found
    ]  # fmt: skip
    print_table((whose.upper(), *_HEADERS, "LIMIT", "WARNING"), rows)
    if current_target().context is None:
        _note_cache()


def limit_of(limit: int | None, files: int | None) -> str:
    """Return limits of bytes and files for people."""
    said = [] if limit is None else [readable_size(limit)]
    return ", ".join(said if files is None else [*said, f"{files:,} files"]) or "none"


def _note_cache() -> None:
    """Say what runs left in the home's cache: it is nobody's, and in no limit."""
    from seaway.cli.checks.cache import said, sizes  # late: it is seldom needed

    found = sizes(current_home().cache)
    if any(found.values()):
        note(f"The cache of this home takes {said(found)}; seaway lets go of it by itself (cache_days)")


def _room(view: dict[str, Any]) -> tuple[str, ...]:
    return (str(view["runs"]), *(readable_size(view[kind]) for kind in _KINDS), f"{view['files']:,}")
