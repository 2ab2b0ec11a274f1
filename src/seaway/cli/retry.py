"""`seaway retry`."""

from __future__ import annotations

from seaway.cli.arguments import RunNames
from seaway.cli.context import connect


def retry(runs: RunNames) -> None:
    """Try again what did not succeed in a run, from its last checkpoint."""
    with connect() as client:
        for run in runs:
            view = client.retry(run)
            print(f"{run} {view['phase']}")
