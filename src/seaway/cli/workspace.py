"""`seaway workspace`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output, complete_workspaces
from seaway.cli.context import connect, note
from seaway.cli.groups import command_group
from seaway.cli.output import (
    Format,
    age,
    count,
    now,
    paint,
    phase_colour,
    print_fields,
    print_json,
    print_table,
)
from seaway.cli.usage import limit_of
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway workspace list
  seaway workspace create vision              administrators may
  seaway run --workspace vision train.py      to run in it
  seaway workspace create vision --owner ada  ada may delete it too
  seaway workspace create vision --storage-limit 500Gi    the most that its runs may keep
  seaway workspace set vision --storage-limit none
  seaway workspace set vision --storage-files 2000000     in how many files
  seaway workspace grant vision | kubectl apply -f -    where the server may make no namespaces
  seaway workspace show vision
  seaway workspace delete vision              says what goes, and asks for the name
  seaway workspace delete vision --yes vision --stop-runs    where nobody can be asked

\b
A workspace is a namespace that runs can be in. Making one, and saying what its runs may take, is for
administrators of the server, deleting it also for its owner. Its runs then lie in the bin, from where
seaway restore brings them back."""
APP = command_group(EPILOG)
_NONE, _DEFAULT = "none", "default"
_MOST_FILES = 1_000_000_000
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The workspace's name, also that of its namespace.",
        autocompletion=complete_workspaces,
    ),
]


StorageLimit = typer.Option(
    "--storage-limit",
    metavar="SIZE",
    help='The most that its runs may take on the server, such as 500Gi; "none", or "default" for what holds for all workspaces.',
)


StorageFiles = typer.Option(
    "--storage-files",
    metavar="NUMBER",
    help='The most files in which that is kept, such as 2000000; "none" for any number, or "default".',
)


@APP.callback()
def workspace(ctx: typer.Context) -> None:
    """List, make and delete the workspaces of a server: the namespaces that runs can be in."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@APP.command("list")
def list_workspaces(output: Output = Format.TEXT) -> None:
    """List the workspaces, with their runs and the room that these take."""
    with connect() as client:
        found = client.workspaces()
    if output is Format.JSON:
        print_json(found)
        return
    at = now()
    rows = [
        (
            each["name"] + (" (default)" if each["default"] else ""),
            each["owner"] or "-",
            each["state"],
            str(each["live"]),
            str(each["runs"]),
            readable_size(each["total"]),
            limit_of(each["storage_limit"], each["storage_files"]),
            age(each["created"], at) or "-",
            "; ".join(said for said in (each["message"], each["warning"]) if said),
        )
        for each in found
    ]
    print_table(("NAME", "OWNER", "STATE", "LIVE", "RUNS", "ROOM", "LIMIT", "AGE", "MESSAGE"), rows)


@APP.command()
def show(name: Name, output: Output = Format.TEXT) -> None:
    """Show one workspace: its runs, what they take, and what deleting it would take away."""
    with connect() as client:
        view = client.workspace(name)
        losses = _losses_if_shown(client, view)
    if output is Format.JSON:
        print_json({**view, "losses": losses})
        return
    fields = [
        ("Name", view["name"] + (" (default)" if view["default"] else "")),
        ("Owner", view["owner"]),
        ("State", view["state"]),
        ("Message", view["message"]),
        ("Created", view["created"] or ""),
        ("Runs", f"{view['runs']}, {view['live']} of them not ended; {view['binned']} in the bin"),
        ("Outputs", readable_size(view["outputs"])),
        ("Checkpoints", readable_size(view["checkpoints"])),
        ("Logs", readable_size(view["logs"])),
        ("Code", readable_size(view["code"])),
        ("Together", _room(view)),
        ("Files", _files(view)),
        ("Warning", view["warning"]),
    ]
    print_fields(fields)
    if losses:
        print("Deleting it takes:")
    for line in told(losses) if losses else ():
        print(f"  {line}")


@APP.command()
def create(
    name: Name,
    owner: Annotated[
        str | None, typer.Option("--owner", metavar="USER", help="Who may delete it; you without this.")
    ] = None,
    storage_limit: Annotated[str, StorageLimit] = _DEFAULT,
    storage_files: Annotated[str, StorageFiles] = _DEFAULT,
    output: Output = Format.TEXT,
) -> None:
    """Make a workspace, and its namespace where that is missing."""
    limit, files = parse_storage_limit(storage_limit), parse_storage_files(storage_files)
    with connect() as client:
        view = client.create_workspace(name, owner=owner, storage_limit=limit, storage_files=files)
    if output is Format.JSON:
        print_json(view)
        return
    print(f"{name} created")
    note(f"To run in it: seaway run --workspace {name} SCRIPT.py")


@APP.command("set")
def set_workspace(
    name: Name,
    storage_limit: Annotated[str, StorageLimit] = "",
    storage_files: Annotated[str, StorageFiles] = "",
    output: Output = Format.TEXT,
) -> None:
    """Say how much the runs of a workspace may take on the server; what is not said stays as it is."""
    limits = {}
    if storage_limit:
        limits["storage_limit"] = parse_storage_limit(storage_limit)
    if storage_files:
        limits["storage_files"] = parse_storage_files(storage_files)
    if not limits:
        raise SeawayError(
            "nothing is to be otherwise", code="Usage", field="--storage-limit",
            remedy=f"Say what: seaway workspace set {name} --storage-limit 500Gi, or --storage-files 2000000",
        )  # fmt: skip
    with connect() as client:
        view = client.limit_workspace(name, limits)
    if output is Format.JSON:
        print_json(view)
        return
    print(f"{name}: {_room(view)}")
    if storage_files:
        print(f"{name}: files: {_files(view)}")
    if view["warning"]:
        note(f"warning: {view['warning']}")


def parse_storage_limit(text: str) -> int | None:
    """Return bytes, 0 for no limit, None for the server's own. Raises SeawayError, which names the option."""
    from seaway.cli.server_limits import parse_size  # late: it is seldom needed

    if text in (_NONE, _DEFAULT):
        return 0 if text == _NONE else None
    return parse_size("--storage-limit", text)


