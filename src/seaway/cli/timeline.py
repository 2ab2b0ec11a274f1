"""`seaway timeline`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output, complete_runs
from seaway.cli.context import connect, note
from seaway.cli.output import DIM, YELLOW, Format, moment, now, paint, print_json
from seaway.cli.subjects import subject
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.submit import seconds

EPILOG = """\b
Examples:
  seaway timeline train-1                 all that happened to a run
  seaway timeline --since 10m train-1     in the last ten minutes
  seaway timeline --warnings train-1      what went wrong only
  seaway timeline pod/NAME                also of a pod that is gone
  seaway timeline --since 1h workspace/vision   all that is or was in a workspace: pods without a name you know
  seaway timeline node/node-1 -o json     for programs"""
_KINDS = ("pod", "node", "job", "pvc", "deployment", "replicaset", "statefulset", "workspace")
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="A run, as seaway ps shows it; or pod/NAME, node/NAME, job/NAME, pvc/NAME, deployment/NAME, workspace/NAME.",
        autocompletion=complete_runs,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="WHEN",
        help="Only what happened since then: 10m, 2h, 1h30m, or a time such as 2026-01-02T03:04:05Z.",
        show_default=False,
    ),
]
Warnings = Annotated[bool, typer.Option("--warnings", help="Only what somebody warns of.")]
Fields = Annotated[bool, typer.Option("--fields", help="Also the fields that each write changed.")]


def timeline(
    name: Name,
    since: Since = None,
    warnings: Warnings = False,
    fields: Fields = False,
    output: Output = Format.TEXT,
) -> None:
    """Show what happened, in one order: Seaway's own steps, every change of the pods, nodes and claims with who wrote it, and Kubernetes' events. What is deleted is in it too."""
    kind, bare = subject(name, _KINDS, "has a timeline")
    begin = since_time(since, now()) if since is not None else None
    with connect() as client:
        found = _whole(client, kind, bare, begin)
    if warnings:
        found["entries"] = [entry for entry in found["entries"] if entry["warning"]]
    if output is Format.JSON:
        print_json(found)
        return
    for line in lines(found["entries"], with_fields=fields):
        print(line)
    for said in found["notes"]:
        note(said)
    if not found["entries"]:
        note("nothing happened in that time" if since or warnings else "nothing is known yet")


def since_time(text: str, at: datetime) -> datetime:
    """Return the time that --since means. Raises SeawayError where it is none."""
    if text[:4].isdigit() and "-" in text:
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise _no_time(text) from None
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    try:
        return at - timedelta(seconds=seconds("--since", text))
    except SeawayError:
        raise _no_time(text) from None


def _no_time(text: str) -> SeawayError:
    remedy = "Write 10m, 2h, 1h30m, or 2026-01-02T03:04:05Z"
    return SeawayError(f"{text!r} is no time", code="Usage", field="--since", remedy=remedy)


def lines(entries: list[dict[str, Any]], *, with_fields: bool = False) -> Iterator[str]:
    """Return the lines of a timeline; a day is said when it begins, times are UTC."""
    day = ""
    width = max((len(entry["object"]) for entry in entries), default=0)
    for entry in entries:
        at = moment(entry["time"])
        assert at is not None
        if (date := f"{at:%Y-%m-%d}") != day:
            day = date
            yield paint(f"{day} (UTC)", DIM)
        said = entry.get("by") and (entry["by"], entry.get("source", "seaway")) != ("seaway", "seaway")
        by = f"  [{entry['by']}]" if said else ""
        message = _clean(entry["message"])
        text = paint(message, YELLOW) if entry["warning"] else message
        yield f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}  {entry['object'].ljust(width)}  {text}{paint(by, DIM)}"
        if with_fields and entry.get("fields"):
            yield " " * 14 + paint(", ".join(entry["fields"]), DIM)


def _whole(client: SeawayClient, kind: str, name: str, since: datetime | None) -> dict[str, Any]:
    """Return a timeline with all of its pages."""
    begin = since.isoformat() if since is not None else None
    found = client.timeline(name, kind=kind, since=begin)
    more = found.get("next")
    while more:
        page = client.timeline(name, kind=kind, since=more)
        found["entries"] += page["entries"]
        more = page.get("next")
    found.pop("next", None)
    return found


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
