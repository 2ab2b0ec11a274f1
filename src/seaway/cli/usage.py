"""`seaway usage`."""

from __future__ import annotations

from seaway.cli.arguments import Output
from seaway.cli.context import connect, note
from seaway.cli.output import Format, print_json, print_table
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway usage             what your runs take on the server; administrators see everybody
  seaway ps --bin          what of it lies in the bin
  seaway rm --now RUN      free it at once"""


def usage(output: Output = Format.TEXT) -> None:
    """Show how much room runs take on the server: outputs, checkpoints, logs, and what of that is in the bin."""
    with connect() as client:
        found = client.usage()
    if output is Format.JSON:
        print_json(found)
        return
    if not found:
        note("There are no runs yet: seaway run SCRIPT.py")
        return
    kinds = ("outputs", "checkpoints", "logs", "binned", "total")
    rows = [
        (
            view["user"],
            str(view["runs"]),
            *(readable_size(view[kind]) for kind in kinds),
            "none" if view["limit"] is None else readable_size(view["limit"]),
            view["warning"],
        )
        for view in found
    ]
    print_table(
        ("USER", "RUNS", "OUTPUTS", "CHECKPOINTS", "LOGS", "IN THE BIN", "TOTAL", "LIMIT", "WARNING"), rows
    )
