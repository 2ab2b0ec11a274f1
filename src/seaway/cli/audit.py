"""`seaway audit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output
from seaway.cli.context import note, require_local
from seaway.cli.output import Format, age, now, print_json, print_table

EPILOG = """\b
Examples:
  seaway audit               who deleted or was refused what, newest last
  seaway audit --refused     what was refused alone
  seaway audit -o json       the events as Kubernetes has them (audit.k8s.io/v1)"""


def audit(
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, help="The last N.")] = 100,
    output: Output = Format.TEXT,
) -> None:
    """Show who deleted what in the cluster, and who tried to change what they may not.

    The events lie in the home, in cluster/audit.log and older files beside it, 40 MiB of them at most.
    """
    home = require_local("audit", "its cluster's administrator has the audit log of that cluster")
    found = [event for event in _events(home.cluster / "audit.log") if not refused or is_refused(event)]
    found = found[-limit:]
    if output is Format.JSON:
        print_json(found)
    elif not found:
        note("Nobody was refused anything." if refused else "Nobody deleted or was refused anything.")
    else:
        print_table(("AGE", "USER", "VERB", "OBJECT", "ANSWER"), [row(event) for event in found])


def is_refused(event: dict[str, Any]) -> bool:
    """Tell whether rights were missing."""
    return bool(event["annotations"]["authorization.k8s.io/decision"] == "forbid")


def row(event: dict[str, Any]) -> tuple[str, ...]:
    """Return an event's line."""
    reference, code = event["objectRef"], event["responseStatus"]["code"]
    kind = "/".join(filter(None, (reference["resource"], reference.get("subresource"))))
    named = "/".join(filter(None, (kind, reference.get("name"))))
    where = f"{named} in {reference['namespace']}" if reference.get("namespace") and reference["resource"] != "namespaces" else named  # fmt: skip
    user = event["user"]["username"]
    acting = event.get("impersonatedUser", {}).get("username")
    answer = "refused" if is_refused(event) else "done" if code < 400 else f"failed ({code})"
    return (
        age(event["requestReceivedTimestamp"], now()),
        f"{user} as {acting}" if acting else user,
        event["verb"],
        where,
        answer,
    )


def _events(newest: Path) -> Iterator[dict[str, Any]]:
    older = sorted(newest.parent.glob(f"{newest.name}.*"), key=lambda path: -int(path.suffix[1:]))
    for path in (*older, newest):
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    if line.endswith("\n"):  # else it is being written, or the machine went down
                        yield json.loads(line)
