"""`seaway retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.arguments import Output, RunNames
from seaway.cli.context import connect
from seaway.cli.output import Format
from seaway.cli.several import for_each

EPILOG = """\b
Examples:
  seaway retry train-1            goes on from its checkpoint
  seaway retry --fresh train-1    begins anew
  seaway retry train-1 -o json    for programs"""

Fresh = Annotated[
    bool, typer.Option("--fresh", help="Begin anew: what the run has saved as its checkpoint is forgotten.")
]


def retry(runs: RunNames, fresh: Fresh = False, output: Output = Format.TEXT) -> None:
    """Try again what did not succeed in a run, from its last checkpoint."""
    with connect() as client:
        for_each(
            runs,
            lambda run: client.retry(run, fresh=fresh),
            lambda run, view: f"{run} {view['phase']}",
            output,
        )
