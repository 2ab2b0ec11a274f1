"""`seaway stop`."""

from __future__ import annotations

from typing import Any

from seaway.cli.arguments import Output, RunNames
from seaway.cli.context import connect
from seaway.cli.output import Format
from seaway.cli.several import for_each
from seaway.sdk.paths import ENDED

EPILOG = """\b
Examples:
  seaway stop train-1
  seaway stop sweep-1 sweep-2     several at once
  seaway stop train-1 -o json     for programs"""


def stop(runs: RunNames, output: Output = Format.TEXT) -> None:
    """Stop runs gracefully: the program gets SIGTERM and time to save its checkpoint."""
    with connect() as client:
        for_each(runs, client.stop, _line, output)


def _line(run: str, view: dict[str, Any]) -> str:
    return f"{run} {view['phase'] if view['phase'] in ENDED else 'stopping'}"
