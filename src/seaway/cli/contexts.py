"""`seaway context`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from seaway.cli.arguments import ContextName, Output
from seaway.cli.asked import ASKED
from seaway.cli.context import VARIABLE, current_home, note
from seaway.cli.groups import command_group
from seaway.cli.output import Format, ends, now, print_json, print_table
from seaway.sdk.contexts import LOCAL, Context, change_contexts, check_name, chosen_name, read_contexts
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home
from seaway.sdk.token_store import forget_token, has_token, load_token, save_token

EPILOG = """\b
Examples:
  seaway context                  list them; * marks the current one
  seaway context list -o json     for programs
  seaway context use team         from now on every command works on that server
  seaway context use local        back to this machine's own cluster
  seaway context rename team lab  under another name
  seaway context rm lab           forget it, and its token
  seaway --context team ps        for one command"""
APP = command_group(EPILOG)


@APP.callback()
def contexts(ctx: typer.Context, output: Output = Format.TEXT) -> None:
    """List the servers that you work on; choose the current one."""
    if ctx.invoked_subcommand is None:
        _list(output)


@APP.command("list")
def list_contexts(output: Output = Format.TEXT) -> None:
    """List the contexts, the current one marked."""
    _list(output)


@APP.command()
def use(name: ContextName) -> None:
    """Make a context the current one."""
    home = current_home()
    known = read_contexts(home)
    known.get(name)  # a mistyped one leaves no trace
    if known.current != name:
        change_contexts(home, lambda found: found.with_current(name))
    note(f"The current context is {name} now.")
    if os.environ.get(VARIABLE, name) != name:
        note(f"{VARIABLE} is set to {os.environ[VARIABLE]} here, and comes first.")


@APP.command()
def rm(name: ContextName) -> None:
    """Remove a context and its token. Nothing changes on the server."""
    home = current_home()
    before = read_contexts(home)
    left = before.without(name)
    forget_token(home, before.named[name])
    change_contexts(home, lambda known: known.without(name))
    note(
        f"{name} removed." + (" The current context is local now." if left.current != before.current else "")
    )


@APP.command()
def rename(
    name: ContextName, new: Annotated[str, typer.Argument(metavar="NEW", help="Its name from now on.")]
) -> None:
    """Give a context another name."""
    home = current_home()
    known = read_contexts(home)
    known.renamed(name, check_name(new))
    context = known.named[name]
    if has_token(home, context):
        save_token(home, new, load_token(home, context), keyring=context.keyring)
    change_contexts(home, lambda found: found.renamed(name, new))
    forget_token(home, context)
    note(f"{name} is {new} now.")


def _list(output: Format) -> None:
    home = current_home()
    known = read_contexts(home)
    current = chosen_name(ASKED.get(), os.environ.get(VARIABLE), lambda: known)
    if current != LOCAL and current not in known.named:
        note(f"{'--context' if ASKED.get() else VARIABLE} names {current}, and there is no such context.")
    listed: list[dict[str, Any]] = [
        _local(home, current),
        *(_view(home, each, current) for _, each in sorted(known.named.items())),
    ]
    if output is Format.JSON:
        print_json(listed)
        return
    rows = [
        (
            "*" if each["current"] else "",
            each["name"],
            each["server"] or "this machine",
            each["user"] or "",
            _token(each),
        )
        for each in listed
    ]
    print_table(("", "NAME", "SERVER", "USER", "TOKEN"), rows)


def _local(home: Home, current: str) -> dict[str, Any]:
    try:
        url = home.endpoint().url
    except SeawayError:
        url = None
    return {
        "name": LOCAL,
        "current": current == LOCAL,
        "server": url,
        "user": None,
        "logged_in": True,
        "expires": None,
    }


def _view(home: Home, context: Context, current: str) -> dict[str, Any]:
    return {
        "name": context.name,
        "current": context.name == current,
        "server": context.url,
        "user": context.user,
        "logged_in": has_token(home, context),
        "expires": context.expires,
    }


def _token(listed: dict[str, Any]) -> str:
    if listed["name"] == LOCAL:
        return ""
    if not listed["logged_in"]:
        return "logged out"
    return ends(listed["expires"], now())
