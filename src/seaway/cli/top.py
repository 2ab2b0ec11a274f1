"""`seaway top`."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from seaway.cli.amounts import amount, bar
from seaway.cli.arguments import OfUser, OfWorkspace, Output
from seaway.cli.context import connect, note
from seaway.cli.output import Format, now, print_json, print_table, took
from seaway.sdk.client import SeawayClient

EPILOG = """\b
Examples:
  seaway top                what the runs use that run now; goes on until Ctrl-C
  seaway top --once         say it once, as in a pipe
  seaway top --user ada     only hers
  seaway top -o json        for programs"""
_EVERY = 2.0
"""Seconds between two looks: runners say anew what their programs use after 5 to 30 s."""
_AWAY, _BACK, _FIRST = "\x1b[?1049h", "\x1b[?1049l", "\x1b[H\x1b[J"
_HEADERS = ("RUN", "MEMORY", "", "PEAK", "CORES", "GPU", "GPU MEMORY", "DISK", "TOOK", "NODE")
_ALWAYS = ("RUN", "MEMORY", "PEAK", "CORES", "TOOK", "NODE")
_FRAME = 2
"""Lines of the screen that are no attempt's."""


def top(
    once: Annotated[bool, typer.Option("--once", help="Say it once, also on a terminal.")] = False,
    workspace: OfWorkspace = None,
    user: OfUser = None,
    output: Output = Format.TEXT,
) -> None:
    """Show what the runs use that run now: memory and disk of what they may, cores, GPUs. On a terminal it goes on."""
    with connect() as client:
        if output is Format.JSON:
            print_json(client.live(workspace=workspace, user=user))
        elif once or not sys.stdout.isatty():
            show(client.live(workspace=workspace, user=user))
        else:
            _go_on(client, workspace, user)


def _go_on(client: SeawayClient, workspace: str | None, user: str | None) -> None:
    """Show it again and again, on a screen of its own, until Ctrl-C."""
    found = client.live(workspace=workspace, user=user)
    sys.stdout.write(_AWAY)
    try:
        while True:
            sys.stdout.write(_FIRST)
            show(found, shutil.get_terminal_size().lines - _FRAME)
            sys.stdout.flush()
            time.sleep(_EVERY)
            found = client.live(workspace=workspace, user=user)
    except KeyboardInterrupt:
        return
    finally:
        sys.stdout.write(_BACK)
        sys.stdout.flush()


def show(found: Sequence[dict[str, Any]], most: int | None = None) -> None:
    """Print a line for each attempt, for no more than `most` of them."""
    if not found:
        note("Nothing runs now. All runs: seaway ps -a")
        return
    rows = [row(attempt) for attempt in found]
    wanted = [
        number for number, name in enumerate(_HEADERS) if name in _ALWAYS or any(one[number] for one in rows)
    ]
    shown = rows if most is None else rows[: max(1, most)]
    print_table(
        [_HEADERS[number] for number in wanted], [[one[number] for number in wanted] for one in shown]
    )
    if len(shown) < len(rows):
        print(f"... and {len(rows) - len(shown)} more: seaway top --once")


def row(attempt: dict[str, Any]) -> tuple[str, ...]:
    """Return an attempt's line."""
    name = attempt["run"] if attempt["task"] == "main" else f"{attempt['run']}/{attempt['task']}"
    uses: dict[str, Any] = attempt["usage"] or dict.fromkeys(
        ("memory", "memory_peak", "memory_limit", "cores", "gpu", "gpu_memory", "gpu_memory_limit", "scratch", "scratch_limit")
    )  # fmt: skip
    return (
        name,
        amount(uses["memory"], uses["memory_limit"]),
        bar(uses["memory"], uses["memory_limit"]),
        amount(uses["memory_peak"]),
        "" if uses["cores"] is None else f"{uses['cores']:.1f}",
        "" if uses["gpu"] is None else f"{uses['gpu']} %",
        amount(uses["gpu_memory"], uses["gpu_memory_limit"]),
        amount(uses["scratch"], uses["scratch_limit"]),
        took(attempt["started"], None, now()),
        attempt["node"] or "",
    )
