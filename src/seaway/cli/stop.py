"""`seaway stop`."""

from __future__ import annotations

from seaway.cli.arguments import RunNames
from seaway.cli.context import connect
from seaway.sdk.client import ENDED

EPILOG = """\b
Examples:
  seaway stop train-1
  seaway stop sweep-1 sweep-2     several at once"""


def stop(runs: RunNames) -> None:
    """Stop runs gracefully: the program gets SIGTERM and time to save its checkpoint."""
    with connect() as client:
        for run in runs:
            view = client.stop(run)
            print(f"{run} {view['phase'] if view['phase'] in ENDED else 'stopping'}")
