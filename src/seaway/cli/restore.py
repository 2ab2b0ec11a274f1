"""`seaway restore`."""

from __future__ import annotations

from seaway.cli.arguments import RunNames
from seaway.cli.context import connect


def restore(runs: RunNames) -> None:
    """Bring removed runs back."""
    with connect() as client:
        for run in runs:
            name = client.restore(run)["name"]
            print(f"{run} restored" + (f" as {name}" if name != run else ""))
