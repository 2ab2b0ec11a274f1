"""`seaway restore`."""

from __future__ import annotations

from seaway.cli.arguments import RunNames
from seaway.cli.context import connect
from seaway.sdk.client import SeawayClient

EPILOG = """\b
Examples:
  seaway restore train-1          in the lists again, with log, outputs and verdict"""


def restore(runs: RunNames) -> None:
    """Bring removed runs back."""
    with connect() as client:
        for run in runs:
            bring_back(client, run)


def bring_back(client: SeawayClient, run: str) -> None:
    """Restore a run, and say under which name: its own may be taken by now."""
    name = client.restore(run)["name"]
    print(f"{run} restored" + (f" as {name}" if name != run else ""))
