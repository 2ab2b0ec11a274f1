"""`seaway audit`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output
from seaway.cli.context import Target, current_target, note
from seaway.cli.output import Format, age, moment, now, print_json, print_table
from seaway.sdk.errors import ServerUnreachable

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
    """Show who deleted what in the cluster, who made and deleted workspaces, and who tried what they may not.

    The cluster's events lie in the home, in cluster/audit.log and older files beside it, 40 MiB of them at most. Of a team's
    server only its own are shown, to administrators: its cluster's administrator has the audit log of that cluster.
    """
    target = current_target()
    if target.context is None:
        found = [*_events(target.home.cluster / "audit.log"), *_of_server(target)]
        found.sort(key=_time)
    else:
        with target.connect() as client:
            found = client.audited(limit=1000)
    found = [event for event in found if not refused or is_refused(event)][-limit:]
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


def _of_server(target: Target) -> list[dict[str, Any]]:
    """Return what the home's server wrote down; nothing, and a word about it, where it does not run."""
    try:
        with target.connect() as client:
            return client.audited(limit=1000)
    except ServerUnreachable:
        note("The server does not run: what it noted of workspaces is not shown.")
        return []


def _time(event: dict[str, Any]) -> float:
    at = moment(event["requestReceivedTimestamp"])
    return at.timestamp() if at else 0.0


def _events(newest: Path) -> Iterator[dict[str, Any]]:
    older = sorted(newest.parent.glob(f"{newest.name}.*"), key=lambda path: -int(path.suffix[1:]))
    for path in (*older, newest):
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    if line.endswith("\n"):  # else it is being written, or the machine went down
                        yield json.loads(line)
