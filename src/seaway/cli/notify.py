"""`seaway notify`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from seaway.cli.arguments import Output
from seaway.cli.context import connect, note
from seaway.cli.groups import command_group
from seaway.cli.output import Format, age, now, print_json, print_table
from seaway.sdk.errors import SeawayError

EPILOG = """\b
Examples:
  seaway notify add mail mailtos://ada:PASSWORD@gmail.com
  seaway notify add hook jsons://hooks.example.com/seaway --on failed --on node
  seaway notify add chat - < url.txt            the URL from a file: not in the shell's history
  seaway notify add ada-chat URL --user ada     only ada's runs
  seaway notify test mail
  seaway notify list
  seaway notify remove mail

\b
URLs are Apprise's: https://appriseit.com/services/ lists e-mail, Slack, Teams, Telegram, ntfy and
100 more. A URL is never shown again. Events: succeeded, failed, stopped, lost (and tried again),
recovered, waiting (for long), hung, gpu (asked for and not used), node (lost, deleted or under
pressure), storage (80 % of a user's or a workspace's limit is taken, or all of it),
certificate (one of the server's expires soon); "ended" stands for the first three. Without --on: all but stopped."""
APP = command_group(EPILOG)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What this way to be told is called.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="As seaway notify list shows them.")]
ENDS = ("succeeded", "failed", "stopped")
EVENTS = (*ENDS, "lost", "recovered", "waiting", "hung", "gpu", "node", "storage", "certificate")


@APP.callback()
def notify(ctx: typer.Context) -> None:
    """Say who is told when runs end, fail, wait or hang, and when nodes are lost. Adding is for administrators of the server."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@APP.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="An Apprise URL, or - to read it.")],
    user: Annotated[str | None, typer.Option("--user", metavar="USER", help="Only USER's runs.")] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="NAME", help="Only the runs of one workspace.")
    ] = None,
    on: Annotated[
        list[str] | None, typer.Option("--on", metavar="EVENT", help="What of; may be given again.")
    ] = None,
    output: Output = Format.TEXT,
) -> None:
    """Have somebody told; the URL is tried with seaway notify test."""
    events = read_events(on or [])
    url = sys.stdin.readline().strip() if url == "-" else url
    if "://" not in url:
        raise SeawayError(
            "the URL has no scheme, such as mailtos:// or jsons://", code="Usage", field="URL",
            remedy="seaway notify add --help shows some; all: https://appriseit.com/services/",
        )  # fmt: skip
    with connect() as client:
        made = client.add_notification(name, url, user=user, workspace=workspace, events=events)
    if output is Format.JSON:
        print_json(made)
        return
    print(f"{made['name']}: {made['shown']} is told of {', '.join(made['events'])}")
    note(f"Try it: seaway notify test {name}")


@APP.command("list")
def list_notifications(output: Output = Format.TEXT) -> None:
    """List who is told of what, and whether the messages arrive."""
    with connect() as client:
        found = client.notifications()
    if output is Format.JSON:
        print_json(found)
        return
    if not found:
        note("Nobody is told of anything: seaway notify add NAME URL")
        return
    at = now()
    rows = [
        (
            each["name"],
            each["shown"],
            whose(each["user"], each["workspace"]),
            ",".join(each["events"]),
            f"{age(each['last_sent'], at)} ago" if each["last_sent"] else "never",
            str(each["pending"]),
            each["problem"] or "ok",
        )
        for each in found
    ]
    print_table(("NAME", "TO", "RUNS", "EVENTS", "LAST SENT", "PENDING", "STATE"), rows)


@APP.command("test")
def send_test(name: Name) -> None:
    """Send a message now, and say whether it arrived."""
    with connect() as client:
        client.test_notification(name)
    print(f"a message to {name} has arrived")


@APP.command()
def remove(names: Names) -> None:
    """Tell nobody that way any more; what was still to be sent is dropped."""
    with connect() as client:
        for name in names:
            client.remove_notification(name)
            print(f"{name} removed")


def whose(user: str | None, workspace: str | None) -> str:
    """Say whose runs are told of, and of which workspace."""
    place = f"in {workspace}" if workspace else ""
    return f"{user}'s {place}".rstrip() if user else place or "everybody's"


def read_events(words: list[str]) -> list[str]:
    """Return the events that words name. Raises SeawayError for an unknown one."""
    found: list[str] = []
    for word in words:
        for part in word.split(","):
            if part != "ended" and part not in EVENTS:
                raise SeawayError(
                    f"{part!r} is no event", code="Usage", field="--on",
                    remedy=f"Give one of ended, {', '.join(EVENTS)}",
                )  # fmt: skip
            found += ENDS if part == "ended" else (part,)
    return list(dict.fromkeys(found))
