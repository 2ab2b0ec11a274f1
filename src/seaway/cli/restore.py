"""`seaway restore`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.cli.arguments import Output, RunNames
from seaway.cli.context import connect
from seaway.cli.output import Format
from seaway.cli.several import for_each
from seaway.sdk.client import SeawayClient

EPILOG = """\b
Examples:
  seaway restore train-1          in the lists again, with log, outputs and verdict
  seaway restore train-1 -o json  for programs"""


def restore(runs: RunNames, output: Output = Format.TEXT) -> None:
    """Bring removed runs back."""
    with connect() as client:
        bring_back(client, runs, output)


def bring_back(client: SeawayClient, runs: Sequence[str], output: Format) -> None:
    """Restore runs, and say under which names: their own may be taken by now."""
    for_each(runs, client.restore, _line, output)


def _line(run: str, view: dict[str, Any]) -> str:
    return f"{run} restored" + (f" as {view['name']}" if view["name"] != run else "")
