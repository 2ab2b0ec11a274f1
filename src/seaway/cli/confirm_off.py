"""`seaway cluster confirm-off`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output
from seaway.cli.asked import advice
from seaway.cli.context import connect, note
from seaway.cli.output import Format, print_json
from seaway.sdk.errors import SeawayError
from seaway.sdk.nodes import NodesClient

_MOST_NAMED = 10


def confirm_off(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name, as seaway status shows it.")],
    undo: Annotated[
        bool, typer.Option("--undo", help="The machine is on again: pods may be placed there.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Confirm that the machine of a lost node is off, on any cluster: its pods are removed, and its runs go on elsewhere.

    Only confirm what you have seen: a machine that is merely cut off goes on with its programs, and each would run twice.
    """
    with connect() as client:
        nodes = NodesClient(client)
        if undo:
            _say(nodes.undo_confirm_off(node), output, f"{node} may have pods again")
            return
        found = nodes.look(node)
        if not found["ready"]:  # the server refuses one that answers, and says what else can be done
            _say_what_is_on(found)
            _confirm(node, yes=yes)
        answer = nodes.confirm_off(node)
    _say(answer, output, f"{node} is taken to be off: its pods are removed")
    if output is Format.TEXT:
        note(f"When it is on again: {advice(f'cluster confirm-off {node} --undo')}")


def _say_what_is_on(found: dict[str, Any]) -> None:
    note(f"{found['name']}: {found['condition']}")
    if found["confirmed_off"]:
        by = found.get("confirmed_off_by")  # servers before this release do not say
        note(f"  it was confirmed to be off already{f', by {by}' if by else ''}")
    named = found["runs"][:_MOST_NAMED]
    more = len(found["runs"]) - len(named)
    runs = ", ".join([*named, *([f"{more} more"] if more else [])])
    note(f"  runs that go on elsewhere: {runs or 'none'}")
    others = found["other_pods"]
    note(
        f"  pods of others, which are removed: {'this server may not see them' if others is None else others}"
    )


def _confirm(node: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise SeawayError(
            "nobody is there to confirm this", code="Usage", field="--yes", remedy="Confirm it with --yes"
        )
    if not typer.confirm(f"Have you seen that the machine of {node} is off?", err=True):
        note("Nothing was changed.")
        raise typer.Exit


def _say(answer: dict[str, Any], output: Format, text: str) -> None:
    if output is Format.JSON:
        print_json(answer)
    else:
        print(text)
