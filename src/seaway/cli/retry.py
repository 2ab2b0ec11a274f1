"""`seaway retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.arguments import RunNames
from seaway.cli.context import connect

EPILOG = """\b
Examples:
  seaway retry train-1            goes on from its checkpoint
  seaway retry --fresh train-1    begins anew"""

Fresh = Annotated[
    bool, typer.Option("--fresh", help="Begin anew: what the run has saved as its checkpoint is forgotten.")
]


def retry(runs: RunNames, fresh: Fresh = False) -> None:
    """Try again what did not succeed in a run, from its last checkpoint."""
    with connect() as client:
        for run in runs:
            view = client.retry(run, fresh=fresh)
            print(f"{run} {view['phase']}")