def parse_storage_files(text: str) -> int | None:
    """Return a number of files, 0 for any number, None for the server's own. Raises SeawayError, which names the option."""
    if text in (_NONE, _DEFAULT):
        return 0 if text == _NONE else None
    if not (text.isascii() and text.isdigit() and 1000 <= int(text) <= _MOST_FILES):
        raise SeawayError(
            f"{text!r} cannot be used", code="Usage", field="--storage-files",
            remedy=f'Give a whole number from 1000 to {_MOST_FILES}, "none" or "default"',
        )  # fmt: skip
    return int(text)


def _room(view: dict[str, Any]) -> str:
    whose = "its own limit" if view["own_limit"] else "as all workspaces"
    limit = limit_of(view["storage_limit"], None)
    return f"{readable_size(view['total'])}; at most: {limit}, {whose}"


def _files(view: dict[str, Any]) -> str:
    whose = "its own limit" if view["own_files"] else "as all workspaces"
    most = "any number" if view["storage_files"] is None else f"{view['storage_files']:,}"
    return f"{view['files']:,}; at most: {most}, {whose}"


@APP.command()
def grant(name: Name) -> None:
    """Print what an administrator of the cluster applies so that the server may use a namespace (YAML)."""
    with connect() as client:
        print(client.workspace_grant(name), end="")
    note(f"Then: seaway workspace create {name}")


@APP.command()
def delete(
    name: Name,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="NAME", help="Confirm it with the workspace's name.")
    ] = None,
    stop_runs: Annotated[
        bool, typer.Option("--stop-runs", help="Stop the runs that have not ended.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return at once.")] = False,
    output: Output = Format.TEXT,
) -> None:
    """Delete a workspace: its runs go into the bin, its namespace goes with all that lies in it."""
    with connect() as client:
        view = client.workspace(name)
        if view["state"] != "deleting":
            losses = _losses_if_shown(client, view)
            agreed = yes if losses is None else _consent(name, losses, yes, stop_runs=stop_runs)
            view = client.delete_workspace(name, confirm=agreed, stop_runs=stop_runs)
        if not detach:
            view = _until_gone(client, view)
    if output is Format.JSON:
        print_json(view)
    elif detach:
        print(f"{name} is being deleted")
    else:
        print(f"{name} deleted")
        if view["runs"] or view["binned"]:
            note("Its runs lie in the bin: seaway ps --bin, seaway restore RUN")


