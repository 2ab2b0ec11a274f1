"""`seaway volume`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from seaway.cli.arguments import Output, complete_volumes, complete_workspaces
from seaway.cli.context import connect, note
from seaway.cli.groups import command_group
from seaway.cli.output import Format, age, now, print_json, print_table
from seaway.sdk.errors import SeawayError
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway volume create inputs --size 10Gi
  seaway run --volume inputs train.py         the program finds it in /volumes/inputs
  seaway run --volume inputs:/data:ro train.py        elsewhere, only to read
  seaway volume create features --size 1Ti --shared   runs on several nodes at once
  seaway volume create scratch --size 50Gi --class fast-ssd
  seaway volume list                          with what uses them, and how full they are
  seaway volume rm inputs                     asks for the name: its data are gone for good
  seaway volume rm inputs --yes inputs        where nobody can be asked

\b
A volume is a PersistentVolumeClaim of the workspace's namespace; kubectl sees it too.
What it may hold: seaway volume create --help."""
APP = command_group(EPILOG)
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The volume's name.", autocompletion=complete_volumes)
]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        metavar="NAME",
        help="Whose volumes; the default one's without this.",
        autocompletion=complete_workspaces,
    ),
]
_ACCESS = {
    "ReadWriteOnce": "one node",
    "ReadWriteMany": "shared",
    "ReadOnlyMany": "shared, only to read",
    "ReadWriteOncePod": "one pod",
}


@APP.callback()
def volume(ctx: typer.Context) -> None:
    """Make, list and remove volumes: storage of a workspace that stays when runs end."""
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


@APP.command("list")
def list_volumes(workspace: Workspace = None, output: Output = Format.TEXT) -> None:
    """List the volumes of a workspace: how large and how full they are, and what uses them now."""
    with connect() as client:
        found = client.volumes(workspace)
    if output is Format.JSON:
        print_json(found)
        return
    at = now()
    rows = [
        (
            each["name"],
            each["size"],
            "-" if each["used_bytes"] is None else readable_size(each["used_bytes"]),
            "-" if each["used_files"] is None else f"{each['used_files']:,}",
            ", ".join(_ACCESS.get(mode, mode) for mode in each["access"]),
            each["state"],
            ", ".join((*each["runs"], *(f"pod/{pod}" for pod in each["pods"]))) or "-",
            age(each["created"], at) or "-",
            each["message"],
        )
        for each in found
    ]
    print_table(("NAME", "SIZE", "USED", "FILES", "ACCESS", "STATE", "USED BY", "AGE", "MESSAGE"), rows)


@APP.command()
def create(
    name: Name,
    size: Annotated[
        str, typer.Option("--size", metavar="SIZE", help='How large, such as "10Gi".', show_default=False)
    ],
    storage_class: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="CLASS", help="The cluster's storage class; its default one without this."
        ),
    ] = None,
    shared: Annotated[
        bool, typer.Option("--shared", help="Runs on several nodes may use it at once, where the class can.")
    ] = False,
    workspace: Workspace = None,
    output: Output = Format.TEXT,
) -> None:
    """Make a volume. Its storage may be made when the first run needs it.

    What it may hold: files. Several runs may read it; nothing keeps two that write from writing over each other, so let one
    write at a time (seaway run --lock NAME). Runs on one node may have it at once, those on other nodes only where it is
    --shared.

    A database (SQLite, LMDB, PostgreSQL ...) belongs into a volume that is not shared, and to one run at a time: on a team's
    cluster a shared volume is a network file system, whose locks and fsync do not keep what a database relies on. There,
    write files whole and rename them; append to none from two nodes.

    Many small files are slow there too, and use up what a disk can count: put them into archives. Nothing is backed up, and
    many volumes cannot leave their node or zone: what must not be lost, a run keeps as its outputs.
    """
    from seaway.sdk.mounts import is_name
    from seaway.sdk.submit import quantity

    if not is_name(name):
        remedy = "Use lower-case letters, digits and '-', at most 63, and do not begin with seaway-"
        raise SeawayError(f"{name!r} cannot be a volume's name", code="Usage", field="NAME", remedy=remedy)
    amount = str(quantity("--size", size, 'such as "10Gi"'))
    with connect() as client:
        view = client.create_volume(
            name, amount, workspace=workspace, storage_class=storage_class, shared=shared
        )
    if output is Format.JSON:
        print_json(view)
        return
    print(f"{name} created")
    where = "" if workspace is None else f" --workspace {workspace}"
    note(f"To use it: seaway run{where} --volume {name} SCRIPT.py, which finds it in /volumes/{name}")


@APP.command()
def rm(
    name: Name,
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="NAME", help="Confirm it with the volume's name.")
    ] = None,
    workspace: Workspace = None,
    output: Output = Format.TEXT,
) -> None:
    """Remove a volume with all that is in it, for good."""
    with connect() as client:
        agreed = yes if yes is not None else _consent(name, client.volumes(workspace))
        view = client.remove_volume(name, workspace=workspace, confirm=agreed)
    if output is Format.JSON:
        print_json(view)
        return
    print(f"{name} removed")


def _consent(name: str, found: list[dict[str, Any]]) -> str | None:
    """Return the name that confirms a removal, asked for; None where the server refuses it anyway, and says why."""
    view = next((each for each in found if each["name"] == name), None)
    if view is None or view["runs"] or view["pods"]:
        return None
    note(f"Removing the volume {name} takes all that is in it, for good: {_held(view)}")
    if not sys.stdin.isatty():
        raise SeawayError(
            "nobody is there to type the volume's name", code="Usage", field="--yes", remedy=f"Confirm it with --yes {name}"
        )  # fmt: skip
    typed = typer.prompt("Type the volume's name to remove it", err=True).strip()
    if typed != name:
        raise SeawayError(
            f"{typed!r} is not {name!r}: nothing was removed", code="Usage", remedy="Try again, with its name"
        )
    return name


def _held(view: dict[str, Any]) -> str:
    if view["state"] == "waiting":
        return "nothing yet, its storage is not made"
    if view["used_bytes"] is None:
        return f"of {view['size']}, how much is not measured"
    return f"{readable_size(view['used_bytes'])} in {view['used_files'] or 0:,} files"
