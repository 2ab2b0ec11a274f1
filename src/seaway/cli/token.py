"""`seaway token`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from seaway.cli.arguments import Output
from seaway.cli.context import connect, current_target, note
from seaway.cli.groups import command_group
from seaway.cli.output import Format, age, ends, now, print_json, print_table
from seaway.sdk.submit import seconds

NEVER = "never"
EPILOG = """\b
Examples:
  seaway token create ada                      printed once; give it to ada
  seaway token create nightly --user ada --expires never
  seaway token create prometheus --scope metrics --expires never
  seaway token list
  seaway token revoke nightly                  opens nothing from then on"""
APP = command_group(EPILOG)
Name = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]


class Scope(StrEnum):
    """What a token opens."""

    ALL = "all"
    METRICS = "metrics"


@APP.callback()
def tokens(ctx: typer.Context) -> None:
    """Make, list and revoke the tokens of a team's users. For administrators of the server."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@APP.command()
def create(
    name: Name,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="USER", help="Whose runs are submitted with it [default: NAME]."),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="May change everybody's runs, and make tokens.")
    ] = False,
    scope: Annotated[
        Scope,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help='What it opens: "all", "metrics" for Prometheus alone, or "audit" for the audit events of a cluster alone.',
        ),
    ] = Scope.ALL,
    expires: Annotated[
        str, typer.Option("--expires", metavar="DURATION", help="How long it is good, or never.")
    ] = "90d",
    output: Output = Format.TEXT,
) -> None:
    """Make a token and print it: the only time that it is shown."""
    life = None if expires == NEVER else seconds("--expires", expires)
    with connect() as client:
        made = client.create_token(name, user=user, admin=admin, lifetime_seconds=life, scope=scope)
    if output is Format.JSON:
        print_json(made)
        return
    note(f"The token of {made['user']}; it is not shown again:")
    print(made["token"])
    sys.stdout.flush()
    lasts = ends(made["expires"], now())
    if scope is Scope.METRICS:
        note(f"It {lasts}, and opens {current_target().endpoint().url}/metrics alone.")
    else:
        note(f"It {lasts}. With it: {_how_to_log_in()}")


@APP.command("list")
def list_tokens(output: Output = Format.TEXT) -> None:
    """List the tokens that are good."""
    with connect() as client:
        good = client.tokens()
    if output is Format.JSON:
        print_json(good)
        return
    if not good:
        note("There are no tokens: seaway token create NAME")
        return
    at = now()
    rows = [
        (
            each["name"],
            each["user"],
            "admin" if each["admin"] else "metrics" if each.get("scope") == Scope.METRICS else "user",
            f"{age(each['created'], at)} ago by {each['created_by']}",
            ends(each["expires"], at),
        )
        for each in good
    ]
    print_table(("NAME", "USER", "ROLE", "CREATED", "EXPIRES"), rows)


@APP.command()
def revoke(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of tokens.")],
) -> None:
    """End tokens at once."""
    with connect() as client:
        for name in names:
            client.revoke_token(name)
            print(f"{name} revoked")


def _how_to_log_in() -> str:
    """Return the command, with the fingerprint where the server's certificate is not of an authority that all know."""
    from seaway.sdk.trust import fingerprint

    endpoint = current_target().endpoint()
    known_by = f" --fingerprint {fingerprint(endpoint.ca)}" if endpoint.ca else ""
    return f"seaway login {endpoint.url}{known_by}"
