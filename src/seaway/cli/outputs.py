"""`seaway outputs`."""

from __future__ import annotations

from seaway.cli.arguments import Output, RunName
from seaway.cli.context import connect, note
from seaway.cli.output import Format, print_json, print_table
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway outputs train-1              what seaway download fetches
  seaway outputs train-1 -o json      with sizes and digests"""


def outputs(run: RunName, output: Output = Format.TEXT) -> None:
    """List the files that a run wrote into the folder SEAWAY_OUTPUTS."""
    with connect() as client:
        files = client.outputs(run)
    if output is Format.JSON:
        print_json(files)
        return
    if not files:
        note(
            f"{run} has no outputs. A program's outputs are what it writes into the folder that SEAWAY_OUTPUTS names."
        )
        return
    rows = [(file["path"], readable_size(file["size"]), file["task"], file["sha256"][:12]) for file in files]
    print_table(("PATH", "SIZE", "TASK", "SHA256"), rows)