def _losses_if_shown(client: SeawayClient, view: dict[str, Any]) -> dict[str, Any] | None:
    """Return what deleting a workspace takes, None where it cannot be deleted or is somebody else's."""
    if view["default"] or view["state"] != "active":
        return None
    try:
        return client.workspace_losses(view["name"])
    except SeawayError as error:
        if error.status == 403:
            return None
        raise


def told(losses: dict[str, Any]) -> list[str]:
    """Say line by line what deleting a workspace takes. Pure."""
    kept = readable_size(losses["outputs"] + losses["checkpoints"] + losses["logs"])
    lines = []
    if losses["runs"]:
        whose = ", ".join(losses["users"])
        live = f", {losses['live']} of them not ended" if losses["live"] else ""
        days = f"{losses['bin_days']:g} days"
        lines.append(
            f"{count(losses['runs'], 'run')} of {whose}{live}, with {kept} of outputs, checkpoints and logs: can be restored for {days}"
        )
    if not losses["namespace_goes"]:
        lines.append(
            f"the namespace {losses['name']} stays with what else is in it: this server did not make it"
        )
        return lines
    if losses["pods"]:
        lines.append(
            f"{count(len(losses['pods']), 'pod')} that are no run's, for good: {_few(losses['pods'])}"
        )
    if losses["claims"]:
        claims = [f"{claim['name']} {claim['size']}".strip() for claim in losses["claims"]]
        lines.append(f"{count(len(claims), 'volume claim')} with their data, for good: {_few(claims)}")
    lines += [f"{kind}: {number}, for good" for kind, number in losses["others"].items()]
    if losses["unseen"]:
        lines.append(f"not known, because the server may not see them: {', '.join(losses['unseen'])}")
    lines.append("the namespace itself with its Secrets and ConfigMaps, for good")
    return lines


def say(losses: dict[str, Any]) -> None:
    """Tell the person what deleting a workspace takes."""
    note(f"Deleting the workspace {losses['name']} takes:")
    for line in told(losses):
        note(f"  {line}")


def _few(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _consent(name: str, losses: dict[str, Any], yes: str | None, *, stop_runs: bool) -> str | None:
    """Return the name that confirms a deletion, asked for where there is anything to lose."""
    if losses["live"] and not stop_runs:
        say(losses)
        raise SeawayError(
            f"{losses['live']} of its runs have not ended", code="Conflict", status=409, field="--stop-runs",
            remedy=f"Wait, or have them stopped: seaway workspace delete {name} --stop-runs",
        )  # fmt: skip
    anything = losses["runs"] or (
        losses["namespace_goes"] and (losses["pods"] or losses["claims"] or losses["others"])
    )
    if yes is not None or not anything:
        return yes
    say(losses)
    if not sys.stdin.isatty():
        raise SeawayError(
            "nobody is there to type the workspace's name", code="Usage", field="--yes", remedy=f"Confirm it with --yes {name}"
        )  # fmt: skip
    typed = typer.prompt("Type the workspace's name to delete it", err=True).strip()
    if typed != name:
        raise SeawayError(
            f"{typed!r} is not {name!r}: nothing was deleted", code="Usage", remedy="Try again, with its name"
        )
    return name


def _until_gone(client: SeawayClient, view: dict[str, Any]) -> dict[str, Any]:
    """Wait until a workspace is gone, saying what is waited for; return it as it was last."""
    said = ""
    while view["state"] == "deleting":
        if view["message"] and view["message"] != said:
            said = view["message"]
            note(f"{paint(view['state'], phase_colour('stopping'), sys.stderr)}: {said}")
        try:
            view = client.wait_for_workspace(view["name"])
        except SeawayError as error:
            if error.status == 404:
                return view
            raise
    return view
